/* SPDX-License-Identifier: Apache-2.0 */
#include "quant/rotate/rotation.h"

#include <stdio.h>
#include <string.h>

#include "ops/kernels.h"
#include "platforms/base/mem.h"

#define SLAB 64u /* columns of a matrix whose rows are mixed at a time: of all rows they stay in the cache */

/* What becomes of a tensor. */
typedef struct part {
  enum { KEPT, ONES, READS, WRITES } kind;
  size_t n, k;        /* WRITES, READS: rows, columns; READS of a range of rows needs no n */
  const float *gamma; /* READS: of the norm in front, or NULL */
  bool columns;       /* WRITES: the columns are transformed too */
} part;

static part layer_part(const bnc_rotation *r, size_t layer, const char *name) {
  const bnc_text_geometry *t = r->text;
  const float *first = r->gamma + 2 * layer * t->hidden, *second = first + t->hidden;
  const struct {
    const char *name;
    part part;
  } tensors[] = {{"input_layernorm.weight", {.kind = ONES}},
                 {"post_attention_layernorm.weight", {.kind = ONES}},
                 {"self_attn.q_proj.weight", {.kind = READS, .k = t->hidden, .gamma = first}},
                 {"self_attn.k_proj.weight", {.kind = READS, .k = t->hidden, .gamma = first}},
                 {"self_attn.v_proj.weight", {.kind = READS, .k = t->hidden, .gamma = first}},
                 {"mlp.gate_proj.weight", {.kind = READS, .k = t->hidden, .gamma = second}},
                 {"mlp.up_proj.weight", {.kind = READS, .k = t->hidden, .gamma = second}},
                 {"self_attn.o_proj.weight", {.kind = WRITES, .n = t->hidden, .k = t->heads * t->head_dim}},
                 {"self_attn.o_proj.bias", {.kind = WRITES, .n = t->hidden, .k = 1}},
                 {"mlp.down_proj.weight", {.kind = WRITES, .n = t->hidden, .k = t->ffn, .columns = true}}};
  for (size_t i = 0; i < sizeof tensors / sizeof *tensors; i++)
    if (strcmp(name, tensors[i].name) == 0) return tensors[i].part;
  return (part){.kind = KEPT};
}

static part part_of(const bnc_rotation *r, const char *name) {
  size_t layer;
  int at = 0;
  if (strcmp(name, "model.embed_tokens.weight") == 0 || strcmp(name, "lm_head.weight") == 0)
    return (part){.kind = READS, .k = r->text->hidden};
  if (sscanf(name, "model.layers.%zu.%n", &layer, &at) != 1 || at == 0 || layer >= r->text->layers) return (part){.kind = KEPT};
  return layer_part(r, layer, name + at);
}

static bnc_status reserve(float **block, size_t *capacity, size_t count, bnc_error *err) {
  if (count <= *capacity) return BNC_OK;
  bnc_mem_free(*block);
  *block = bnc_mem_array(count, sizeof **block);
  *capacity = *block ? count : 0;
  return *block ? BNC_OK : bnc_fail_memory(err, count * sizeof **block);
}

void bnc_rotation_apply(const bnc_rotation *r, float *x, size_t rows, size_t cols) {
  const bnc_hadamard_args args = {.cols = cols,
                                  .mixed = bnc_hadamard_mixed(cols),
                                  .mix = cols == r->text->hidden ? r->hidden_mix : r->ffn_mix,
                                  .x = x,
                                  .y = x,
                                  .x_stride = cols,
                                  .y_stride = cols};
  r->transform(&args, 0, rows);
}

/* Any elements: those of whole rows in place, else the rows around them. */
static bnc_status read_columns(bnc_rotation *r, const char *name, const part *p, size_t first, size_t count, float *out, bnc_error *err) {
  const size_t k = p->k, row = first / k, rows = (first + count + k - 1) / k - row;
  const bool whole = first % k == 0 && count % k == 0;
  bnc_status s = whole ? BNC_OK : reserve(&r->rows, &r->rows_capacity, rows * k, err);
  if (s != BNC_OK) return s;
  float *x = whole ? out : r->rows;
  s = r->inner->read(r->inner->context, name, row * k, rows * k, x, err);
  if (s != BNC_OK) return s;
  for (size_t i = 0; p->gamma && i < rows; i++)
    for (size_t c = 0; c < k; c++) x[i * k + c] *= p->gamma[c];
  bnc_rotation_apply(r, x, rows, k);
  if (!whole) memcpy(out, x + (first - row * k), count * sizeof *out);
  return BNC_OK;
}

/* slab [n, SLAB] becomes the transform of its columns. */
static void mix_slab(const bnc_rotation *r, float *slab, size_t n) {
  const size_t block = bnc_hadamard_block(n), m = bnc_hadamard_mixed(n);
  for (size_t apart = 1; apart < block; apart *= 2)
    for (size_t i = 0; i < n; i++) {
      if (i & apart) continue;
      float *a = slab + i * SLAB, *b = a + apart * SLAB;
      for (size_t c = 0; c < SLAB; c++) {
        const float sum = a[c] + b[c], difference = a[c] - b[c];
        a[c] = sum;
        b[c] = difference;
      }
    }
  for (size_t i = 0; i < n / m; i++) { /* a row, and those of the same place in the other blocks that go with it */
    float row[BNC_HADAMARD_BLOCKS][SLAB];
    for (size_t j = 0; j < m; j++) memcpy(row[j], slab + (i + j * block) * SLAB, sizeof row[j]);
    for (size_t j = 0; j < m; j++) {
      float *y = slab + (i + j * block) * SLAB;
      for (size_t c = 0; c < SLAB; c++) y[c] = r->hidden_mix[j * m] * row[0][c];
      for (size_t l = 1; l < m; l++)
        for (size_t c = 0; c < SLAB; c++) y[c] += r->hidden_mix[j * m + l] * row[l][c];
    }
  }
}

