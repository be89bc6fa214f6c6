/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/image/decoder.h"

#define TAG_ORIENTATION 0x0112u
#define TYPE_SHORT 3u

static unsigned u16(const uint8_t *p, int big) { return big ? (unsigned)(p[0] << 8 | p[1]) : (unsigned)(p[1] << 8 | p[0]); }
static uint32_t u32(const uint8_t *p, int big) { return big ? u16(p, 1) << 16 | u16(p + 2, 1) : u16(p + 2, 0) << 16 | u16(p, 0); }

unsigned bnc_exif_orientation(const uint8_t *tiff, size_t size) {
  if (size < 8 || tiff[0] != tiff[1] || (tiff[0] != 'I' && tiff[0] != 'M')) return 1;
  const int big = tiff[0] == 'M';
  if (u16(tiff + 2, big) != 42) return 1;
  const size_t directory = u32(tiff + 4, big);
  if (directory > size - 2) return 1;
  const size_t room = (size - directory - 2) / 12;
  const size_t listed = u16(tiff + directory, big);
  for (size_t i = 0; i < listed && i < room; i++) {
    const uint8_t *entry = tiff + directory + 2 + 12 * i; /* tag u16, type u16, count u32, value or offset u32 */
    if (u16(entry, big) != TAG_ORIENTATION) continue;
    const unsigned value = u16(entry + 8, big);
    return u16(entry + 2, big) == TYPE_SHORT && u32(entry + 4, big) == 1 && value >= 1 && value <= 8 ? value : 1;
  }
  return 1;
}
