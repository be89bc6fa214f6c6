/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/simd/v16_avx2.h"

#include "ops/patches/patches_qd8_v16.h"
#include "ops/patches/patches_runs.h"

enum { WIDE = 32 };

static inline void patches_split(const uint8_t *pixels, uint8_t *r, uint8_t *g, uint8_t *b) {
  const __m128i front = _mm_loadu_si128((const __m128i *)pixels),
                back = _mm_loadu_si128((const __m128i *)(pixels + 8)); /* bytes 0 .. 15, 8 .. 23 */
  const __m128i rg = _mm_or_si128(_mm_shuffle_epi8(front, _mm_setr_epi8(0, 3, 6, 9, 12, 15, -1, -1, 1, 4, 7, 10, 13, -1, -1, -1)),
                                  _mm_shuffle_epi8(back, _mm_setr_epi8(-1, -1, -1, -1, -1, -1, 10, 13, -1, -1, -1, -1, -1, 8, 11, 14)));
  const __m128i blue = _mm_or_si128(_mm_shuffle_epi8(front, _mm_setr_epi8(2, 5, 8, 11, 14, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1)),
                                    _mm_shuffle_epi8(back, _mm_setr_epi8(-1, -1, -1, -1, -1, 9, 12, 15, -1, -1, -1, -1, -1, -1, -1, -1)));
  _mm_storel_epi64((__m128i *)r, rg);
  _mm_storel_epi64((__m128i *)g, _mm_unpackhi_epi64(rg, rg));
  _mm_storel_epi64((__m128i *)b, blue);
}

static inline void patches_range(const uint8_t *bytes, size_t n, uint8_t *least, uint8_t *greatest) {
  __m256i min = _mm256_loadu_si256((const __m256i *)(bytes + n - WIDE)), max = min;
  for (size_t i = 0; i + WIDE <= n; i += WIDE) {
    const __m256i x = _mm256_loadu_si256((const __m256i *)(bytes + i));
    min = _mm256_min_epu8(min, x);
    max = _mm256_max_epu8(max, x);
  }
  max = _mm256_xor_si256(max, _mm256_set1_epi8(-1)); /* there is an instruction for the least only, and for words */
  __m128i low = _mm_min_epu8(_mm256_castsi256_si128(min), _mm256_extracti128_si256(min, 1));
  __m128i high = _mm_min_epu8(_mm256_castsi256_si128(max), _mm256_extracti128_si256(max, 1));
  low = _mm_minpos_epu16(_mm_min_epu8(low, _mm_srli_epi16(low, 8)));
  high = _mm_minpos_epu16(_mm_min_epu8(high, _mm_srli_epi16(high, 8)));
  *least = (uint8_t)_mm_cvtsi128_si32(low);
  *greatest = (uint8_t)~_mm_cvtsi128_si32(high);
}

/* Entry x of up to eight blocks of 16, each xored with the one before it: all blocks up to that of x add up to its own. 0 where x has its
   top bit set: shuffles then give 0, and saturation keeps the bit. */
static inline __m256i look_up(const __m128i *step, size_t blocks, __m256i x) {
  __m256i r = _mm256_setzero_si256();
  for (size_t k = 0; k < blocks; ++k) {
    r = _mm256_xor_si256(r, _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(step[k]), x));
    x = _mm256_subs_epi8(x, _mm256_set1_epi8(16));
  }
  return r;
}

static inline void patches_map(const uint8_t *bytes, size_t n, uint8_t least, uint8_t greatest, const float *levels, float multiplier,
                               int32_t zero_point, int8_t *q) {
  enum { BLOCK = 16, HALF = 8, BLOCKS = 16 };
  const size_t first = least / BLOCK, blocks = greatest / BLOCK - first + 1;
  const __m256i base = _mm256_set1_epi8((char)(first * BLOCK)), top = _mm256_set1_epi8((char)0x80);
  __m128i step[BLOCKS];
  v16_quantize_row(levels + first * BLOCK, (int8_t *)step, blocks * BLOCK, multiplier, zero_point);
  for (size_t k = blocks; k-- > 1;) {
    if (k != HALF) step[k] = _mm_xor_si128(step[k], step[k - 1]);
  }
  for (size_t i = 0; i < n; i += WIDE) {
    const size_t at = i + WIDE <= n ? i : n - WIDE;
    const __m256i x = _mm256_sub_epi8(_mm256_loadu_si256((const __m256i *)(bytes + at)), base);
    __m256i r = look_up(step, blocks < HALF ? blocks : HALF, x);
    if (blocks > HALF) r = _mm256_xor_si256(r, look_up(step + HALF, blocks - HALF, _mm256_xor_si256(x, top)));
    _mm256_storeu_si256((__m256i *)(q + at), r);
  }
}

void bnc_patches_qd8_avx2(const bnc_patches_args *args, size_t from, size_t to) { patches_qd8(args, from, to); }