static void mix_rows(const bnc_rotation *r, float *w, size_t n, size_t k, float *slab) {
  for (size_t from = 0; from < k; from += SLAB) {
    const size_t cols = k - from < SLAB ? k - from : SLAB;
    memset(slab, 0, n * SLAB * sizeof *slab);
    for (size_t i = 0; i < n; i++) memcpy(slab + i * SLAB, w + i * k + from, cols * sizeof *slab);
    mix_slab(r, slab, n);
    for (size_t i = 0; i < n; i++) memcpy(w + i * k + from, slab + i * SLAB, cols * sizeof *slab);
  }
}

static bnc_status read_mixed(bnc_rotation *r, const char *name, const part *p, size_t first, size_t count, float *out, bnc_error *err) {
  bnc_rotated_matrix *m = &r->mixed;
  if (strcmp(m->name, name) != 0) {
    m->name[0] = 0;
    bnc_status s = reserve(&m->data, &m->capacity, p->n * p->k, err);
    if (s == BNC_OK) s = reserve(&r->rows, &r->rows_capacity, p->n * SLAB, err);
    if (s == BNC_OK) s = r->inner->read(r->inner->context, name, 0, p->n * p->k, m->data, err);
    if (s != BNC_OK) return s;
    if (p->columns) bnc_rotation_apply(r, m->data, p->n, p->k);
    mix_rows(r, m->data, p->n, p->k, r->rows);
    snprintf(m->name, sizeof m->name, "%s", name);
  }
  memcpy(out, m->data + first, count * sizeof *out);
  return BNC_OK;
}

static bnc_status read_rotated(void *context, const char *name, size_t first, size_t count, float *out, bnc_error *err) {
  bnc_rotation *r = context;
  const part p = part_of(r, name);
  switch (p.kind) {
    case ONES:
      for (size_t i = 0; i < count; i++) out[i] = 1.0f;
      return BNC_OK;
    case READS: return read_columns(r, name, &p, first, count, out, err);
    case WRITES: return read_mixed(r, name, &p, first, count, out, err);
    default: return r->inner->read(r->inner->context, name, first, count, out, err);
  }
}

bool bnc_rotation_fits(const bnc_text_geometry *t) { return bnc_hadamard_fits(t->hidden) && bnc_hadamard_fits(t->ffn); }

static bnc_status read_norms(bnc_rotation *r, bnc_error *err) {
  static const char *const norms[] = {"input_layernorm", "post_attention_layernorm"};
  const size_t hidden = r->text->hidden;
  char name[96];
  bnc_status s = BNC_OK;
  for (size_t i = 0; s == BNC_OK && i < 2 * r->text->layers; i++) {
    snprintf(name, sizeof name, "model.layers.%zu.%s.weight", i / 2, norms[i % 2]);
    s = r->inner->read(r->inner->context, name, 0, hidden, r->gamma + i * hidden, err);
  }
  return s;
}

bnc_status bnc_rotation_create(bnc_rotation *r, const bnc_text_geometry *t, const bnc_tensor_source *inner, bnc_error *err) {
  const size_t hidden = bnc_hadamard_mixed(t->hidden), ffn = bnc_hadamard_mixed(t->ffn);
  *r = (bnc_rotation){.text = t, .inner = inner, .source = {r, read_rotated, false}};
  bnc_kernels kernels;
  bnc_cpu *cpu = bnc_mem_alloc(sizeof *cpu); /* large for a stack */
  r->hidden_mix = bnc_mem_array(hidden * hidden, sizeof(float));
  r->ffn_mix = bnc_mem_array(ffn * ffn, sizeof(float));
  r->gamma = bnc_mem_array(2 * t->layers * t->hidden, sizeof(float));
  const bool all = cpu && r->hidden_mix && r->ffn_mix && r->gamma;
  bnc_status s = all ? bnc_cpu_detect(cpu, err) : bnc_fail_memory(err, 2 * t->layers * t->hidden * sizeof(float));
  if (s == BNC_OK) {
    bnc_kernels_init(&kernels, cpu->level);
    r->transform = kernels.hadamard.f32;
    bnc_hadamard_mix(t->hidden, hidden, r->hidden_mix);
    bnc_hadamard_mix(t->ffn, ffn, r->ffn_mix);
    s = read_norms(r, err);
  }
  bnc_mem_free(cpu);
  return s;
}

void bnc_rotation_free(bnc_rotation *r) {
  void *const blocks[] = {r->hidden_mix, r->ffn_mix, r->gamma, r->rows, r->mixed.data};
  for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) bnc_mem_free(blocks[i]);
  *r = (bnc_rotation){0};
}
