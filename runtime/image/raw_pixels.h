/* SPDX-License-Identifier: Apache-2.0 */
/** @file raw_pixels.h  Raw pixels into a bnc_image. */
#ifndef BINOCLE_RUNTIME_IMAGE_RAW_PIXELS_H
#define BINOCLE_RUNTIME_IMAGE_RAW_PIXELS_H

#include <binocle/pixels.h>

#include "runtime/image/image.h"

/**
 * Copies a picture out of the caller's memory, converted to RGB; nothing is turned. Y'CbCr becomes the nearest byte of the exact formula of
 * ITU-R BT.601 or BT.709; a chroma value counts for all of its 2 x 2 pixels. Release with bnc_image_free.
 * BNC_ERROR_ARGUMENT: no size, an unknown format, a missing plane, a side of 0, or a stride that is shorter than a row.
 * BNC_ERROR_LIMIT: more pixels than BNC_IMAGE_MAX_PIXELS or a longer side than BNC_IMAGE_MAX_SIDE.
 */
bnc_status bnc_image_from_pixels(bnc_image *image, const bnc_pixels *pixels, bnc_error *err);

#endif
