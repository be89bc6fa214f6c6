/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/image/png_stream.h"

#include <string.h>

enum { SIGNATURE = 8, CHUNK = 12 /* bytes of a chunk around its data: length u32, name, and a checksum u32 behind it */ };

static size_t u32(const uint8_t *p) { return (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3]; }

void bnc_png_stream_open(bnc_png_stream *s, const uint8_t *data, size_t size) {
  *s = (bnc_png_stream){.data = data, .whole = size, .cut_at = SIZE_MAX, .tail = BNC_PNG_TAIL};
  size_t at = SIGNATURE;
  while (at < size && size - at >= CHUNK && u32(data + at) <= size - at - CHUNK) {
    const size_t length = u32(data + at);
    if (memcmp(data + at + 4, "eXIf", 4) == 0) s->exif = (bnc_note){data + at + 8, length};
    if (memcmp(data + at + 4, "IEND", 4) == 0) return;
    at += CHUNK + length;
  }
  s->whole = at;
  s->tail = 4;
  if (at > size || size - at < 8 || memcmp(data + at + 4, "IDAT", 4) != 0) return;
  const size_t left = size - at - 8, length = u32(data + at);
  s->whole = size;
  s->tail = length < left ? left - length : 0; /* a part of the checksum may be there */
  if (length <= left) return;
  s->cut_at = at;
  for (size_t i = 0; i < 4; i++) s->cut_length[i] = (uint8_t)(left >> (24 - 8 * i));
}

bool bnc_png_stream_read(bnc_png_stream *s, uint8_t *out, size_t length) {
  static const uint8_t tail[BNC_PNG_TAIL + 1] = "\0\0\0\0\0\0\0\0IEND\xae\x42\x60\x82";
  const size_t total = s->whole + BNC_PNG_TAIL - s->tail;
  if (length > total - s->offset) return false;
  const size_t there = s->offset < s->whole ? s->whole - s->offset : 0, copied = length < there ? length : there;
  memcpy(out, s->data + s->offset, copied);
  for (size_t i = 0; i < 4; i++) {
    const size_t at = s->cut_at + i; /* may wrap where nothing is cut; then it is no offset either */
    if (s->cut_at != SIZE_MAX && at >= s->offset && at < s->offset + length) out[at - s->offset] = s->cut_length[i];
  }
  if (copied < length) memcpy(out + copied, tail + s->tail + (s->offset + copied - s->whole), length - copied);
  s->offset += length;
  return true;
}
