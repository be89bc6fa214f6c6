/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/image/image.h"

#include <stdio.h>
#include <string.h>

#include "platforms/base/clock.h"
#include "platforms/base/mem.h"
#include "platforms/file/file.h"
#include "runtime/image/decoder.h"

bnc_status bnc_image_check_size(uint64_t width, uint64_t height, size_t max_pixels, bnc_error *err) {
  const unsigned long long w = width, h = height;
  if (w == 0 || h == 0) return bnc_fail(err, BNC_ERROR_FORMAT, "the picture is empty: found %llu x %llu pixels", w, h);
  if (w > BNC_IMAGE_MAX_SIDE || h > BNC_IMAGE_MAX_SIDE)
    return bnc_fail(err, BNC_ERROR_LIMIT, "the picture is too large: found %llu x %llu pixels, expected at most %u on a side", w, h,
                    BNC_IMAGE_MAX_SIDE);
  const unsigned long long most = (unsigned long long)max_pixels * BNC_IMAGE_MAX_REDUCED;
  if (w * h > most)
    return bnc_fail(err, BNC_ERROR_LIMIT, "the picture is too large: found %llu x %llu = %llu pixels, expected at most %llu", w, h, w * h,
                    most);
  return BNC_OK;
}

bnc_status bnc_image_allocate(bnc_image *image, uint64_t width, uint64_t height, size_t max_pixels, bnc_error *err) {
  bnc_status s = bnc_image_check_size(width, height, max_pixels, err);
  if (s != BNC_OK) return s;
  if (width * height > max_pixels)
    return bnc_fail(err, BNC_ERROR_INTERNAL, "the picture has %llu pixels after its reduction, expected at most %zu",
                    (unsigned long long)(width * height), max_pixels);
  const size_t bytes = (size_t)width * (size_t)height * 3;
  uint8_t *rgb = bnc_mem_alloc(bytes);
  if (!rgb) return bnc_fail_memory(err, bytes);
  *image = (bnc_image){.width = (size_t)width, .height = (size_t)height, .rgb = rgb, .damage = image->damage};
  return BNC_OK;
}

void bnc_image_free(bnc_image *image) {
  if (!image) return;
  bnc_mem_free(image->rgb);
  *image = (bnc_image){0};
}

typedef struct signature {
  size_t offset, length;
  const char *bytes, *name;
} signature;

/* What people hand over by mistake; the message names it, so that they know what to convert. */
static const signature others[] = {
    {0, 4, "GIF8", "a GIF picture"},
    {0, 2, "BM", "a BMP picture"},
    {0, 4, "II*\0", "a TIFF or raw camera picture"},
    {0, 4, "MM\0*", "a TIFF or raw camera picture"},
    {4, 8, "ftypavif", "an AVIF picture"},
    {4, 8, "ftypavis", "an AVIF picture"},
    {4, 7, "ftyphei", "a HEIC picture"},
    {4, 8, "ftypmif1", "a HEIF picture"},
    {4, 4, "ftyp", "an MP4 film"},
    {0, 12, "\0\0\0\x0cJXL \r\n\x87\n", "a JPEG XL picture"},
    {0, 2, "\xff\x0a", "a JPEG XL picture"},
    {0, 12, "\0\0\0\x0cjP  \r\n\x87\n", "a JPEG 2000 picture"},
    {0, 4, "\xff\x4f\xff\x51", "a JPEG 2000 picture"},
    {0, 4, "8BPS", "a Photoshop document"},
    {0, 4, "\0\0\1\0", "an icon (ICO)"},
    {0, 4, "%PDF", "a PDF document"},
    {0, 4, "qoif", "a QOI picture"},
    {0, 4, "<svg", "an SVG drawing"},
    {0, 5, "<?xml", "an XML or SVG document"},
    {0, 9, "<!DOCTYPE", "a web page"},
    {0, 5, "<html", "a web page"},
    {0, 4, "RIFF", "a RIFF file (sound or film)"},
    {0, 4, "PK\3\4", "a ZIP archive"},
    {0, 2, "\x1f\x8b", "a gzip archive"},
    {0, 4,
     "\x7f"
     "ELF",
     "a program"},
    {0, 6, "\x93NUMPY", "a NumPy array"},
    {0, 23, "version https://git-lfs", "a Git LFS pointer (the picture itself was not fetched)"},
};

