/* SPDX-License-Identifier: Apache-2.0 */
/* Odd and damaged pictures against what Pillow makes of them (odd.txt), and pictures that are reduced while they are decoded. */
#include <stdint.h>
#include <stdlib.h>

#include "runtime/image/decoder.h"
#include "tests/image/pictures.h"
#include "tests/unit.h"

static void equals_pillow(void **state) {
  (void)state;
  FILE *list = open_list("odd.txt");
  char name[64], path[512];
  size_t width, height;
  unsigned crc, damage, count = 0, wrong = 0;
  while (fscanf(list, "%63s %zu %zu %x %u", name, &width, &height, &crc, &damage) == 5) {
    bnc_image image;
    bnc_error err = {0};
    count++;
    if (bnc_image_load(&image, picture_path(path, name), BNC_IMAGE_MAX_PIXELS, NULL, &err) != BNC_OK) {
      print_error("%s\n", err.text);
      wrong++;
    } else if (image.width != width || image.height != height || crc32_of(image.rgb, width * height * 3) != crc) {
      print_error("%s: found %zu x %zu, expected %zu x %zu and other pixels\n", name, image.width, image.height, width, height);
      wrong++;
    } else if ((image.damage != NULL) != (damage != 0)) {
      print_error("%s: found \"%s\" about its damage, expected %s\n", name, image.damage ? image.damage : "", damage ? "a text" : "none");
      wrong++;
    }
    bnc_image_free(&image);
  }
  fclose(list);
  assert_int_equal(wrong, 0);
  assert_in_range(count, 50, 1000);
}

typedef bnc_status decode_function(bnc_image *image, const uint8_t *data, size_t size, size_t max_pixels, bnc_image_watch *watch,
                                   bnc_error *err);

static void decode(bnc_image *image, decode_function *function, const char *name, size_t max_pixels) {
  size_t size;
  bnc_error err = {0};
  uint8_t *data = read_picture(name, &size);
  *image = (bnc_image){0};
  if (function(image, data, size, max_pixels, NULL, &err) != BNC_OK) fail_msg("%s: %s", name, err.text);
  bnc_mem_free(data);
}

/* The mean of the pixels of `whole` that output pixel (x, y) stands for. */
static unsigned mean_at(const bnc_image *whole, size_t factor, size_t x, size_t y, size_t c) {
  unsigned sum = 0, count = 0;
  for (size_t v = y * factor; v < whole->height && v < (y + 1) * factor; v++)
    for (size_t u = x * factor; u < whole->width && u < (x + 1) * factor; u++, count++) sum += whole->rgb[(v * whole->width + u) * 3 + c];
  return (sum + count / 2) / count;
}

/* PNG exactly, interlaced or not and of odd sides; JPEG and WebP by their own scalers, which no single value pins down, nearly so. */
static void large_pictures_are_reduced(void **state) {
  (void)state;
  static const struct {
    const char *name;
    decode_function *decode;
    size_t divisor, factor; /* max_pixels is the number of pixels / divisor */
    double tolerance;       /* of the mean absolute difference */
  } cases[] = {
      {"photo.png", bnc_png_decode, 2, 2, 0},           {"png_96x61.png", bnc_png_decode, 2, 2, 0},
      {"png_rgb16_adam7.png", bnc_png_decode, 3, 2, 0}, {"png_gray16_adam7.png", bnc_png_decode, 2, 2, 0},
      {"png_gray16.png", bnc_png_decode, 3, 2, 0},      {"png_5x120.png", bnc_png_decode, 2, 2, 0},
      {"photo.jpg", bnc_jpeg_decode, 2, 2, 3},          {"jpeg_progressive.jpg", bnc_jpeg_decode, 3, 2, 3},
      {"photo.webp", bnc_webp_decode, 2, 2, 3},         {"webp_lossless.webp", bnc_webp_decode, 3, 2, 3},
      {"photo.png", bnc_png_decode, 1, 1, 0},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    bnc_image whole, reduced;
    decode(&whole, cases[i].decode, cases[i].name, 1u << 24);
    const size_t f = cases[i].factor;
    decode(&reduced, cases[i].decode, cases[i].name, (whole.width * whole.height + cases[i].divisor - 1) / cases[i].divisor);
    assert_int_equal(reduced.width, (whole.width + f - 1) / f);
    assert_int_equal(reduced.height, (whole.height + f - 1) / f);
    double difference = 0;
    for (size_t y = 0; y < reduced.height; y++)
      for (size_t x = 0; x < reduced.width; x++)
        for (size_t c = 0; c < 3; c++)
          difference += abs((int)reduced.rgb[(y * reduced.width + x) * 3 + c] - (int)mean_at(&whole, f, x, y, c));
    difference /= (double)(reduced.width * reduced.height * 3);
    if (difference > cases[i].tolerance) fail_msg("%s: found a mean difference of %g", cases[i].name, difference);
    bnc_image_free(&whole);
    bnc_image_free(&reduced);
  }
}

static void chooses_the_least_reduction(void **state) {
  (void)state;
  assert_int_equal(bnc_image_reduction(12000, 9000, BNC_IMAGE_MAX_PIXELS), 2);
  assert_int_equal(bnc_image_reduction(16320, 12240, BNC_IMAGE_MAX_PIXELS), 2);
  assert_int_equal(bnc_image_reduction(8192, 8192, BNC_IMAGE_MAX_PIXELS), 1);
  assert_int_equal(bnc_image_reduction(8193, 8192, BNC_IMAGE_MAX_PIXELS), 2);
  assert_int_equal(bnc_image_reduction(1, 3, 1), 4); /* a half, rounded up, is still too much */
  assert_int_equal(bnc_image_check_size(12000, 9000, BNC_IMAGE_MAX_PIXELS, NULL), BNC_OK);
  assert_int_equal(bnc_image_check_size(16320, 12240, BNC_IMAGE_MAX_PIXELS, NULL), BNC_OK);
  assert_int_equal(bnc_image_check_size(32768, 16384, BNC_IMAGE_MAX_PIXELS, NULL), BNC_ERROR_LIMIT);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(equals_pillow), cmocka_unit_test(large_pictures_are_reduced),
                                     cmocka_unit_test(chooses_the_least_reduction)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
