/* SPDX-License-Identifier: Apache-2.0 */
/* A linear layer of a calibration: some rows of its matrix are read, rounded, and multiplied as they then are. */
#include <string.h>

#include "platforms/base/mem.h"
#include "quant/calibrate/gptq.h"
#include "quant/calibrate/layer_run.h"
#include "quant/calibrate/rounded_files.h"

typedef struct linear_job {
  bnc_layer_run *run;
  bnc_rounded_shape shape;
  size_t first, rows; /* of the matrix: the chunk */
  const float *x;     /* [run->rows, k] */
  float *y;           /* [run->rows, n], or NULL */
} linear_job;

void bnc_layer_run_observe(bnc_layer_run *run, const float *x, size_t k, size_t group) {
  if (!bnc_weight_group(k, group)) return;
  memset(run->moments, 0, k * k * sizeof *run->moments);
  bnc_gptq_add_moments(run->moments, k, x, run->rows, run->pool);
  bnc_gptq_factor(run->moments, k, run->pool);
  run->done += (double)k * (double)k * ((double)run->rows / 2 + (double)k / 6);
}

/* columns [k][16] = 16 rows of the matrix, those beyond `rows` zeros. */
static void transpose(const float *w, size_t rows, size_t k, float *columns) {
  for (size_t c = 0; c < k; c++)
    for (size_t l = 0; l < BNC_OUTER_LANES; l++) columns[c * BNC_OUTER_LANES + l] = l < rows ? w[l * k + c] : 0.0f;
}

static void multiply(const linear_job *j, const float *columns, size_t first, size_t rows) {
  const size_t k = j->shape.k;
  for (size_t r = 0; r < j->run->rows; r += BNC_OUTER_ROWS) {
    float sum[BNC_OUTER_ROWS][BNC_OUTER_LANES] = {{0}};
    j->run->kernels.outer.product(&(bnc_outer_args){j->x + r * k, k, 1, columns, BNC_OUTER_LANES, k, sum[0], BNC_OUTER_LANES});
    for (size_t i = 0; i < BNC_OUTER_ROWS; i++) memcpy(j->y + (r + i) * j->shape.n + first, sum[i], rows * sizeof(float));
  }
}

/* Sixteens [from, to) of the chunk's rows. */
static void round_and_multiply(void *context, size_t thread, size_t from, size_t to) {
  const linear_job *j = context;
  const bnc_rounded_shape *s = &j->shape;
  float *scratch = (float *)(void *)(j->run->scratch + thread * j->run->scratch_bytes);
  for (size_t tile = from; tile < to; tile++) {
    const size_t at = tile * BNC_GPTQ_ROWS, rows = j->rows - at < BNC_GPTQ_ROWS ? j->rows - at : BNC_GPTQ_ROWS, row = j->first + at;
    float *w = j->run->weights + at * s->k;
    if (s->group) {
      uint8_t *out = j->run->rounded;
      bnc_gptq_round(w, rows, s->k, s->group, j->run->moments, out + row * s->k / 2, out + bnc_rounded_groups_at(s, row),
                     (float *)(void *)(out + bnc_rounded_scales_at(s)) + row, scratch);
    }
    if (!j->y) continue;
    transpose(w, rows, s->k, scratch);
    multiply(j, scratch, row, rows);
  }
}

bnc_status bnc_layer_run_linear(bnc_layer_run *run, const char *name, const float *x, size_t k, size_t n, size_t group, float *y) {
  const bnc_tensor_source *source = run->source;
  const size_t fit = BNC_LAYER_CHUNK / k / BNC_GPTQ_ROWS * BNC_GPTQ_ROWS, most = fit ? fit : BNC_GPTQ_ROWS;
  /* Matrices that are to be int8 are taken as they are: what rounds them is too fine to be corrected for. */
  linear_job job = {run, {n, k, bnc_weight_group(k, group)}, 0, 0, x, y};
  bnc_status s = BNC_OK;
  for (; s == BNC_OK && job.first < n; job.first += job.rows) {
    job.rows = n - job.first < most ? n - job.first : most;
    s = source->read(source->context, name, job.first * k, job.rows * k, run->weights, run->err);
    if (s != BNC_OK) break;
    bnc_pool_run_threads(run->pool, round_and_multiply, &job, (job.rows + BNC_GPTQ_ROWS - 1) / BNC_GPTQ_ROWS, 1);
    run->done += (double)job.rows * (double)k * ((double)run->rows + (double)k / 2);
    if (bnc_context_progress(run->context, "calibrating", run->done / run->total)) s = bnc_fail(run->err, BNC_ERROR_CANCELLED, "cancelled");
  }
  if (s == BNC_OK && job.shape.group) s = bnc_rounded_save(run->c->folder, name, &job.shape, run->rounded, run->err);
  return s;
}
