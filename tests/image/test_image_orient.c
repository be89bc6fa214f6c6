/* SPDX-License-Identifier: Apache-2.0 */
/* EXIF blocks, good and damaged, and the eight orientations. */
#include <stdint.h>
#include <string.h>

#include "runtime/image/decoder.h"
#include "tests/image/pictures.h"
#include "tests/unit.h"

static void turns_upright(void **state) {
  (void)state;
  /* the stored 3 x 2 picture is  a b c / d e f */
  static const struct {
    size_t width;
    const char *upright;
  } expected[9] = {{3, "abcdef"}, {3, "abcdef"}, {3, "cbafed"}, {3, "fedcba"}, {3, "defabc"},
                   {2, "adbecf"}, {2, "daebfc"}, {2, "fcebda"}, {2, "cfbead"}};
  for (unsigned o = 0; o <= 8; o++) {
    bnc_image image = {3, 2, bnc_mem_alloc(18), NULL};
    for (size_t i = 0; i < 18; i++) image.rgb[i] = (uint8_t)("abcdef"[i / 3] + 20 * (i % 3));
    assert_int_equal(bnc_image_orient(&image, o, NULL), BNC_OK);
    assert_int_equal(image.width, expected[o].width);
    assert_int_equal(image.height, 6 / expected[o].width);
    for (size_t i = 0; i < 18; i++) assert_int_equal(image.rgb[i], expected[o].upright[i / 3] + 20 * (int)(i % 3));
    bnc_image_free(&image);
  }
}

/* Larger than a block, and no multiple of one. */
static void transposes_large(void **state) {
  (void)state;
  const size_t w = 67, h = 41;
  bnc_image image = {w, h, bnc_mem_alloc(w * h * 3), NULL};
  for (size_t i = 0; i < w * h * 3; i++) image.rgb[i] = (uint8_t)(i * 31 + i / 251);
  assert_int_equal(bnc_image_orient(&image, 5, NULL), BNC_OK);
  for (size_t y = 0; y < h; y++)
    for (size_t x = 0; x < w; x++)
      for (size_t c = 0; c < 3; c++) {
        const size_t i = (y * w + x) * 3 + c;
        assert_int_equal(image.rgb[(x * h + y) * 3 + c], (uint8_t)(i * 31 + i / 251));
      }
  bnc_image_free(&image);
}

static const uint8_t little[] = {'I', 'I', 42, 0,    8, 0, 0, 0, 2, 0, 0, 1, 4, 0, 1, 0, 0, 0, 9,
                                 0,   0,   0,  0x12, 1, 3, 0, 1, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0};
static const uint8_t big[] = {'M', 'M', 0, 42, 0, 0, 0, 8, 0, 1, 1, 0x12, 0, 3, 0, 0, 0, 1, 0, 8, 0, 0, 0, 0, 0, 0};

static void reads_exif(void **state) {
  (void)state;
  assert_int_equal(bnc_exif_orientation(little, sizeof little), 6);
  assert_int_equal(bnc_exif_orientation(big, sizeof big), 8);
  for (size_t n = 0; n < 34; n++) assert_int_equal(bnc_exif_orientation(little, n), 0);
}

static void survives_damaged_exif(void **state) {
  (void)state;
  uint8_t data[sizeof little];
  for (size_t i = 0; i < sizeof little; i++)
    for (unsigned v = 0; v < 256; v++) {
      memcpy(data, little, sizeof little);
      data[i] = (uint8_t)v;
      for (size_t n = 0; n <= sizeof little; n += 7) assert_in_range(bnc_exif_orientation(data, n), 0, 8);
    }
}

static unsigned xmp(const char *text) { return bnc_xmp_orientation((const uint8_t *)text, strlen(text)); }

static void reads_xmp(void **state) {
  (void)state;
  assert_int_equal(xmp("<a tiff:Orientation=\"6\"/>"), 6);
  assert_int_equal(xmp("<a tiff:Orientation = '8'/>"), 8);
  assert_int_equal(xmp("<tiff:Orientation>3</tiff:Orientation>"), 3);
  assert_int_equal(xmp("<tiff:Orientation>\n 3</tiff:Orientation>"), 3);
  assert_int_equal(xmp("tiff:Orientation is tiff:Orientation=\"2\""), 2);
  assert_int_equal(xmp("tiff:Orientation=\"9\""), 1);
  assert_int_equal(xmp("tiff:Orientation=\"0\""), 1);
  static const char *const nothing[] = {
      "", "tiff:Orientation", "tiff:Orientation=", "tiff:Orientation=\"", "tiff:Orientation=6", "tiff:Orientation>"};
  for (size_t i = 0; i < sizeof nothing / sizeof *nothing; i++) assert_int_equal(xmp(nothing[i]), 0);
}

static unsigned orientation_of(const char *exif_profile, const char *xmp_text) {
  bnc_notes notes = {0};
  unsigned orientation;
  if (exif_profile) notes.of[BNC_NOTE_EXIF_PROFILE] = (bnc_note){(const uint8_t *)exif_profile, strlen(exif_profile)};
  if (xmp_text) notes.of[BNC_NOTE_XMP] = (bnc_note){(const uint8_t *)xmp_text, strlen(xmp_text)};
  assert_int_equal(bnc_notes_orientation(&notes, &orientation, NULL), BNC_OK);
  return orientation;
}

static void weighs_its_sources(void **state) {
  (void)state;
  static const char six[] = "\nexif\n 26\n4d4d002a 00000008\n0001 0112 0003 00000001 00060000\n", eight[] = "tiff:Orientation=\"8\"";
  assert_int_equal(orientation_of(NULL, NULL), 1);
  assert_int_equal(orientation_of(six, eight), 6);
  assert_int_equal(orientation_of(NULL, eight), 8);
  assert_int_equal(orientation_of("\nexif\n 26\n4d4d002a0", eight), 8); /* an odd number of digits: no profile */
  assert_int_equal(orientation_of("\nexif\n", eight), 8);
  assert_int_equal(orientation_of("", NULL), 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(turns_upright),      cmocka_unit_test(transposes_large),
                                     cmocka_unit_test(reads_exif),         cmocka_unit_test(reads_xmp),
                                     cmocka_unit_test(weighs_its_sources), cmocka_unit_test(survives_damaged_exif)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
