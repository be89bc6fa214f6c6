/* SPDX-License-Identifier: Apache-2.0 */
/* Every kind of picture against what Pillow decodes (decode.txt). */
#include <stdint.h>
#include <stdlib.h>

#include "tests/image/pictures.h"
#include "tests/unit.h"

static void equals_pillow(void **state) {
  (void)state;
  FILE *list = open_list("decode.txt");
  char name[64], path[512];
  size_t width, height;
  unsigned crc, count = 0, wrong = 0;
  while (fscanf(list, "%63s %zu %zu %x", name, &width, &height, &crc) == 4) {
    bnc_image image;
    bnc_error err = {0};
    count++;
    if (bnc_image_load(&image, picture_path(path, name), BNC_IMAGE_MAX_PIXELS, NULL, &err) != BNC_OK) {
      print_error("%s\n", err.text);
      wrong++;
    } else if (image.width != width || image.height != height || crc32_of(image.rgb, width * height * 3) != crc) {
      print_error("%s: found %zu x %zu, checksum %08x, expected %zu x %zu, %08x\n", name, image.width, image.height,
                  crc32_of(image.rgb, image.width * image.height * 3), width, height, crc);
      wrong++;
    }
    bnc_image_free(&image);
  }
  fclose(list);
  assert_int_equal(wrong, 0);
  assert_in_range(count, 70, 1000);
}

/* The three photo files are one scene: whatever the format, decoding gives about the same colours. */
static void formats_agree(void **state) {
  (void)state;
  static const char *const names[] = {"photo.png", "photo.jpg", "photo.webp"};
  bnc_image image[3];
  char path[512];
  for (int i = 0; i < 3; i++)
    assert_int_equal(bnc_image_load(&image[i], picture_path(path, names[i]), BNC_IMAGE_MAX_PIXELS, NULL, NULL), BNC_OK);
  for (int i = 1; i < 3; i++) {
    uint64_t difference = 0;
    const size_t n = image[0].width * image[0].height * 3;
    assert_int_equal(image[i].width * image[i].height * 3, n);
    for (size_t k = 0; k < n; k++) difference += (uint64_t)abs(image[0].rgb[k] - image[i].rgb[k]);
    assert_true(difference > 0 && difference < n * 6);
  }
  for (int i = 0; i < 3; i++) bnc_image_free(&image[i]);
}

static void leaves_no_memory(void **state) {
  (void)state;
  const size_t before = bnc_mem_live();
  equals_pillow(state);
  assert_int_equal(bnc_mem_live(), before);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(equals_pillow), cmocka_unit_test(formats_agree), cmocka_unit_test(leaves_no_memory)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
