/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "tests/fuzz/picture.h"

static uint32_t crc32_of(const uint8_t *data, size_t size) {
  uint32_t crc = 0xffffffffu;
  for (size_t i = 0; i < size; i++) {
    crc ^= data[i];
    for (int k = 0; k < 8; k++) crc = crc >> 1 ^ (0xedb88320u & (0u - (crc & 1)));
  }
  return ~crc;
}

/* Chunks are length u32, name, data, CRC u32, big-endian. */
static void repair_checksums(uint8_t *data, size_t size) {
  for (size_t at = 8; size - at >= 12;) {
    const size_t length = (size_t)data[at] << 24 | (size_t)data[at + 1] << 16 | (size_t)data[at + 2] << 8 | data[at + 3];
    if (length > size - at - 12) return;
    const uint32_t crc = crc32_of(data + at + 4, length + 4);
    for (size_t i = 0; i < 4; i++) data[at + 8 + length + i] = (uint8_t)(crc >> (24 - 8 * i));
    at += 12 + length;
  }
}

/* Once as it is, once with checksums that fit: mutations hardly ever get past them otherwise. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  fuzz_picture(bnc_png_decode, data, size);
  if (size < 8) return 0;
  uint8_t *copy = bnc_mem_alloc(size);
  if (!copy) return 0;
  memcpy(copy, data, size);
  repair_checksums(copy, size);
  fuzz_picture(bnc_png_decode, copy, size);
  bnc_mem_free(copy);
  return 0;
}
