/* SPDX-License-Identifier: Apache-2.0 */
#include "quant/calibrate/layer_run.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "platforms/base/mem.h"
#include "platforms/cpu/cpu.h"
#include "quant/calibrate/gptq.h"
#include "quant/calibrate/rounded_files.h"

#define NAME 96

static size_t most(size_t a, size_t b) { return a > b ? a : b; }

static void fill_rope(bnc_layer_run *r) {
  const size_t half = r->c->text->head_dim / 2;
  float *frequency = r->gamma; /* free until the first layer; as wide as a head at least */
  bnc_geometry_rope_frequencies(r->c->text, frequency);
  for (size_t i = 0; i < r->longest * half; i++) {
    const float angle = (float)(i / half) * frequency[i % half]; /* the reference multiplies in float */
    r->cos[i] = (float)cos((double)angle);
    r->sin[i] = (float)sin((double)angle);
  }
}

static bnc_status reserve(bnc_layer_run *r) {
  const bnc_text_geometry *t = r->c->text;
  const size_t rows = r->rows, q = t->heads * t->head_dim, kv = t->kv_heads * t->head_dim, wide = most(most(t->hidden, t->ffn), q);
  const bnc_rounded_shape shape = {t->vocab, t->hidden, BNC_QC4_GROUP};
  const size_t head = r->c->head ? bnc_rounded_bytes(&shape) : 1, matrix = most(most(t->hidden * t->ffn, t->hidden * q), head);
  r->scratch_bytes = most(bnc_gptq_scratch(wide) * sizeof(float), bnc_attention_scratch(t->heads, t->kv_heads, t->head_dim, r->longest));
  r->scratch_bytes = (r->scratch_bytes + 63) / 64 * 64;
  float **const floats[] = {&r->state, &r->norm,    &r->q,       &r->k,     &r->v,   &r->mixed, &r->gate,
                            &r->up,    &r->moments, &r->weights, &r->gamma, &r->cos, &r->sin};
  const size_t counts[] = {rows * t->hidden,
                           rows * t->hidden,
                           rows * q,
                           rows * kv,
                           rows * kv,
                           rows * q,
                           rows * t->ffn,
                           rows * t->ffn,
                           r->c->group ? wide * wide : 1,
                           most(BNC_LAYER_CHUNK, wide * BNC_GPTQ_ROWS),
                           most(wide, t->head_dim),
                           r->longest * t->head_dim / 2,
                           r->longest * t->head_dim / 2};
  bool all = true;
  for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) all = (*floats[i] = bnc_mem_array(counts[i], sizeof(float))) != NULL && all;
  r->rounded = bnc_mem_alloc(r->c->group ? matrix : 1); /* a nibble each, and a scale for 32 of them at most */
  r->scratch = bnc_mem_array(bnc_pool_threads(r->pool), r->scratch_bytes);
  return all && r->rounded && r->scratch ? BNC_OK : bnc_fail_memory(r->err, rows * t->ffn * sizeof(float));
}

/* Adds a text of so many rows, as far as there is room. */
static void add_text(bnc_layer_run *r, size_t rows) {
  const size_t room = BNC_CALIBRATION_ROWS - r->rows, taken = (rows < room ? rows : room) / BNC_OUTER_ROWS * BNC_OUTER_ROWS;
  if (taken == 0) return;
  r->rows += taken;
  r->start[++r->texts] = r->rows;
  r->longest = most(r->longest, taken);
}

/* Windows of a text, each as if it were a text of its own. */
static bnc_status divide_text(bnc_layer_run *r) {
  const size_t count = r->c->count, window = count < BNC_CALIBRATE_WINDOW ? count : BNC_CALIBRATE_WINDOW;
  if (count < BNC_CALIBRATE_LEAST)
    return bnc_fail(r->err, BNC_ERROR_ARGUMENT, "the calibration text has %zu ids, expected at least %d", count, BNC_CALIBRATE_LEAST);
  r->start = bnc_mem_array(count / window + 1, sizeof *r->start);
  if (!r->start) return bnc_fail_memory(r->err, count / window * sizeof *r->start);
  r->start[0] = 0;
  for (size_t i = 0; i < count / window; i++) add_text(r, window);
  return BNC_OK;
}

static bnc_status divide_prompts(bnc_layer_run *r) {
  const bnc_calibration_prompts *p = r->c->prompts;
  if (p->hidden != r->c->text->hidden)
    return bnc_fail(r->err, BNC_ERROR_ARGUMENT, "the calibration prompts have rows of %zu columns, expected %zu", p->hidden,
                    r->c->text->hidden);
  r->start = bnc_mem_array(p->count + 1, sizeof *r->start);
  if (!r->start) return bnc_fail_memory(r->err, p->count * sizeof *r->start);
  r->start[0] = 0;
  for (size_t i = 0; i < p->count; i++) add_text(r, p->length[i]);
  return r->rows >= BNC_CALIBRATE_LEAST
             ? BNC_OK
             : bnc_fail(r->err, BNC_ERROR_ARGUMENT, "the calibration prompts have %zu rows, expected at least %d", r->rows,
                        BNC_CALIBRATE_LEAST);
}

