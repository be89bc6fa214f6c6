/* SPDX-License-Identifier: Apache-2.0 */
/** @file decoder.h  What the picture formats share. Inside runtime/image and its fuzz targets only; others use image.h. */
#ifndef BINOCLE_RUNTIME_IMAGE_DECODER_H
#define BINOCLE_RUNTIME_IMAGE_DECODER_H

#include "runtime/image/image.h"

/* The decoders. *image is empty before, and after an error. max_pixels bounds width * height (fuzz targets want it small). */
bnc_status bnc_webp_decode(bnc_image *image, const uint8_t *data, size_t size, size_t max_pixels, bnc_error *err);
bnc_status bnc_jpeg_decode(bnc_image *image, const uint8_t *data, size_t size, size_t max_pixels, bnc_error *err);
bnc_status bnc_png_decode(bnc_image *image, const uint8_t *data, size_t size, size_t max_pixels, bnc_error *err);

/** Refuses an empty size and one beyond the limits; what a decoder calls with its header's values before it allocates. */
bnc_status bnc_image_check_size(uint64_t width, uint64_t height, size_t max_pixels, bnc_error *err);

/** bnc_image_check_size, then *image with an uninitialised block of that size. */
bnc_status bnc_image_allocate(bnc_image *image, uint64_t width, uint64_t height, size_t max_pixels, bnc_error *err);

/** The orientation (tag 0x0112 of the first directory) in a TIFF structure, as EXIF blocks hold it; 1 (upright) where there is none or it
 * is damaged. */
unsigned bnc_exif_orientation(const uint8_t *tiff /* [size] */, size_t size);

/** Turns a picture that was stored with this EXIF orientation (1 .. 8) upright. 5 .. 8 swap width and height and need a second block for a
 * while. */
bnc_status bnc_image_orient(bnc_image *image, unsigned orientation, bnc_error *err);

#endif
