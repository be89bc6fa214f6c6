/* SPDX-License-Identifier: Apache-2.0 */
/** @file png_stream.h  A PNG file as libpng is shown it: one that was cut short ends properly, so that what is left of it is read. */
#ifndef BINOCLE_RUNTIME_IMAGE_PNG_STREAM_H
#define BINOCLE_RUNTIME_IMAGE_PNG_STREAM_H

#include <stdbool.h>

#include "runtime/image/decoder.h"

enum { BNC_PNG_TAIL = 16 }; /* a checksum of zeros and an end chunk (IEND) */

typedef struct bnc_png_stream {
  const uint8_t *data; /* [whole] of the file */
  size_t whole;        /* bytes that are shown as they are, but for the length at cut_at */
  size_t cut_at;       /* where the length of a cut data chunk stands, which becomes what is left of it; SIZE_MAX where none is */
  uint8_t cut_length[4];
  size_t tail;   /* bytes of the tail that are not shown; BNC_PNG_TAIL where the file is complete */
  size_t offset; /* bytes read so far */
  bnc_note exif; /* the last eXIf chunk; libpng gives none that begins with "Exif" */
} bnc_png_stream;

void bnc_png_stream_open(bnc_png_stream *stream, const uint8_t *data /* [size] */, size_t size);

/** False where there is no more. */
bool bnc_png_stream_read(bnc_png_stream *stream, uint8_t *out /* [length] */, size_t length);

#endif