static int starts_with(const uint8_t *data, size_t size, size_t offset, const char *bytes, size_t length) {
  return size >= offset + length && memcmp(data + offset, bytes, length) == 0;
}

static bnc_status refuse(const uint8_t *data, size_t size, bnc_error *err) {
  static const char expected[] = "expected a " BNC_IMAGE_FORMATS " picture";
  if (size == 0) return bnc_fail(err, BNC_ERROR_FORMAT, "found an empty file, %s", expected);
  for (size_t i = 0; i < sizeof others / sizeof *others; i++)
    if (starts_with(data, size, others[i].offset, others[i].bytes, others[i].length))
      return bnc_fail(err, BNC_ERROR_UNSUPPORTED, "found %s, %s", others[i].name, expected);
  char hex[3 * 8 + 1] = "";
  for (size_t i = 0; i < size && i < 8; i++) snprintf(hex + 3 * i, 4, " %02x", data[i]);
  return bnc_fail(err, BNC_ERROR_FORMAT, "found content that begins with%s, %s", hex, expected);
}

static bnc_status ask_now(bnc_image_watch *watch, double fraction, bnc_error *err) {
  if (!watch) return BNC_OK;
  watch->asked = bnc_clock_ns();
  return watch->step(watch->context, fraction) ? bnc_fail(err, BNC_ERROR_CANCELLED, "cancelled") : BNC_OK;
}

bnc_status bnc_image_ask(bnc_image_watch *watch, double fraction, bnc_error *err) {
  return watch && bnc_clock_ns() - watch->asked >= 10000000 ? ask_now(watch, fraction, err) : BNC_OK;
}

static bnc_status decode(bnc_image *image, const uint8_t *data, size_t size, size_t max_pixels, bnc_image_watch *watch, bnc_error *err) {
  if (size > BNC_IMAGE_MAX_FILE_SIZE)
    return bnc_fail(err, BNC_ERROR_LIMIT, "the picture's file is too large: found %zu bytes, expected at most %u", size,
                    BNC_IMAGE_MAX_FILE_SIZE);
  if (starts_with(data, size, 0, "RIFF", 4) && starts_with(data, size, 8, "WEBP", 4))
    return bnc_webp_decode(image, data, size, max_pixels, watch, err);
  if (starts_with(data, size, 0, "\xff\xd8\xff", 3)) return bnc_jpeg_decode(image, data, size, max_pixels, watch, err);
  if (starts_with(data, size, 0, "\x89PNG\r\n\x1a\n", 8)) return bnc_png_decode(image, data, size, max_pixels, watch, err);
  return refuse(data, size, err);
}

bnc_status bnc_image_decode(bnc_image *image, const uint8_t *data, size_t size, size_t max_pixels, bnc_image_watch *watch, bnc_error *err) {
  *image = (bnc_image){0};
  bnc_status s = ask_now(watch, 0, err);
  if (s == BNC_OK) s = decode(image, data, size, max_pixels, watch, err);
  if (s == BNC_OK) s = ask_now(watch, 1, err);
  if (s != BNC_OK) bnc_image_free(image);
  return s;
}

static bool stops_waiting(void *watch) { return ask_now(watch, 0, NULL) != BNC_OK; }

bnc_status bnc_image_load(bnc_image *image, const char *path, size_t max_pixels, bnc_image_watch *watch, bnc_error *err) {
  *image = (bnc_image){0};
  char *data;
  size_t size;
  /* Read rather than mapped: a file that shrinks meanwhile gives an error and no SIGBUS. */
  bnc_status s = bnc_file_read_once(path, BNC_IMAGE_MAX_FILE_SIZE, watch ? stops_waiting : NULL, watch, &data, &size, err);
  if (s != BNC_OK) return s;
  s = bnc_image_decode(image, (const uint8_t *)data, size, max_pixels, watch, err);
  bnc_mem_free(data);
  return s == BNC_OK ? s : (bnc_error_prefix(err, "%s", path), s);
}
