/* SPDX-License-Identifier: Apache-2.0 */
/** @file picture.h  What the fuzz targets of the picture formats share: whatever the bytes, a decoder gives a whole picture or an error,
 * and keeps no memory. */
#ifndef BINOCLE_TESTS_FUZZ_PICTURE_H
#define BINOCLE_TESTS_FUZZ_PICTURE_H

#include "ops/kernels.h"
#include "platforms/base/mem.h"
#include "runtime/image/decoder.h"

typedef bnc_status picture_decoder(bnc_image *image, const uint8_t *data, size_t size, size_t max_pixels, bnc_image_watch *watch,
                                   bnc_error *err);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline int fuzz_picture(picture_decoder *decode, const uint8_t *data, size_t size) {
  enum { MAX_PIXELS = 1 << 16, SIDE = 16 }; /* small, for speed; the real limits only differ in their value */
  static const uint8_t pad[3] = {122, 116, 104};
  static uint8_t fitted[SIDE * SIDE * 3];
  volatile uint8_t seen = 0;
  bnc_image image = {0};
  bnc_error err = {0};
  bnc_kernels kernels;
  bnc_kernels_init(&kernels, BNC_CPU_SCALAR);
  const size_t live = bnc_mem_live();
  const bnc_status s = decode(&image, data, size, MAX_PIXELS, NULL, &err);
  if ((s == BNC_OK) != (image.rgb != NULL) || (s == BNC_OK) != (err.text[0] == 0)) __builtin_trap();
  if (s == BNC_ERROR_INTERNAL || s == BNC_ERROR_ARGUMENT) __builtin_trap();
  if (s == BNC_OK) {
    /* every byte is read, so that MemorySanitizer and valgrind see one that was never written */
    for (size_t i = 0; i < image.width * image.height * 3; i++) seen = (uint8_t)(seen ^ (image.rgb[i] & 1 ? 1 : 2));
    if (bnc_image_fit(&image, pad, SIDE, &kernels.resample, NULL, fitted, &err) != BNC_OK) __builtin_trap();
  }
  bnc_image_free(&image);
  if (bnc_mem_live() != live) __builtin_trap();
  return 0;
}

#endif
