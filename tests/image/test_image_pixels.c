/* SPDX-License-Identifier: Apache-2.0 */
/* Raw pixels of every format against the definitions: ITU-R BT.601 and BT.709 in doubles, and plain copies. */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "runtime/image/raw_pixels.h"
#include "tests/unit.h"

enum { WIDTH = 7, HEIGHT = 5, STRIDE = 64, ROWS = 8 };

static uint32_t random_state = 1;
static uint8_t random_byte(void) {
  random_state = random_state * 1664525u + 1013904223u;
  return (uint8_t)(random_state >> 24);
}

typedef struct picture {
  uint8_t plane[3][ROWS * STRIDE];
  bnc_pixels pixels;
} picture;

static picture random_picture(bnc_pixel_format format) {
  picture p;
  for (size_t i = 0; i < 3; i++)
    for (size_t k = 0; k < sizeof p.plane[i]; k++) p.plane[i][k] = random_byte();
  bnc_pixels_init(&p.pixels);
  p.pixels.format = format;
  p.pixels.width = WIDTH;
  p.pixels.height = HEIGHT;
  for (size_t i = 0; i < 3; i++) p.pixels.stride[i] = STRIDE;
  return p;
}

static bnc_image convert(picture *p) {
  bnc_image image;
  bnc_error err = {0};
  for (size_t i = 0; i < 3; i++) p->pixels.plane[i] = p->plane[i];
  if (bnc_image_from_pixels(&image, &p->pixels, &err) != BNC_OK) fail_msg("%s", err.text);
  assert_int_equal(image.width, WIDTH);
  assert_int_equal(image.height, HEIGHT);
  return image;
}

static void packed_formats_keep_their_colours(void **state) {
  static const struct {
    bnc_pixel_format format;
    size_t bytes, at[3];
  } cases[] = {{BNC_PIXELS_RGB8, 3, {0, 1, 2}},
               {BNC_PIXELS_RGBA8, 4, {0, 1, 2}},
               {BNC_PIXELS_BGR8, 3, {2, 1, 0}},
               {BNC_PIXELS_GRAY8, 1, {0, 0, 0}},
               {BNC_PIXELS_BGRA8, 4, {2, 1, 0}}};
  (void)state;
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
    picture p = random_picture(cases[k].format);
    bnc_image image = convert(&p);
    for (size_t y = 0; y < HEIGHT; y++)
      for (size_t x = 0; x < WIDTH; x++)
        for (size_t c = 0; c < 3; c++)
          assert_int_equal(image.rgb[(y * WIDTH + x) * 3 + c], p.plane[0][y * STRIDE + x * cases[k].bytes + cases[k].at[c]]);
    bnc_image_free(&image);
  }
}

/* The exact value, of which the byte must be the nearest: R'G'B' from Y'CbCr by the luma weights of red and blue. */
static void expect_yuv(const uint8_t *rgb, bnc_yuv yuv, int y, int u, int v) {
  const bool hd = yuv == BNC_YUV_BT709 || yuv == BNC_YUV_BT709_FULL, full = yuv == BNC_YUV_BT601_FULL || yuv == BNC_YUV_BT709_FULL;
  const double kr = hd ? 0.2126 : 0.299, kb = hd ? 0.0722 : 0.114, kg = 1 - kr - kb;
  const double luma = full ? y : (y - 16) * 255.0 / 219.0, scale = full ? 1.0 : 255.0 / 224.0;
  const double cb = (u - 128) * scale, cr = (v - 128) * scale;
  const double exact[3] = {luma + 2 * (1 - kr) * cr, luma - 2 * (1 - kb) * kb / kg * cb - 2 * (1 - kr) * kr / kg * cr,
                           luma + 2 * (1 - kb) * cb};
  for (size_t c = 0; c < 3; c++) {
    const double clipped = exact[c] < 0 ? 0 : exact[c] > 255 ? 255 : exact[c];
    assert_true(fabs(rgb[c] - clipped) <= 0.501);
  }
}

