/* SPDX-License-Identifier: Apache-2.0 */
/** @file attention_load_amx.h  attention_rows_i8 in AMX's tiles: keys and values become bytes. */
#ifndef BINOCLE_OPS_ATTENTION_ATTENTION_LOAD_AMX_H
#define BINOCLE_OPS_ATTENTION_ATTENTION_LOAD_AMX_H

#include "ops/attention/attention_blocks_amx.h"

static void load_keys(const bnc_attention_args *a, const float *keys /* [n, d] */, block *b) {
  for (size_t g = 0; g < KEYS; g += 16) {
    const size_t n = b->n > g ? least(b->n - g, 16) : 0;
    const float *rows[16];
    v16 most = v16_set1(0.0f);
    for (size_t j = 0; j < n; ++j) rows[j] = keys + (g + j) * a->k_stride;
    most = round_rows(rows, n, a->head_size, b->k + g * PART, KEYS * PART);
    v16_store(b->key_step + g, step_of(most));
  }
}

static void load_values(const bnc_attention_args *a, const float *all_values /* [n, d] */, block *b) {
  const size_t d = a->head_size;
  for (size_t c = 0; c < d; c += 16) {
    _Alignas(64) float copy[KEYS * 16]; /* [64, 16] */
    const __mmask16 mask = v16_first(least(d - c, 16));
    v16 most = v16_set1(0.0f);
    __m512i x[16];
    for (size_t j = 0; j < b->n; ++j) {
      const v16 y = {_mm512_maskz_loadu_ps(mask, all_values + j * a->v_stride + c)};
      v16_store(copy + 16 * j, y);
      most = v16_max(v16_abs(y), most);
    }
    memset(copy + 16 * b->n, 0, (KEYS - b->n) * 64);
    v16_store(b->value_step + c, step_of(most));
    most = inverse_of(most);
    /* Four keys share an int32 of each column; those of 16 such vectors, turned round, are a column's 64 keys. */
    UNROLL for (size_t i = 0; i < 16; ++i) {
      __m512i four[4];
      UNROLL for (size_t j = 0; j < 4; ++j) four[j] = rounded(v16_load(copy + 16 * (4 * i + j)), most);
      x[i] = low_bytes(four);
    }
    bnc_transpose_16x16(x);
    UNROLL for (size_t i = 0; i < 16; ++i) _mm512_store_si512((void *)(b->v + (c + i) * KEYS), x[i]);
  }
}

#endif
