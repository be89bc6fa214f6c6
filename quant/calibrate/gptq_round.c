/* SPDX-License-Identifier: Apache-2.0 */
/* Sixteen rows at a time, one a lane: e and w are transposed, [k][16]. */
#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "ops/half.h"
#include "ops/outer/outer.h"
#include "quant/calibrate/gptq.h"
#include "quant/compile/quantize_weights.h"
#include "quant/compile/rounding.h"
#include "runtime/model/format.h"

#define LANES BNC_OUTER_LANES

/* Of a row's scale, for what is fed forward makes a row's largest groups larger, and 16 is the largest step: on SmolLM2 a KL of 0.112 in
   place of 0.152. */
#define ROOM 1.25f

#define BLOCK_QC8 32u /* columns of int8 that are rounded between two of the large products; divides what moments are padded to */

typedef float lanes[LANES];

/* The group that is being rounded. */
typedef struct group_state {
  bnc_outer_product_fn *multiply;
  size_t k, first, size;
  const float *r;               /* R^T [k, k], lower triangle */
  bool steps;                   /* QC4: a group's scale is a step of 1 to 16 of its row's */
  lanes row_scale, least;       /* of each row; of each row, the least value that the group's scale allows */
  lanes target[BNC_GPTQ_GROUP]; /* the weights, changed for what the columns before have left */
  lanes value[BNC_GPTQ_GROUP];  /* what they are rounded to */
} group_state;

static inline float nibble_of(float v, float least) { return bnc_clamp(bnc_round_small(v), least, 7.0f); }

/* sum [size][16] = what the errors of the columns before the group leave in the group's components. */
static void feed_forward(const group_state *g, const lanes *e, lanes *sum) {
  memset(sum, 0, g->size * sizeof *sum);
  for (size_t j = 0; j < g->size; j += BNC_OUTER_ROWS)
    g->multiply(&(bnc_outer_args){g->r + (g->first + j) * g->k, g->k, 1, (const float *)e, LANES, g->first, sum[j], LANES});
}

/* The targets that bring these components to 0, were the group's columns free. */
static void set_targets(group_state *g, const lanes *w, const lanes *sum) {
  for (size_t j = 0; j < g->size; j++) {
    const float *row = g->r + (g->first + j) * g->k + g->first;
    const float inverse = 1.0f / row[j];
    lanes left;
    memcpy(left, sum[j], sizeof left);
    for (size_t i = 0; i < j; i++)
      for (size_t l = 0; l < LANES; l++) left[l] += (w[i][l] - g->target[i][l]) * row[i];
    for (size_t l = 0; l < LANES; l++) g->target[j][l] = w[j][l] + left[l] * inverse;
  }
}

/* Rounds the group with a scale per lane; error: the squared length of its components. */
static void round_group(group_state *g, const lanes scale, lanes error) {
  lanes inverse_scale;
  for (size_t l = 0; l < LANES; l++) {
    inverse_scale[l] = 1.0f / scale[l];
    g->least[l] = g->steps && scale[l] > 15.5f * g->row_scale[l] ? -7.0f : -8.0f; /* -128 is no int8 weight of ours */
  }
  memset(error, 0, sizeof(lanes));
  for (size_t j = 0; j < g->size; j++) {
    const float *row = g->r + (g->first + j) * g->k + g->first;
    const float pivot = row[j], inverse = 1.0f / pivot;
    lanes left = {0};
    for (size_t i = 0; i < j; i++)
      for (size_t l = 0; l < LANES; l++) left[l] += (g->target[i][l] - g->value[i][l]) * row[i];
    for (size_t l = 0; l < LANES; l++) {
      const float aim = g->target[j][l] + left[l] * inverse, q = nibble_of(aim * inverse_scale[l], g->least[l]) * scale[l],
                  miss = (aim - q) * pivot;
      g->value[j][l] = q;
      error[l] += miss * miss;
    }
  }
}

/* What the file can hold that is nearest to a group's scale. */
static inline float scale_near(const group_state *g, size_t lane, float s) {
  if (g->steps) return bnc_clamp(bnc_round_small(s / g->row_scale[lane]), 1.0f, 16.0f) * g->row_scale[lane];
  s = bnc_f32_from_bf16(bnc_bf16_from_f32(s));
  return s > FLT_MIN ? s : FLT_MIN;
}

/* Of the candidates, 7 never clips, those above trade peaks for the many small values, those below leave room for what is fed forward. */
static void choose_scales(group_state *g, lanes best) {
  static const float candidates[] = {6.0f, 6.5f, 7.0f, 7.5f, 8.0f, 8.5f, 9.0f, 9.5f, 10.0f};
  lanes most = {0}, least, scale, error;
  for (size_t j = 0; j < g->size; j++)
    for (size_t l = 0; l < LANES; l++) most[l] = fabsf(g->target[j][l]) > most[l] ? fabsf(g->target[j][l]) : most[l];
  for (size_t l = 0; l < LANES; l++) {
    least[l] = FLT_MAX;
    best[l] = g->steps ? g->row_scale[l] : FLT_MIN; /* zeros: as in quantize_weights.c */
  }
  for (size_t c = 0; c < sizeof candidates / sizeof *candidates; c++) {
    for (size_t l = 0; l < LANES; l++) scale[l] = scale_near(g, l, most[l] / candidates[c]);
    round_group(g, scale, error);
    for (size_t l = 0; l < LANES; l++) {
      if (!(error[l] < least[l])) continue;
      least[l] = error[l];
      best[l] = scale[l];
    }
  }
}

