/* SPDX-License-Identifier: Apache-2.0 */
/* Wrong pictures: each gets its status and one line that names what was found, and leaves no memory behind. */
#include <stdint.h>
#include <string.h>

#include "tests/image/pictures.h"
#include "tests/unit.h"

static void bad_files(void **state) {
  (void)state;
  static const struct {
    const char *name;
    bnc_status status;
    const char *says;
  } cases[] = {
      {"bad_zero.png", BNC_ERROR_FORMAT, "found 0 x 11"},
      {"bad_bomb.png", BNC_ERROR_LIMIT, "30000 x 30000"},
      {"bad_side.png", BNC_ERROR_LIMIT, "40000 x 1"},
      {"bad_claim.png", BNC_ERROR_FORMAT, "for 8000 x 8000 pixels"},
      {"bad_crc.png", BNC_ERROR_FORMAT, "CRC"},
      {"bad_palette.png", BNC_ERROR_FORMAT, "PLTE"},
      {"bad_zero.jpg", BNC_ERROR_FORMAT, "found 71 x 0"},
      {"bad_bomb.jpg", BNC_ERROR_LIMIT, "30000 x 30000"},
      {"bad_side.jpg", BNC_ERROR_LIMIT, "65000 x 1"},
      {"bad_claim.jpg", BNC_ERROR_FORMAT, "for 8000 x 8000 pixels"},
      {"bad_channels.jpg", BNC_ERROR_FORMAT, "Empty"},
      {"bad_12bit.jpg", BNC_ERROR_UNSUPPORTED, "precision 12"},
      {"bad_bomb.webp", BNC_ERROR_LIMIT, "16000 x 16000"},
      {"bad_frame.webp", BNC_ERROR_FORMAT, "damaged"},
      {"bad_zero.webp", BNC_ERROR_FORMAT, "damaged"},
      {"absent.png", BNC_ERROR_IO, "No such file"},
      {"", BNC_ERROR_IO, "directory"},
      {"decode.txt", BNC_ERROR_FORMAT, "expected a " BNC_IMAGE_FORMATS},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char path[512];
    bnc_image image;
    bnc_error err = {0};
    const size_t live = bnc_mem_live();
    const bnc_status s = bnc_image_load(&image, picture_path(path, cases[i].name), BNC_IMAGE_MAX_PIXELS, NULL, &err);
    if (s != cases[i].status || !strstr(err.text, cases[i].says))
      fail_msg("%s: found status %d, \"%s\", expected %d with \"%s\"", cases[i].name, (int)s, err.text, (int)cases[i].status,
               cases[i].says);
    if (!strstr(err.text, path)) fail_msg("\"%s\" does not name %s", err.text, path);
    assert_null(image.rgb);
    assert_int_equal(bnc_mem_live(), live);
  }
}

/* Refused from the header: the most that was ever taken is far below the claimed picture. */
static void bombs_take_no_memory(void **state) {
  (void)state;
  static const char *const names[] = {"bad_bomb.png", "bad_claim.png", "bad_bomb.jpg", "bad_claim.jpg", "bad_bomb.webp"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    size_t size;
    bnc_image image;
    uint8_t *data = read_picture(names[i], &size);
    assert_int_not_equal(bnc_image_decode(&image, data, size, BNC_IMAGE_MAX_PIXELS, NULL, NULL), BNC_OK);
    bnc_mem_free(data);
  }
  assert_true(bnc_mem_peak() < 4u << 20);
}

