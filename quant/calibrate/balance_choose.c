/* SPDX-License-Identifier: Apache-2.0 */
/* How far the balance follows the inputs is tried out: the more it does, the less is lost of the inputs, and the more of the weights. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "ops/half.h"
#include "ops/quantize/quantize.h"
#include "platforms/base/mem.h"
#include "quant/calibrate/balance.h"
#include "quant/compile/quantize_weights.h"

#define MOST_EXPONENT 12.0

typedef struct trial {
  const bnc_balance_samples *s;
  double *size;     /* [k]: how much each column stands out, logarithm to base 2 */
  float *x, *w;     /* [rows, k], [n, k]: balanced, rounded */
  float *right;     /* [rows, n]: the products of what is not rounded */
  int8_t *exponent; /* [k] */
  int8_t *q;        /* [k + 16] */
  uint8_t *nibbles; /* [k / 2] */
  uint16_t *scales; /* [k] */
} trial;

/* The fourth moment of a column, each row at length 1, sees peaks but is not ruled by one row's. */
static void measure(trial *t) {
  const bnc_balance_samples *s = t->s;
  double mean = 0;
  memset(t->size, 0, s->k * sizeof *t->size);
  for (size_t r = 0; r < s->rows; r++) {
    const float *x = s->x + r * s->k;
    double length = 0;
    for (size_t c = 0; c < s->k; c++) length += (double)x[c] * (double)x[c];
    if (!(length > 0)) continue;
    for (size_t c = 0; c < s->k; c++) {
      const double square = (double)x[c] * (double)x[c] / length * (double)s->k;
      t->size[c] += square * square;
    }
  }
  for (size_t c = 0; c < s->k; c++) {
    t->size[c] = log2(t->size[c] / (double)s->rows + 1e-12) / 4;
    mean += t->size[c] / (double)s->k;
  }
  for (size_t c = 0; c < s->k; c++) t->size[c] -= mean;
}

static void multiply(const trial *t, const float *x, const float *w, float *y) {
  const size_t k = t->s->k;
  for (size_t r = 0; r < t->s->rows; r++)
    for (size_t n = 0; n < t->s->n; n++) {
      float lane[16] = {0}, sum = 0;
      for (size_t c = 0; c + 16 <= k; c += 16)
        for (size_t l = 0; l < 16; l++) lane[l] += x[r * k + c + l] * w[n * k + c + l];
      for (size_t c = k / 16 * 16; c < k; c++) sum += x[r * k + c] * w[n * k + c];
      for (size_t l = 0; l < 16; l++) sum += lane[l];
      y[r * t->s->n + n] = sum;
    }
}

static void round_inputs(const trial *t) {
  const size_t k = t->s->k;
  for (size_t r = 0; r < t->s->rows; r++) {
    bnc_qd8_params params;
    float *x = t->x + r * k;
    for (size_t c = 0; c < k; c++) x[c] = ldexpf(t->s->x[r * k + c], -t->exponent[c]);
    const bnc_quantize_args args = {.cols = k, .x = x, .q = t->q, .params = &params, .x_stride = k, .q_stride = k};
    bnc_quantize_qd8_scalar(&args, 0, 1);
    for (size_t c = 0; c < k; c++) x[c] = (float)(t->q[c] - params.zero_point) * params.scale;
  }
}

static void round_weights(const trial *t) {
  const size_t k = t->s->k, group = t->s->group;
  for (size_t n = 0; n < t->s->n; n++) {
    float *w = t->w + n * k, scale;
    for (size_t c = 0; c < k; c++) w[c] = ldexpf(t->s->w[n * k + c], t->exponent[c]);
    if (group == BNC_QC4_GROUP) {
      uint8_t *steps = (uint8_t *)t->scales;
      bnc_quantize_row_qc4(w, k, t->nibbles, steps, &scale);
      for (size_t c = 0; c < k; c++) w[c] = (float)((t->nibbles[c / 2] >> (c % 2 ? 4 : 0) & 15) - 8) * (float)steps[c / group] * scale;
    } else if (group) {
      bnc_quantize_row_qg4(w, k, group, t->nibbles, t->scales);
      for (size_t c = 0; c < k; c++)
        w[c] = (float)((t->nibbles[c / 2] >> (c % 2 ? 4 : 0) & 15) - 8) * bnc_f32_from_bf16(t->scales[c / group]);
    } else {
      bnc_quantize_row_qc8(w, k, t->q, &scale);
      for (size_t c = 0; c < k; c++) w[c] = (float)t->q[c] * scale;
    }
  }
}

/* Of the products, relative to each row's. y [rows, n]: scratch. */
static double error_of(const trial *t, float *y) {
  const size_t n = t->s->n;
  double sum = 0;
  round_inputs(t);
  round_weights(t);
  multiply(t, t->x, t->w, y);
  for (size_t r = 0; r < t->s->rows; r++) {
    double miss = 0, all = 0;
    for (size_t i = r * n; i < (r + 1) * n; i++) {
      miss += ((double)y[i] - (double)t->right[i]) * ((double)y[i] - (double)t->right[i]);
      all += (double)t->right[i] * (double)t->right[i];
    }
    if (all > 0) sum += miss / all;
  }
  return sum;
}

static void try_all(trial *t, float *y, int8_t *best) {
  static const double follow[] = {0, 0.25, 0.5, 0.75};
  double least = DBL_MAX;
  measure(t);
  multiply(t, t->s->x, t->s->w, t->right);
  for (size_t i = 0; i < sizeof follow / sizeof *follow; i++) {
    for (size_t c = 0; c < t->s->k; c++) t->exponent[c] = (int8_t)rint(fmax(fmin(follow[i] * t->size[c], MOST_EXPONENT), -MOST_EXPONENT));
    const double error = error_of(t, y);
    if (!(error < least)) continue;
    least = error;
    memcpy(best, t->exponent, t->s->k);
  }
}

bnc_status bnc_balance_choose(const bnc_balance_samples *s, int8_t *exponent, bnc_error *err) {
  trial t = {.s = s,
             .size = bnc_mem_array(s->k, sizeof(double)),
             .x = bnc_mem_array(s->rows * s->k, sizeof(float)),
             .w = bnc_mem_array(s->n * s->k, sizeof(float)),
             .right = bnc_mem_array(2 * s->rows * s->n, sizeof(float)),
             .exponent = bnc_mem_alloc(s->k),
             .q = bnc_mem_zalloc(s->k + BNC_QD8_EXTRA),
             .nibbles = bnc_mem_alloc(s->k),
             .scales = bnc_mem_array(s->k, sizeof(uint16_t))};
  const bool all = t.size && t.x && t.w && t.right && t.exponent && t.q && t.nibbles && t.scales;
  memset(exponent, 0, s->k);
  if (all) try_all(&t, t.right + s->rows * s->n, exponent);
  void *const blocks[] = {t.size, t.x, t.w, t.right, t.exponent, t.q, t.nibbles, t.scales};
  for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) bnc_mem_free(blocks[i]);
  return all ? BNC_OK : bnc_fail_memory(err, (s->rows + s->n) * s->k * sizeof(float));
}