static void store_group(const group_state *g, size_t rows, const lanes scale, float *w, uint8_t *q, void *groups) {
  for (size_t l = 0; l < rows; l++) {
    const size_t at = l * (g->k / g->size) + g->first / g->size;
    if (g->steps)
      ((uint8_t *)groups)[at] = (uint8_t)bnc_round_small(scale[l] / g->row_scale[l]);
    else
      ((uint16_t *)groups)[at] = bnc_bf16_from_f32(scale[l]);
    for (size_t j = 0; j < g->size; j += 2) {
      const float low = g->value[j][l], high = g->value[j + 1][l];
      const int32_t a = (int32_t)bnc_round_small(low / scale[l]) + 8, b = (int32_t)bnc_round_small(high / scale[l]) + 8;
      w[l * g->k + g->first + j] = low;
      w[l * g->k + g->first + j + 1] = high;
      q[(l * g->k + g->first + j) / 2] = (uint8_t)(a | b << 4);
    }
  }
}

void bnc_gptq_round(float *w, size_t rows, size_t k, size_t group, const float *r, uint8_t *q, void *groups, float *scales,
                    float *scratch) {
  lanes *columns = (lanes *)(void *)scratch, *e = columns + k, sum[BNC_GPTQ_GROUP], scale, error;
  group_state g = {.multiply = bnc_outer_here(), .k = k, .size = group, .r = r, .steps = group == BNC_QC4_GROUP};
  for (size_t c = 0; c < k; c++)
    for (size_t l = 0; l < LANES; l++) columns[c][l] = l < rows ? w[l * k + c] : 0.0f;
  for (size_t l = 0; g.steps && l < LANES; l++) {
    g.row_scale[l] = l < rows ? ROOM * bnc_qc4_row_scale(w + l * k, k) : 1.0f;
    if (l < rows) scales[l] = g.row_scale[l];
  }
  for (g.first = 0; g.first < k; g.first += group) {
    feed_forward(&g, e, sum);
    set_targets(&g, columns + g.first, sum);
    choose_scales(&g, scale);
    round_group(&g, scale, error);
    for (size_t j = 0; j < group; j++)
      for (size_t l = 0; l < LANES; l++) e[g.first + j][l] = columns[g.first + j][l] - g.value[j][l];
    store_group(&g, rows, scale, w, q, groups);
  }
}

/* Columns [first, first + size): e becomes what they leave. */
static void round_block_qc8(const group_state *g, const lanes *columns, lanes *e, const lanes *sum, size_t rows, int8_t *q,
                            size_t row_bytes) {
  for (size_t j = 0; j < g->size && g->first + j < row_bytes; j++) {
    const float *row = g->r + (g->first + j) * g->k + g->first;
    const float inverse = 1.0f / row[j];
    const size_t c = g->first + j;
    lanes left;
    memcpy(left, sum[j], sizeof left);
    for (size_t i = 0; i < j; i++)
      for (size_t l = 0; l < LANES; l++) left[l] += e[g->first + i][l] * row[i];
    for (size_t l = 0; l < LANES; l++) {
      const float value = bnc_clamp(bnc_round_small((columns[c][l] + left[l] * inverse) / g->row_scale[l]), -127.0f, 127.0f);
      e[c][l] = columns[c][l] - value * g->row_scale[l];
      if (l < rows) q[l * row_bytes + c] = (int8_t)value;
    }
  }
}

void bnc_gptq_round_qc8(const float *w, size_t rows, size_t k, size_t padded, const float *r, int8_t *q, float *scales, float *scratch) {
  lanes *columns = (lanes *)(void *)scratch, *e = columns + padded, sum[BLOCK_QC8];
  group_state g = {.multiply = bnc_outer_here(), .k = padded, .size = BLOCK_QC8, .r = r};
  memset(e, 0, padded * sizeof *e);
  for (size_t c = 0; c < padded; c++)
    for (size_t l = 0; l < LANES; l++) columns[c][l] = l < rows && c < k ? w[l * k + c] : 0.0f;
  for (size_t l = 0; l < LANES; l++) {
    g.row_scale[l] = 1.0f;
    if (l >= rows) continue;
    bnc_quantize_row_qc8(w + l * k, k, q + l * k, &scales[l]);
    g.row_scale[l] = scales[l];
  }
  for (g.first = 0; g.first < padded; g.first += g.size) {
    feed_forward(&g, e, sum);
    round_block_qc8(&g, columns, e, sum, rows, q, k);
  }
}