bnc_status bnc_layer_run_create(bnc_layer_run *r, bnc_context *context, const bnc_calibration *c, bnc_error *err) {
  *r = (bnc_layer_run){.context = context, .c = c, .err = err, .source = &c->balance->source};
  bnc_status s = c->prompts ? divide_prompts(r) : divide_text(r);
  if (s != BNC_OK) return s;
  bnc_cpu *cpu = bnc_mem_alloc(sizeof *cpu); /* large for a stack */
  s = cpu ? bnc_cpu_detect(cpu, err) : bnc_fail_memory(err, sizeof *cpu);
  if (s == BNC_OK) bnc_kernels_init(&r->kernels, cpu->level);
  bnc_mem_free(cpu);
  if (s == BNC_OK) s = bnc_pool_create(&r->pool, context->settings.threads, err);
  if (s == BNC_OK) s = reserve(r);
  if (s == BNC_OK) fill_rope(r);
  return s;
}

void bnc_layer_run_destroy(bnc_layer_run *r) {
  void *const blocks[] = {r->state,   r->norm,    r->q,     r->k,   r->v,   r->mixed,   r->gate,    r->up,
                          r->moments, r->weights, r->gamma, r->cos, r->sin, r->rounded, r->scratch, r->start};
  for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) bnc_mem_free(blocks[i]);
  bnc_pool_destroy(r->pool);
}

static bnc_status rms_norm(bnc_layer_run *r, const char *name) {
  const size_t hidden = r->c->text->hidden;
  bnc_status s = r->source->read(r->source->context, name, 0, hidden, r->gamma, r->err);
  const bnc_norm_args args = {
      .cols = hidden, .eps = r->c->text->rms_eps, .x = r->state, .gamma = r->gamma, .y = r->norm, .x_stride = hidden, .y_stride = hidden};
  if (s == BNC_OK) r->kernels.norm.rms_f32(&args, 0, r->rows);
  return s;
}

static size_t group_of(const bnc_layer_run *r, size_t layer, bnc_text_site site) {
  return bnc_text_group(r->c->precision, layer, site, r->c->group);
}

static bnc_status layer_norm(bnc_layer_run *r, size_t layer, const char *what) {
  char name[NAME];
  snprintf(name, sizeof name, "model.layers.%zu.%s.weight", layer, what);
  return rms_norm(r, name);
}

static bnc_status linear(bnc_layer_run *r, size_t layer, const char *what, const float *x, size_t k, size_t n, float *y, bool bias) {
  char name[NAME];
  snprintf(name, sizeof name, "model.layers.%zu.%s.weight", layer, what);
  bnc_status s = bnc_layer_run_linear(r, name, x, k, n, group_of(r, layer, bnc_text_site_of(what)), y);
  if (s != BNC_OK || !bias) return s;
  snprintf(name, sizeof name, "model.layers.%zu.%s.bias", layer, what);
  s = r->source->read(r->source->context, name, 0, n, r->weights, r->err);
  for (size_t i = 0; s == BNC_OK && i < r->rows; i++)
    for (size_t j = 0; j < n; j++) y[i * n + j] += r->weights[j];
  return s;
}

static void rope(const bnc_layer_run *r, float *x, size_t heads, size_t first, size_t rows) {
  const size_t cols = heads * r->c->text->head_dim;
  const bnc_rope_args args = {
      .heads = heads, .head_size = r->c->text->head_dim, .x = x + first * cols, .x_stride = cols, .cos = r->cos, .sin = r->sin};
  r->kernels.rope.f32(&args, 0, rows);
}

/* Texts [from, to). */
static void attend(void *context, size_t thread, size_t from, size_t to) {
  const bnc_layer_run *r = context;
  const bnc_text_geometry *t = r->c->text;
  const size_t q = t->heads * t->head_dim, kv = t->kv_heads * t->head_dim;
  for (size_t text = from; text < to; text++) {
    const size_t row = r->start[text], rows = r->start[text + 1] - row;
    const size_t part = bnc_attention_part_rows(t->heads, t->kv_heads, rows);
    rope(r, r->q, t->heads, row, rows);
    rope(r, r->k, t->kv_heads, row, rows);
    const bnc_attention_args args = {.heads = t->heads,
                                     .kv_heads = t->kv_heads,
                                     .head_size = t->head_dim,
                                     .keys = rows,
                                     .scale = (float)(1.0 / sqrt((double)t->head_dim)),
                                     .causal = true,
                                     .q = r->q + row * q,
                                     .k = r->k + row * kv,
                                     .v = r->v + row * kv,
                                     .out = r->mixed + row * q,
                                     .q_stride = q,
                                     .k_stride = kv,
                                     .v_stride = kv,
                                     .out_stride = q};
    for (size_t head = 0; head < t->kv_heads; head++)
      for (size_t first = 0; first < rows; first += part) {
        const size_t last = first + part < rows ? first + part : rows;
        r->kernels.attention.rows_f32(&args, head, first, last, r->scratch + thread * r->scratch_bytes);
      }
  }
}