static void planes_follow_the_recommendations(void **state) {
  static const bnc_pixel_format formats[] = {BNC_PIXELS_NV12, BNC_PIXELS_NV21, BNC_PIXELS_I420};
  (void)state;
  for (size_t k = 0; k < 3; k++)
    for (int yuv = BNC_YUV_BT601; yuv <= BNC_YUV_BT709_FULL; yuv++) {
      picture p = random_picture(formats[k]);
      p.pixels.yuv = (bnc_yuv)yuv;
      bnc_image image = convert(&p);
      for (size_t y = 0; y < HEIGHT; y++)
        for (size_t x = 0; x < WIDTH; x++) {
          const uint8_t *pairs = p.plane[1] + y / 2 * STRIDE + x / 2 * 2;
          const size_t single = y / 2 * STRIDE + x / 2;
          const int u = k == 0 ? pairs[0] : k == 1 ? pairs[1] : p.plane[1][single];
          const int v = k == 0 ? pairs[1] : k == 1 ? pairs[0] : p.plane[2][single];
          expect_yuv(image.rgb + (y * WIDTH + x) * 3, (bnc_yuv)yuv, p.plane[0][y * STRIDE + x], u, v);
        }
      bnc_image_free(&image);
    }
}

/* One block without gaps, as OpenCV keeps NV12 and I420: planes that are not named follow each other. */
static void planes_that_are_not_named_follow(void **state) {
  uint8_t block[4 * 6 + 2 * 2 * 6];
  bnc_image together, apart;
  bnc_error err = {0};
  (void)state;
  for (size_t i = 0; i < sizeof block; i++) block[i] = random_byte();
  for (int format = BNC_PIXELS_NV12; format <= BNC_PIXELS_I420; format++) {
    bnc_pixels p;
    bnc_pixels_init(&p);
    p.format = (bnc_pixel_format)format;
    p.width = 4;
    p.height = 6;
    p.plane[0] = block;
    assert_int_equal(bnc_image_from_pixels(&together, &p, &err), BNC_OK);
    p.plane[1] = block + 24;
    p.plane[2] = block + 24 + 6;
    assert_int_equal(bnc_image_from_pixels(&apart, &p, &err), BNC_OK);
    assert_memory_equal(together.rgb, apart.rgb, 4 * 6 * 3);
    bnc_image_free(&together);
    bnc_image_free(&apart);
  }
}

static void refuse(const bnc_pixels *p, bnc_status expected, const char *words) {
  bnc_image image;
  bnc_error err = {0};
  assert_int_equal(bnc_image_from_pixels(&image, p, &err), expected);
  assert_null(image.rgb);
  if (!strstr(err.text, words)) fail_msg("'%s' lacks '%s'", err.text, words);
}

static void impossible_pixels_are_refused(void **state) {
  static const uint8_t one[16];
  bnc_pixels p;
  (void)state;
  bnc_pixels_init(&p);
  p.plane[0] = one;
  refuse(&p, BNC_ERROR_ARGUMENT, "0 x 0");
  p.width = p.height = 2;
  p.stride[0] = 5;
  refuse(&p, BNC_ERROR_ARGUMENT, "stride of 5 bytes, expected at least 6");
  p.stride[0] = 0;
  p.plane[0] = NULL;
  refuse(&p, BNC_ERROR_ARGUMENT, "no pixels");
  p.plane[0] = one;
  p.format = (bnc_pixel_format)99;
  refuse(&p, BNC_ERROR_ARGUMENT, "format 99");
  p.format = BNC_PIXELS_GRAY8;
  p.width = BNC_IMAGE_MAX_SIDE;
  p.height = BNC_IMAGE_MAX_SIDE;
  refuse(&p, BNC_ERROR_LIMIT, "pixels");
  p.width = p.height = 4;
  p.size = 0;
  refuse(&p, BNC_ERROR_ARGUMENT, "no size");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(packed_formats_keep_their_colours),
      cmocka_unit_test(planes_follow_the_recommendations),
      cmocka_unit_test(planes_that_are_not_named_follow),
      cmocka_unit_test(impossible_pixels_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
