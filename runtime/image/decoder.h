/* SPDX-License-Identifier: Apache-2.0 */
/** @file decoder.h  What the picture formats share. Inside runtime/image and its fuzz targets only; others use image.h. */
#ifndef BINOCLE_RUNTIME_IMAGE_DECODER_H
#define BINOCLE_RUNTIME_IMAGE_DECODER_H

#include <stdbool.h>

#include "runtime/image/image.h"

/* The decoders. *image is empty before, and after an error. max_pixels bounds width * height of what is given back; larger pictures
 * are reduced (fuzz targets want it small). */
bnc_status bnc_webp_decode(bnc_image *image, const uint8_t *data, size_t size, size_t max_pixels, bnc_image_watch *watch, bnc_error *err);
bnc_status bnc_jpeg_decode(bnc_image *image, const uint8_t *data, size_t size, size_t max_pixels, bnc_image_watch *watch, bnc_error *err);
bnc_status bnc_png_decode(bnc_image *image, const uint8_t *data, size_t size, size_t max_pixels, bnc_image_watch *watch, bnc_error *err);

/** Tells a watch (NULL: nobody asks) how much is decoded, where it was not asked for 10 ms: BNC_OK or BNC_ERROR_CANCELLED. */
bnc_status bnc_image_ask(bnc_image_watch *watch, double fraction, bnc_error *err);

/** Refuses an empty size and one beyond the limits, a side or BNC_IMAGE_MAX_REDUCED * max_pixels; what a decoder calls with its header's
 * values before it allocates. */
bnc_status bnc_image_check_size(uint64_t width, uint64_t height, size_t max_pixels, bnc_error *err);

/** *image with an uninitialised block of that size, at most max_pixels. */
bnc_status bnc_image_allocate(bnc_image *image, uint64_t width, uint64_t height, size_t max_pixels, bnc_error *err);

/** Where a picture's file may say how it is held. A profile is PNG text in the hexadecimal form of ImageMagick and ExifTool. */
typedef enum bnc_note_source {
  BNC_NOTE_EXIF,         /* JPEG APP1 "Exif", all of them joined; PNG eXIf; WebP EXIF */
  BNC_NOTE_EXIF_PROFILE, /* PNG text "Raw profile type exif" */
  BNC_NOTE_APP1_PROFILE, /* PNG text "Raw profile type APP1" */
  BNC_NOTE_XMP,          /* JPEG APP1 of Adobe's name; PNG text "XML:com.adobe.xmp"; WebP XMP */
  BNC_NOTE_XMP_PROFILE,  /* PNG text "Raw profile type xmp" */
  BNC_NOTE_SOURCES
} bnc_note_source;

typedef struct bnc_note {
  const uint8_t *data; /* [size] NULL where the file has none; of several the last, as Pillow takes them */
  size_t size;
} bnc_note;

typedef struct bnc_notes {
  bnc_note of[BNC_NOTE_SOURCES];
} bnc_notes;

/** *orientation is 1 .. 8, 1 (upright) where no note says so. Fails for want of memory only. */
bnc_status bnc_notes_orientation(const bnc_notes *notes, unsigned *orientation, bnc_error *err);

/** The orientation (tag 0x0112 of the first directory) in a TIFF structure, as EXIF blocks hold it, "Exif\0\0" in front or not; any
 * numeric type, the first of several values. 1 for a value that is none, 0 where there is no such tag or the structure is damaged. */
unsigned bnc_exif_orientation(const uint8_t *exif /* [size] */, size_t size);

/** The same from XMP: tiff:Orientation as an attribute or an element. */
unsigned bnc_xmp_orientation(const uint8_t *xmp /* [size] */, size_t size);

/** How much smaller a picture of width x height must become to have at most max_pixels: 1, 2, 4 or 8; decoders allocate the quotients,
 * rounded up. */
unsigned bnc_image_reduction(uint64_t width, uint64_t height, size_t max_pixels);

/** Rows of a picture that is reduced while it is read: each output pixel is the mean of factor x factor input pixels, rounded, or of those
 * that the right and lower border leave. Give it the rows from the top, each once. */
typedef struct bnc_reducer {
  bnc_image *image;     /* of the reduced size */
  uint32_t *sums;       /* [image->width, 3] */
  size_t width, height; /* of the picture before */
  size_t row;           /* the next */
  unsigned factor;
} bnc_reducer;

bnc_status bnc_reducer_create(bnc_reducer *reducer, bnc_image *image, size_t width, size_t height, unsigned factor, bnc_error *err);
void bnc_reducer_add(bnc_reducer *reducer, const uint8_t *row /* [width, 3] */);
void bnc_reducer_free(bnc_reducer *reducer);

/** Turns a picture that was stored with this EXIF orientation (1 .. 8) upright. 5 .. 8 swap width and height and need a second block for a
 * while. */
bnc_status bnc_image_orient(bnc_image *image, unsigned orientation, bnc_error *err);

#endif