static void add_to_state(bnc_layer_run *r, const float *x) {
  const size_t count = r->rows * r->c->text->hidden;
  for (size_t i = 0; i < count; i++) r->state[i] += x[i];
}

static bnc_status attention(bnc_layer_run *r, size_t layer) {
  const bnc_text_geometry *t = r->c->text;
  const size_t q = t->heads * t->head_dim, kv = t->kv_heads * t->head_dim;
  bnc_status s = layer_norm(r, layer, "input_layernorm");
  if (s != BNC_OK) return s;
  s = bnc_layer_run_balance(r, layer, BNC_BALANCE_ATTENTION, r->norm);
  if (s != BNC_OK) return s;
  bnc_layer_run_observe(r, r->norm, t->hidden, group_of(r, layer, BNC_SITE_QKV));
  s = linear(r, layer, "self_attn.q_proj", r->norm, t->hidden, q, r->q, t->attention_bias);
  if (s == BNC_OK) s = linear(r, layer, "self_attn.k_proj", r->norm, t->hidden, kv, r->k, t->attention_bias);
  if (s == BNC_OK) s = linear(r, layer, "self_attn.v_proj", r->norm, t->hidden, kv, r->v, t->attention_bias);
  if (s != BNC_OK) return s;
  bnc_pool_run_threads(r->pool, attend, r, r->texts, 1);
  bnc_layer_run_observe(r, r->mixed, q, group_of(r, layer, BNC_SITE_OUT));
  s = linear(r, layer, "self_attn.o_proj", r->mixed, q, t->hidden, r->norm, t->output_bias);
  if (s == BNC_OK) add_to_state(r, r->norm);
  return s;
}

static bnc_status mlp(bnc_layer_run *r, size_t layer) {
  const bnc_text_geometry *t = r->c->text;
  bnc_status s = layer_norm(r, layer, "post_attention_layernorm");
  if (s != BNC_OK) return s;
  s = bnc_layer_run_balance(r, layer, BNC_BALANCE_MLP, r->norm);
  if (s != BNC_OK) return s;
  bnc_layer_run_observe(r, r->norm, t->hidden, group_of(r, layer, BNC_SITE_GATE_UP));
  s = linear(r, layer, "mlp.gate_proj", r->norm, t->hidden, t->ffn, r->gate, false);
  if (s == BNC_OK) s = linear(r, layer, "mlp.up_proj", r->norm, t->hidden, t->ffn, r->up, false);
  if (s != BNC_OK) return s;
  const bnc_activate_args args = {
      .cols = t->ffn, .x = r->gate, .up = r->up, .y = r->gate, .x_stride = t->ffn, .up_stride = t->ffn, .y_stride = t->ffn};
  r->kernels.activate.silu_mul_f32(&args, 0, r->rows);
  /* Turned columns are none of up_proj's, which would have to take their balance. */
  if (r->c->rotation)
    bnc_rotation_apply(r->c->rotation, r->gate, r->rows, t->ffn);
  else
    s = bnc_layer_run_balance(r, layer, BNC_BALANCE_DOWN, r->gate);
  if (s != BNC_OK) return s;
  bnc_layer_run_observe(r, r->gate, t->ffn, group_of(r, layer, BNC_SITE_DOWN));
  s = linear(r, layer, "mlp.down_proj", r->gate, t->ffn, t->hidden, r->norm, false);
  if (s == BNC_OK) add_to_state(r, r->norm);
  return s;
}

bnc_status bnc_layer_run_next(bnc_layer_run *r, size_t layer) {
  bnc_status s = attention(r, layer);
  return s == BNC_OK ? mlp(r, layer) : s;
}

bnc_status bnc_layer_run_head(bnc_layer_run *r) {
  const bnc_text_geometry *t = r->c->text;
  const char *name = t->tie_word_embeddings ? "model.embed_tokens.weight" : "lm_head.weight";
  bnc_status s = bnc_weight_group(t->hidden, BNC_QC4_GROUP) ? rms_norm(r, "model.norm.weight") : BNC_OK;
  if (s != BNC_OK || !bnc_weight_group(t->hidden, BNC_QC4_GROUP)) return s;
  bnc_layer_run_observe(r, r->norm, t->hidden, BNC_QC4_GROUP);
  return bnc_layer_run_linear(r, name, r->norm, t->hidden, t->vocab, BNC_QC4_GROUP, NULL);
}
