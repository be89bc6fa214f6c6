/* SPDX-License-Identifier: Apache-2.0 */
/* The balance of one site of a layer, from samples of its inputs and of the matrices' rows. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "platforms/base/mem.h"
#include "quant/calibrate/layer_run.h"
#include "quant/calibrate/rounded_files.h"

enum { INPUTS = 192, ROWS = 32 /* of a matrix */ };

typedef struct site_matrices {
  const char *name[3];
  size_t rows[3], count;
} site_matrices;

static site_matrices matrices_of(const bnc_text_geometry *t, bnc_balance_site site) {
  const size_t q = t->heads * t->head_dim, kv = t->kv_heads * t->head_dim;
  switch (site) {
    case BNC_BALANCE_ATTENTION: return (site_matrices){{"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"}, {q, kv, kv}, 3};
    case BNC_BALANCE_MLP: return (site_matrices){{"mlp.gate_proj", "mlp.up_proj"}, {t->ffn, t->ffn}, 2};
    default: return (site_matrices){{"mlp.down_proj"}, {t->hidden}, 1};
  }
}

/* w [*count, k]: rows at even distances. The layer's weights are not balanced yet. */
static bnc_status sample_rows(bnc_layer_run *r, size_t layer, bnc_balance_site site, size_t k, float *w, size_t *count) {
  const site_matrices m = matrices_of(r->c->text, site);
  char name[96];
  bnc_status s = BNC_OK;
  *count = 0;
  for (size_t i = 0; s == BNC_OK && i < m.count; i++) {
    const size_t rows = m.rows[i] < ROWS ? m.rows[i] : ROWS;
    snprintf(name, sizeof name, "model.layers.%zu.%s.weight", layer, m.name[i]);
    for (size_t row = 0; s == BNC_OK && row < rows; row++, ++*count)
      s = r->source->read(r->source->context, name, row * m.rows[i] / rows * k, k, w + *count * k, r->err);
  }
  return s;
}

static void sample_inputs(const bnc_layer_run *r, const float *x, size_t k, size_t rows, float *out) {
  for (size_t i = 0; i < rows; i++) memcpy(out + i * k, x + i * r->rows / rows * k, k * sizeof *x);
}

static void scale_columns(float *x, size_t rows, size_t k, const int8_t *exponent) {
  for (size_t i = 0; i < rows; i++)
    for (size_t c = 0; c < k; c++) x[i * k + c] = ldexpf(x[i * k + c], -exponent[c]);
}

bnc_status bnc_layer_run_balance(bnc_layer_run *r, size_t layer, bnc_balance_site site, float *x) {
  const bnc_text_geometry *t = r->c->text;
  const size_t k = bnc_balance_columns(t, site), rows = r->rows < INPUTS ? r->rows : INPUTS;
  int8_t *exponent = bnc_balance_at(r->c->balance, layer, site);
  const bnc_text_site place = site == BNC_BALANCE_DOWN ? BNC_SITE_DOWN : site == BNC_BALANCE_MLP ? BNC_SITE_GATE_UP : BNC_SITE_QKV;
  float *inputs = bnc_mem_array(rows * k, sizeof *inputs), *w = bnc_mem_array(3 * ROWS * k, sizeof *w);
  bnc_balance_samples samples = {
      .x = inputs, .rows = rows, .k = k, .w = w, .group = bnc_weight_group(k, bnc_text_group(r->c->precision, layer, place, r->c->group))};
  bnc_status s = inputs && w ? BNC_OK : bnc_fail_memory(r->err, (rows + 3 * ROWS) * k * sizeof *w);
  memset(exponent, 0, k);
  if (s == BNC_OK) s = sample_rows(r, layer, site, k, w, &samples.n);
  if (s == BNC_OK) {
    sample_inputs(r, x, k, rows, inputs);
    s = bnc_balance_choose(&samples, exponent, r->err);
  }
  if (s == BNC_OK) scale_columns(x, r->rows, k, exponent);
  bnc_mem_free(inputs);
  bnc_mem_free(w);
  /* up_proj was rounded before this was known; powers of two change its groups' scales alone. */
  const bnc_rounded_shape up = {t->ffn, t->hidden,
                                bnc_weight_group(t->hidden, bnc_text_group(r->c->precision, layer, BNC_SITE_GATE_UP, r->c->group))};
  if (s != BNC_OK || site != BNC_BALANCE_DOWN || !up.group) return s;
  char name[96];
  snprintf(name, sizeof name, "model.layers.%zu.mlp.up_proj.weight", layer);
  return bnc_rounded_scale_rows(r->c->folder, name, &up, exponent, r->err);
}