static void names_other_formats(void **state) {
  (void)state;
  static const struct {
    const char *bytes;
    size_t size;
    const char *says;
  } cases[] = {
      {"", 0, "an empty file"},
      {"GIF89a..", 8, "a GIF picture"},
      {"\0\0\0\x1c"
       "ftypheic",
       12, "a HEIC picture"},
      {"\0\0\0\x1c"
       "ftypavif",
       12, "an AVIF picture"},
      {"BM......", 8, "a BMP picture"},
      {"%PDF-1.7", 8, "a PDF document"},
      {"RIFF....WAVEfmt ", 16, "a RIFF file"},
      {"\xff", 1, "begins with ff,"},
      {"\x89PNG", 4, "begins with 89 50 4e 47,"},
      {"\xff\xd8", 2, "begins with ff d8,"},
      {"hello", 5, "begins with 68 65 6c 6c 6f,"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    bnc_image image;
    bnc_error err = {0};
    assert_int_not_equal(bnc_image_decode(&image, (const uint8_t *)cases[i].bytes, cases[i].size, BNC_IMAGE_MAX_PIXELS, NULL, &err),
                         BNC_OK);
    if (!strstr(err.text, cases[i].says)) fail_msg("\"%s\" does not say \"%s\"", err.text, cases[i].says);
    if (!strstr(err.text, "expected a " BNC_IMAGE_FORMATS)) fail_msg("\"%s\" does not say what is expected", err.text);
  }
}

static const char *const whole[] = {"photo.png",
                                    "photo.jpg",
                                    "photo.webp",
                                    "jpeg_progressive.jpg",
                                    "jpeg_gray.jpg",
                                    "jpeg_restart.jpg",
                                    "png_rgba16_adam7.png",
                                    "png_palette4.png",
                                    "webp_lossless_alpha.webp",
                                    "webp_lossy_alpha.webp",
                                    "webp_animated_part.webp",
                                    "webp_exif8.webp"};
enum { WHOLE = sizeof whole / sizeof *whole };

/* Cut short, a picture is refused, or has all its pixels and says what is missing. */
static bool truncated_at(const char *name, const bnc_image *good, const uint8_t *data, size_t size) {
  uint8_t *part = bnc_mem_alloc(size);
  bnc_image image;
  bnc_error err = {0};
  memcpy(part, data, size);
  const bnc_status s = bnc_image_decode(&image, part, size, BNC_IMAGE_MAX_PIXELS, NULL, &err);
  bnc_mem_free(part);
  if (s == BNC_OK) {
    if (!image.damage) fail_msg("%s: its first %zu bytes were taken for the whole", name, size);
    assert_int_equal(image.width, good->width);
    assert_int_equal(image.height, good->height);
    if (memcmp(image.rgb, good->rgb, image.width * image.height * 3)) fail_msg("%s: its first %zu bytes give other pixels", name, size);
  } else {
    assert_true(err.text[0] && err.status != BNC_ERROR_INTERNAL);
    assert_null(image.rgb);
  }
  bnc_image_free(&image);
  return s == BNC_OK;
}

static void truncated(void **state) {
  (void)state;
  const size_t live = bnc_mem_live();
  for (size_t i = 0; i < WHOLE; i++) {
    size_t size;
    bnc_image good;
    uint8_t *data = read_picture(whole[i], &size);
    assert_int_equal(bnc_image_decode(&good, data, size, BNC_IMAGE_MAX_PIXELS, NULL, NULL), BNC_OK);
    for (size_t k = 0; k < 12; k++) assert_false(truncated_at(whole[i], &good, data, size * k / 16));
    for (size_t k = 1; k <= 40; k++) truncated_at(whole[i], &good, data, size - k);
    bnc_image_free(&good);
    bnc_mem_free(data);
  }
  assert_int_equal(bnc_mem_live(), live);
}

/* A flipped bit may go unseen (a colour changes) but must not do harm. */
static void flipped_bits(void **state) {
  (void)state;
  const size_t live = bnc_mem_live();
  for (size_t i = 3; i < WHOLE; i++) {
    size_t size;
    uint8_t *data = read_picture(whole[i], &size);
    for (size_t at = 0; at < size; at += 1 + size / 150) {
      bnc_image image;
      bnc_error err = {0};
      data[at] ^= (uint8_t)(1u << (at % 8));
      const bnc_status s = bnc_image_decode(&image, data, size, BNC_IMAGE_MAX_PIXELS, NULL, &err);
      assert_true((s == BNC_OK) == (image.rgb != NULL));
      assert_true((s == BNC_OK) == (err.text[0] == 0));
      bnc_image_free(&image);
      data[at] ^= (uint8_t)(1u << (at % 8));
    }
    bnc_mem_free(data);
  }
  assert_int_equal(bnc_mem_live(), live);
}

static void failed_allocations(void **state) {
  (void)state;
  for (size_t i = 0; i < WHOLE; i++) {
    size_t size;
    uint8_t *data = read_picture(whole[i], &size);
    const size_t live = bnc_mem_live();
    bnc_status s = BNC_ERROR_MEMORY;
    long long allowed = 0;
    for (; s != BNC_OK && allowed < 200; allowed++) {
      bnc_image image;
      bnc_error err = {0};
      bnc_mem_fail_after(allowed);
      s = bnc_image_decode(&image, data, size, BNC_IMAGE_MAX_PIXELS, NULL, &err);
      bnc_mem_fail_after(-1);
      if (s != BNC_OK && s != BNC_ERROR_MEMORY) fail_msg("%s without memory: found status %d, \"%s\"", whole[i], (int)s, err.text);
      bnc_image_free(&image);
      assert_int_equal(bnc_mem_live(), live);
    }
    assert_int_equal(s, BNC_OK);
    bnc_mem_free(data);
  }
}

typedef struct stop {
  bnc_image_watch *watch;
  double last;
  bool between; /* stop there; else never */
} stop;

static bool on_step(void *context, double fraction) {
  stop *s = context;
  s->watch->asked = 0; /* ask again, however soon */
  if (fraction < s->last) fail_msg("found %g behind %g", fraction, s->last);
  s->last = fraction;
  return s->between && fraction > 0 && fraction < 1;
}

/* Between the rows, or the parts of a file: a picture that nobody wants any more is not decoded to its end, and leaves nothing. */
static void stopped(void **state) {
  (void)state;
  static const char *const names[] = {"photo.png", "png_rgba16_adam7.png", "photo.jpg", "jpeg_progressive.jpg", "photo.webp"};
  for (size_t i = 0; i < 2 * (sizeof names / sizeof *names); i++) {
    char path[512];
    bnc_image image;
    bnc_error err = {0};
    bnc_image_watch watch = {.step = on_step};
    stop s = {.watch = &watch, .between = i % 2 == 0};
    const size_t live = bnc_mem_live();
    watch.context = &s;
    const bnc_status status = bnc_image_load(&image, picture_path(path, names[i / 2]), BNC_IMAGE_MAX_PIXELS, &watch, &err);
    if (status != (s.between ? BNC_ERROR_CANCELLED : BNC_OK) || (s.last < 1) != s.between)
      fail_msg("%s: found status %d at %g", names[i / 2], (int)status, s.last);
    assert_true((image.rgb == NULL) == s.between);
    bnc_image_free(&image);
    assert_int_equal(bnc_mem_live(), live);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(bombs_take_no_memory),
                                     cmocka_unit_test(bad_files),
                                     cmocka_unit_test(names_other_formats),
                                     cmocka_unit_test(truncated),
                                     cmocka_unit_test(stopped),
                                     cmocka_unit_test(flipped_bits),
                                     cmocka_unit_test(failed_allocations)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
