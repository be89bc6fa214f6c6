/* SPDX-License-Identifier: Apache-2.0 */
#include "quant/calibrate/balance.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "platforms/base/mem.h"

/* What a tensor of a layer is multiplied by, element (row, column): 2^(columns[column] - rows[row]). */
typedef struct part {
  const int8_t *rows, *columns; /* NULL: zeros */
  size_t width;                 /* columns of the tensor */
} part;

static part part_of(const bnc_balance *b, const char *name) {
  static const struct {
    const char *name;
    int columns, rows, wide; /* sites, -1: none; wide: has a row of ffn columns */
  } tensors[] = {{"input_layernorm.weight", -1, BNC_BALANCE_ATTENTION, 0},     {"self_attn.q_proj.weight", BNC_BALANCE_ATTENTION, -1, 0},
                 {"self_attn.k_proj.weight", BNC_BALANCE_ATTENTION, -1, 0},    {"self_attn.v_proj.weight", BNC_BALANCE_ATTENTION, -1, 0},
                 {"post_attention_layernorm.weight", -1, BNC_BALANCE_MLP, 0},  {"mlp.gate_proj.weight", BNC_BALANCE_MLP, -1, 0},
                 {"mlp.up_proj.weight", BNC_BALANCE_MLP, BNC_BALANCE_DOWN, 0}, {"mlp.down_proj.weight", BNC_BALANCE_DOWN, -1, 1}};
  size_t layer;
  int at = 0;
  part p = {NULL, NULL, 1};
  if (sscanf(name, "model.layers.%zu.%n", &layer, &at) != 1 || at == 0 || layer >= b->text->layers) return p;
  for (size_t i = 0; i < sizeof tensors / sizeof *tensors; i++) {
    if (strcmp(name + at, tensors[i].name) != 0) continue;
    if (tensors[i].columns >= 0) {
      p.columns = bnc_balance_at(b, layer, (bnc_balance_site)tensors[i].columns);
      p.width = tensors[i].wide ? b->text->ffn : b->text->hidden;
    }
    if (tensors[i].rows >= 0) p.rows = bnc_balance_at(b, layer, (bnc_balance_site)tensors[i].rows);
  }
  return p;
}

static bnc_status read_balanced(void *context, const char *name, size_t first, size_t count, float *out, bnc_error *err) {
  const bnc_balance *b = context;
  const bnc_status s = b->inner->read(b->inner->context, name, first, count, out, err);
  const part p = part_of(b, name);
  if (s != BNC_OK || (!p.rows && !p.columns)) return s;
  for (size_t i = 0; i < count; i++) {
    const size_t row = (first + i) / p.width, column = (first + i) % p.width;
    const int exponent = (p.columns ? p.columns[column] : 0) - (p.rows ? p.rows[row] : 0);
    if (exponent) out[i] = ldexpf(out[i], exponent);
  }
  return BNC_OK;
}

bnc_status bnc_balance_create(bnc_balance *b, const bnc_text_geometry *text, const bnc_tensor_source *inner, bnc_error *err) {
  *b = (bnc_balance){.text = text, .inner = inner, .source = {b, read_balanced, inner->parallel}};
  b->exponent = bnc_mem_zalloc(bnc_balance_bytes(text));
  return b->exponent ? BNC_OK : bnc_fail_memory(err, bnc_balance_bytes(text));
}

void bnc_balance_free(bnc_balance *b) {
  bnc_mem_free(b->exponent);
  b->exponent = NULL;
}
