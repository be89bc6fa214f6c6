/* SPDX-License-Identifier: Apache-2.0 */
/** @file attention_apart_avx512vnni.h  The steps of attention_rows_walk.h over sixteen lanes of AVX-512, each for as many vectors as there
 * are. Include behind load_keys, load_columns, scores_of, weights_of and values_of. */
#ifndef BINOCLE_OPS_ATTENTION_ATTENTION_APART_AVX512VNNI_H
#define BINOCLE_OPS_ATTENTION_ATTENTION_APART_AVX512VNNI_H

static void load_block(const bnc_attention_args *a, const float *keys, const float *all_values, size_t padded, block *b) {
  load_keys(a, keys, padded, b);
  size_t c = 0;
  for (; c + 16 * CHUNK <= padded; c += 16 * CHUNK) load_columns(a, all_values, c, b, CHUNK);
  switch ((padded - c) / 16) {
    case 1: load_columns(a, all_values, c, b, 1); break;
    case 2: load_columns(a, all_values, c, b, 2); break;
    case 3: load_columns(a, all_values, c, b, 3); break;
    default: break;
  }
}

/* Functions of their own, so that each has all registers for what its loops keep. */
#define APART static __attribute__((noinline)) void

APART scores(const block *b, const tile *t, size_t padded, pass *x) {
  if (b->n == BNC_ATTENTION_BLOCK)
    scores_of(b, t, padded, x, GROUPS, false);
  else if (b->n > 16)
    scores_of(b, t, padded, x, GROUPS, true);
  else
    scores_of(b, t, padded, x, 1, true);
}

APART weights(const block *b, tile *t, pass *x) {
  if (b->n > 16)
    weights_of(t, x, GROUPS);
  else
    weights_of(t, x, 1);
}

APART values(const block *b, const tile *t, size_t padded, const pass *x) {
  size_t c = 0;
  for (; c + 16 * CHUNK <= padded; c += 16 * CHUNK) values_of(b, t, c, padded, x, CHUNK);
  switch ((padded - c) / 16) {
    case 1: values_of(b, t, c, padded, x, 1); break;
    case 2: values_of(b, t, c, padded, x, 2); break;
    case 3: values_of(b, t, c, padded, x, 3); break;
    default: break;
  }
}

#endif
