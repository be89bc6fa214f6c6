/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/simd/v16_neon.h"

#include "ops/patches/patches_qd8_v16.h"
#include "ops/patches/patches_runs.h"

enum { WIDE = 16 };

static inline void patches_split(const uint8_t *pixels, uint8_t *r, uint8_t *g, uint8_t *b) {
  const uint8x8x3_t rgb = vld3_u8(pixels);
  vst1_u8(r, rgb.val[0]);
  vst1_u8(g, rgb.val[1]);
  vst1_u8(b, rgb.val[2]);
}

static inline void patches_range(const uint8_t *bytes, size_t n, uint8_t *least, uint8_t *greatest) {
  uint8x16_t min = vld1q_u8(bytes + n - WIDE), max = min;
  for (size_t i = 0; i + WIDE <= n; i += WIDE) {
    const uint8x16_t x = vld1q_u8(bytes + i);
    min = vminq_u8(min, x);
    max = vmaxq_u8(max, x);
  }
  uint8x8_t low = vmin_u8(vget_low_u8(min), vget_high_u8(min)), high = vmax_u8(vget_low_u8(max), vget_high_u8(max));
  for (int i = 0; i < 3; ++i) {
    low = vpmin_u8(low, low);
    high = vpmax_u8(high, high);
  }
  *least = vget_lane_u8(low, 0);
  *greatest = vget_lane_u8(high, 0);
}

static inline void patches_map(const uint8_t *bytes, size_t n, uint8_t least, uint8_t greatest, const float *levels, float multiplier,
                               int32_t zero_point, int8_t *q) {
  enum { BLOCK = 16 };
  int8_t table[256] = {0};
  const size_t first = least / BLOCK * BLOCK, end = (greatest / BLOCK + 1u) * BLOCK;
  v16_quantize_row(levels + first, table + first, end - first, multiplier, zero_point);
#ifdef __aarch64__
  enum { QUARTER = 64, QUARTERS = 4 };
  int8x16x4_t t[QUARTERS];
  for (size_t k = first / QUARTER; k * QUARTER < end; ++k) t[k] = vld1q_s8_x4(table + k * QUARTER);
  for (size_t i = 0; i < n; i += WIDE) {
    const size_t at = i + WIDE <= n ? i : n - WIDE;
    const uint8x16_t x = vld1q_u8(bytes + at);
    int8x16_t r = vdupq_n_s8(0);
    /* An index beyond a table leaves what other tables gave. */
    for (size_t k = first / QUARTER; k * QUARTER < end; ++k) r = vqtbx4q_s8(r, t[k], vsubq_u8(x, vdupq_n_u8((uint8_t)(k * QUARTER))));
    vst1q_s8(q + at, r);
  }
#else
  for (size_t i = 0; i < n; ++i) q[i] = table[bytes[i]];
#endif
}

void bnc_patches_qd8_neon(const bnc_patches_args *args, size_t from, size_t to) { patches_qd8(args, from, to); }
