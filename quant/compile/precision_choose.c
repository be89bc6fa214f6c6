/* SPDX-License-Identifier: Apache-2.0 */
#include "quant/compile/precision_choose.h"

#include <stdio.h>
#include <stdlib.h>

#include "ops/half.h"
#include "platforms/base/mem.h"
#include "quant/compile/quantize_weights.h"

enum { TYPES = 5, ROWS = 32 /* of a matrix that are tried */ };
static const uint16_t groups[TYPES] = {128, 64, 16, 32, 0};

/* A matrix, or several that read one input, in each type. */
typedef struct unit {
  size_t k, weights;
  double bits[TYPES], loss[TYPES]; /* a weight; bits 0: its inputs do not divide so */
} unit;

/* From one type of a unit to the next: per bit of the file, `gain` less loss. */
typedef struct step {
  size_t unit, type;
  double cost, gain; /* bits; loss per bit */
} step;

typedef struct work {
  const bnc_tensor_source *source;
  bnc_error *err;
  float *row, *rounded; /* [k] */
  uint8_t *q;           /* [k] */
  uint16_t *scales;     /* [k] */
} work;

static bool fits(uint16_t group, size_t k) { return group == 0 || bnc_weight_group(k, group) == group; }

static double bits_of(uint16_t group, size_t k) {
  const double row = 32.0 / (double)k; /* a scale, or an offset */
  if (group == 0) return 8 + row;
  return group == BNC_QC4_GROUP ? 4 + 4.0 / 16 + 2 * row : 4 + 16.0 / group + row;
}

/* rounded = what the row is kept as. */
static void round_row(const work *w, size_t k, uint16_t group) {
  float scale = 0;
  uint8_t *steps = (uint8_t *)w->scales;
  if (group == 0)
    bnc_quantize_row_qc8(w->row, k, (int8_t *)w->q, &scale);
  else if (group == BNC_QC4_GROUP)
    bnc_quantize_row_qc4(w->row, k, w->q, steps, &scale);
  else
    bnc_quantize_row_qg4(w->row, k, group, w->q, w->scales);
  for (size_t i = 0; i < k; i++) {
    const int nibble = (w->q[i / 2] >> (i % 2 ? 4 : 0) & 15) - 8;
    if (group == 0)
      w->rounded[i] = (float)(int8_t)w->q[i] * scale;
    else
      w->rounded[i] = (float)nibble * (group == BNC_QC4_GROUP ? (float)steps[i / group] * scale : bnc_f32_from_bf16(w->scales[i / group]));
  }
}

/* Adds a matrix [n, k] to its unit. */
static bnc_status add_matrix(const work *w, const char *name, size_t n, unit *u) {
  const size_t k = u->k, rows = n < ROWS ? n : ROWS;
  double miss[TYPES] = {0}, all = 0;
  bnc_status s = BNC_OK;
  for (size_t r = 0; s == BNC_OK && r < rows; r++) {
    s = w->source->read(w->source->context, name, r * n / rows * k, k, w->row, w->err);
    for (size_t i = 0; s == BNC_OK && i < k; i++) all += (double)w->row[i] * (double)w->row[i];
    for (size_t t = 0; s == BNC_OK && t < TYPES; t++) {
      if (!fits(groups[t], k)) continue;
      round_row(w, k, groups[t]);
      for (size_t i = 0; i < k; i++) miss[t] += ((double)w->row[i] - (double)w->rounded[i]) * ((double)w->row[i] - (double)w->rounded[i]);
    }
  }
  u->weights += n * k;
  for (size_t t = 0; t < TYPES; t++) {
    u->bits[t] = fits(groups[t], k) ? bits_of(groups[t], k) : 0;
    u->loss[t] += all > 0 ? miss[t] / all : 0;
  }
  return s;
}

static bnc_status measure(const work *w, const bnc_text_geometry *t, size_t layer, unit *u /* [BNC_TEXT_SITES] */) {
  const size_t q = t->heads * t->head_dim, kv = t->kv_heads * t->head_dim;
  const struct {
    const char *name;
    size_t n, k;
  } matrices[] = {{"self_attn.q_proj", q, t->hidden},  {"self_attn.k_proj", kv, t->hidden},  {"self_attn.v_proj", kv, t->hidden},
                  {"self_attn.o_proj", t->hidden, q},  {"mlp.gate_proj", t->ffn, t->hidden}, {"mlp.up_proj", t->ffn, t->hidden},
                  {"mlp.down_proj", t->hidden, t->ffn}};
  bnc_status s = BNC_OK;
  for (size_t i = 0; s == BNC_OK && i < sizeof matrices / sizeof *matrices; i++) {
    char name[96];
    unit *to = &u[bnc_text_site_of(matrices[i].name)];
    to->k = matrices[i].k;
    snprintf(name, sizeof name, "model.layers.%zu.%s.weight", layer, matrices[i].name);
    s = add_matrix(w, name, matrices[i].n, to);
  }
  return s;
}

