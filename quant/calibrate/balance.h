/* SPDX-License-Identifier: Apache-2.0 */
/** @file balance.h  Columns of matrices scaled up and their inputs scaled down, or the other way round, by powers of two, so that fewer
   columns stand out among the inputs that int8 rounds with one scale per row, and columns whose inputs are large are rounded the more
   finely (SmoothQuant, Xiao et al., arXiv 2211.10438; AWQ, Lin et al., arXiv 2306.00978). What scales the inputs goes into the weights of
   the norm in front of them, or into up_proj's rows: the model computes the same in f32, bit for bit, and nothing more than before. */
#ifndef BINOCLE_QUANT_CALIBRATE_BALANCE_H
#define BINOCLE_QUANT_CALIBRATE_BALANCE_H

#include "quant/graph/constants.h"
#include "quant/import/geometry.h"

/** The inputs that can be balanced. */
typedef enum bnc_balance_site {
  BNC_BALANCE_ATTENTION, /* of q_proj, k_proj and v_proj: [hidden] */
  BNC_BALANCE_MLP,       /* of gate_proj and up_proj: [hidden] */
  BNC_BALANCE_DOWN       /* of down_proj: [ffn] */
} bnc_balance_site;

/** Input c is multiplied by 2^-exponent[c], its column by 2^exponent[c]. */
typedef struct bnc_balance {
  const bnc_text_geometry *text;
  const bnc_tensor_source *inner;
  int8_t *exponent;         /* [layers][hidden + hidden + ffn]; zeros: as the source has it */
  bnc_tensor_source source; /* inner's tensors, balanced */
} bnc_balance;

/** Everything 0. text and inner must outlive it, and it must not move. */
bnc_status bnc_balance_create(bnc_balance *balance, const bnc_text_geometry *text, const bnc_tensor_source *inner, bnc_error *err);
void bnc_balance_free(bnc_balance *balance);

static inline size_t bnc_balance_bytes(const bnc_text_geometry *text) { return text->layers * (2 * text->hidden + text->ffn); }
static inline size_t bnc_balance_columns(const bnc_text_geometry *text, bnc_balance_site site) {
  return site == BNC_BALANCE_DOWN ? text->ffn : text->hidden;
}
static inline int8_t *bnc_balance_at(const bnc_balance *b, size_t layer, bnc_balance_site site) {
  return b->exponent + layer * (2 * b->text->hidden + b->text->ffn) + (size_t)site * b->text->hidden;
}

/** Samples of a site's inputs and of the rows that they meet. */
typedef struct bnc_balance_samples {
  const float *x; /* [rows, k] */
  size_t rows, k;
  const float *w; /* [n, k], as the source has them */
  size_t n;
  size_t group; /* of int4; 0: int8 */
} bnc_balance_samples;
/** Exponents [k] of the balance that leaves least of the products' error, weights rounded to nearest and inputs rounded as rows of int8, of
 * a few that follow the inputs' columns more or less. */
bnc_status bnc_balance_choose(const bnc_balance_samples *samples, int8_t *exponent, bnc_error *err);

#endif
