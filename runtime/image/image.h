/* SPDX-License-Identifier: Apache-2.0 */
/** @file image.h  Pictures: of the formats BNC_IMAGE_FORMATS, to 8-bit RGB, and the padded, resized square that the vision program reads.
 *
 * Colours are those of Pillow's Image.open(path).convert("RGB"), bit for bit: no colour management and no gamma; alpha is dropped and the
 * stored colour kept; 16-bit channels keep their high byte, except grayscale without alpha, which Pillow clips (min(value, 255)); CMYK is
 * taken as Adobe stores it. Two things differ on purpose: an orientation in EXIF or XMP is applied, as ImageOps.exif_transpose does, as
 * people expect upright pictures; and a picture of more pixels than the caller allows is halved (or quartered) while it is decoded, JPEG
 * and WebP by their libraries' scalers, PNG by the mean of 2 x 2 pixels, so that memory stays bounded: 3 bytes per pixel of the reduced
 * picture and what the library needs (all coefficients of a progressive JPEG, 4 bytes per pixel of a lossless WebP, 3 of an interlaced
 * PNG).
 *
 * Damage: what is there must be there whole. A file that ends before its last pixel is an error. Lost end or restart markers, wrong
 * checksums behind the pixels and bad codes within them are passed over as Pillow does, and bnc_image.damage says so. */
#ifndef BINOCLE_RUNTIME_IMAGE_IMAGE_H
#define BINOCLE_RUNTIME_IMAGE_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <binocle/pixels.h> /* BNC_IMAGE_FORMATS */

#include "ops/resample/resample.h"
#include "platforms/threads/threads.h"

#define BNC_IMAGE_MAX_SIDE 32768u                      /* pixels, width and height each */
#define BNC_IMAGE_MAX_PIXELS (64u * 1024u * 1024u)     /* width * height, once decoded: the most that callers may allow */
#define BNC_IMAGE_MAX_REDUCED 3u                       /* a file may hold so many times more, which are reduced */
#define BNC_IMAGE_MAX_FILE_SIZE (256u * 1024u * 1024u) /* bytes */

typedef struct bnc_image {
  size_t width, height; /* pixels, never 0 after success */
  uint8_t *rgb;         /* [height, width, 3], from bnc_mem_alloc */
  const char *damage;   /* a constant text about what was passed over ("JPEG picture: ..."), or NULL */
} bnc_image;

/** Who waits for a picture: asked before it is read, at most every 10 ms while it is waited for and between its rows (of WebP, parts of
 * its file), and behind it. */
typedef struct bnc_image_watch {
  bool (*step)(void *context, double fraction /* that is decoded, 0 .. 1 */); /* true: stop, BNC_ERROR_CANCELLED */
  void *context;
  uint64_t asked; /* bnc_clock_ns() when it was last; 0 at first */
} bnc_image_watch;

/**
 * Decodes a picture; its format is told from its content. *image is overwritten; release it with bnc_image_free (harmless after an error).
 * BNC_ERROR_FORMAT: no picture, or one that is damaged beyond reading or cut short; nothing is ever decoded in part.
 * BNC_ERROR_UNSUPPORTED: another format, or a kind of one that is not done (12-bit JPEG).
 * BNC_ERROR_LIMIT: larger than max_pixels (width * height, once decoded) and the constants above allow, told from the header, before
 * anything is allocated for it.
 */
bnc_status bnc_image_decode(bnc_image *image, const uint8_t *data /* [size] */, size_t size, size_t max_pixels,
                            bnc_image_watch *watch /* or NULL: nobody asks */, bnc_error *err);

/** bnc_image_decode of a file's content, or of what a pipe or standard stream ("/dev/stdin") brings; errors begin with path. */
bnc_status bnc_image_load(bnc_image *image, const char *path, size_t max_pixels, bnc_image_watch *watch, bnc_error *err);

void bnc_image_free(bnc_image *image);

/**
 * Pads to a square, the picture at offset (longer - shorter) / 2 and colour pad around it, and resizes that to side x side: Pillow's
 * Image.resize((side, side), BICUBIC) of the padded picture, bit for bit. The padded square itself is never built.
 * side is 1 .. BNC_IMAGE_MAX_SIDE. The result depends on neither ops nor pool (NULL: the caller's thread). out is complete or, after an
 * error, undefined.
 */
bnc_status bnc_image_fit(const bnc_image *image, const uint8_t pad[3], size_t side, const bnc_resample_ops *ops, bnc_pool *pool,
                         uint8_t *out /* [side, side, 3] */, bnc_error *err);

#endif