/* The type with the fewest bits, and of those the least loss. */
static size_t least_type(const unit *u) {
  size_t best = TYPES;
  for (size_t t = 0; t < TYPES; t++) {
    if (u->bits[t] == 0) continue;
    if (best == TYPES || u->bits[t] < u->bits[best] || (u->bits[t] == u->bits[best] && u->loss[t] < u->loss[best])) best = t;
  }
  return best;
}

/* The type that gains most per bit from `now` on; TYPES: none gains. */
static size_t next_type(const unit *u, size_t now, double *gain) {
  size_t best = TYPES;
  *gain = 0;
  for (size_t t = 0; t < TYPES; t++) {
    if (u->bits[t] <= u->bits[now] || u->loss[t] >= u->loss[now]) continue;
    const double each = (u->loss[now] - u->loss[t]) / ((u->bits[t] - u->bits[now]) * (double)u->weights);
    if (each <= *gain) continue;
    *gain = each;
    best = t;
  }
  return best;
}

static int by_gain(const void *a, const void *b) {
  const step *x = a, *y = b;
  if (x->gain != y->gain) return x->gain > y->gain ? -1 : 1;
  return x->unit != y->unit ? (x->unit < y->unit ? -1 : 1) : 0;
}

/* All steps of all units, the best first: those of a unit gain less and less. */
static size_t list_steps(const unit *u, size_t units, step *steps /* [units * TYPES] */) {
  size_t count = 0;
  for (size_t i = 0; i < units; i++) {
    double gain;
    for (size_t now = least_type(&u[i]), next; (next = next_type(&u[i], now, &gain)) < TYPES; now = next)
      steps[count++] = (step){i, next, (u[i].bits[next] - u[i].bits[now]) * (double)u[i].weights, gain};
  }
  qsort(steps, count, sizeof *steps, by_gain);
  return count;
}

static bnc_status choose(bnc_text_precision *p, const unit *u, step *steps, double bits, bnc_error *err) {
  const size_t units = p->layers * BNC_TEXT_SITES, count = list_steps(u, units, steps);
  double weights = 0, taken = 0;
  for (size_t i = 0; i < units; i++) {
    const size_t t = least_type(&u[i]);
    weights += (double)u[i].weights;
    taken += u[i].bits[t] * (double)u[i].weights;
    p->loss += u[i].loss[t];
    p->group[i / BNC_TEXT_SITES][i % BNC_TEXT_SITES] = groups[t];
  }
  if (taken > bits * weights)
    return bnc_fail(err, BNC_ERROR_ARGUMENT, "%.3f bits per weight, expected at least %.3f: what int4 in the largest groups takes", bits,
                    taken / weights);
  for (size_t i = 0; i < count && taken + steps[i].cost <= bits * weights; i++) {
    taken += steps[i].cost;
    p->loss -= steps[i].gain * steps[i].cost;
    p->group[steps[i].unit / BNC_TEXT_SITES][steps[i].unit % BNC_TEXT_SITES] = groups[steps[i].type];
  }
  p->bits = taken / weights;
  return BNC_OK;
}

bnc_status bnc_text_precision_choose(bnc_text_precision *p, const bnc_text_geometry *t, const bnc_tensor_source *source, double bits,
                                     bnc_error *err) {
  const size_t q = t->heads * t->head_dim, units = t->layers * BNC_TEXT_SITES, wide = t->ffn > t->hidden ? t->ffn : t->hidden,
               k = q > wide ? q : wide;
  *p = (bnc_text_precision){.layers = t->layers, .group = bnc_mem_array(t->layers, sizeof *p->group)};
  work w = {.source = source,
            .err = err,
            .row = bnc_mem_array(k, sizeof *w.row),
            .rounded = bnc_mem_array(k, sizeof *w.rounded),
            .q = bnc_mem_alloc(k),
            .scales = bnc_mem_array(k, sizeof *w.scales)};
  unit *u = bnc_mem_zalloc(units * sizeof *u);
  step *steps = bnc_mem_array(units * TYPES, sizeof *steps);
  bnc_status s = p->group && w.row && w.rounded && w.q && w.scales && u && steps ? BNC_OK : bnc_fail_memory(err, units * sizeof *u);
  for (size_t layer = 0; s == BNC_OK && layer < t->layers; layer++) s = measure(&w, t, layer, u + layer * BNC_TEXT_SITES);
  if (s == BNC_OK) s = choose(p, u, steps, bits, err);
  void *const blocks[] = {w.row, w.rounded, w.q, w.scales, u, steps};
  for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) bnc_mem_free(blocks[i]);
  return s;
}

void bnc_text_precision_free(bnc_text_precision *p) { bnc_mem_free(p->group); }
