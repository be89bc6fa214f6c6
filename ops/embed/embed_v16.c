/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of embeddings over sixteen lanes. */
#include "ops/simd/v16.h"

#include "ops/embed/embed.h"

BNC_INLINE void embed_i8(const bnc_embed_args *a, size_t from, size_t to) {
  for (size_t row = from; row < to; ++row) {
    const size_t id = (size_t)a->ids[row];
    const int8_t *x = (const int8_t *)a->table + id * a->cols; /* [cols] */
    float *out = a->out + row * a->out_stride;                 /* [cols] */
    const v16 scale = v16_set1(a->scale[id]);
    size_t i = 0;
    for (; i + 16 <= a->cols; i += 16) v16_store(out + i, v16_mul(v16_from_i8(x + i), scale));
    for (; i < a->cols; ++i) out[i] = (float)x[i] * a->scale[id];
  }
}

void BNC_AT_LEVEL(embed_i8)(const bnc_embed_args *args, size_t from, size_t to) { embed_i8(args, from, to); }
