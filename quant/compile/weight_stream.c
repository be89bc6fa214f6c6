/* SPDX-License-Identifier: Apache-2.0 */
#include "quant/compile/weight_stream.h"

#include <stdatomic.h>
#include <string.h>

#include "ops/matmul/matmul.h"
#include "platforms/base/mem.h"
#include "platforms/threads/threads.h"
#include "quant/calibrate/gptq.h"
#include "quant/calibrate/rounded_files.h"
#include "quant/compile/quantize_weights.h"

#define CHUNK_ELEMENTS ((size_t)4 << 20)
#define ROWS_ELEMENTS ((size_t)1 << 16) /* what a thread takes at a time */
#define PANEL ((size_t)16)              /* rows: whole panels of all types */

typedef struct stream {
  bnc_context *context;
  const bnc_constants *constants;
  const char *rounded;      /* folder of what calibration has rounded, or NULL */
  const bnc_centre *centre; /* what int8 matrices read, or NULL */
  bnc_pool *pool;
  bnc_file_writer *out;
  bnc_block_writer *blocks;
  bnc_error *err;
  uint64_t written, size;
  float *chunk;    /* rows in float */
  size_t capacity; /* elements */
} stream;

static bnc_status put(stream *s, const void *data, size_t size) {
  s->written += size;
  bnc_status status = bnc_block_writer_add(s->blocks, data, size, s->err);
  return status == BNC_OK ? bnc_file_writer_write(s->out, data, size, s->err) : status;
}

static bnc_status align(stream *s) {
  static const uint8_t zeros[BNC_FORMAT_ALIGNMENT];
  return put(s, zeros, (size_t)((0 - s->written) & (BNC_FORMAT_ALIGNMENT - 1)));
}

static void multiply(float *x, size_t n, float factor) {
  for (size_t i = 0; factor != 1.0f && i < n; i++) x[i] *= factor;
}

/* Rows of a matrix, quantised and in the file's order: a chunk, by all threads. */
typedef struct rows_job {
  stream *s;
  const bnc_weight *w;
  size_t row, rows;  /* of the matrix; int4: whole panels, but for the matrix's last */
  uint8_t *stored;   /* [rows] as they go into the file */
  uint8_t *nibbles;  /* int4: [rows, k / 2] before they become panels */
  void *groups;      /* int4: [rows, k / group], the same of bf16 scales, or of steps */
  uint8_t *scales;   /* of the whole matrix, in the file's order */
  void *offsets;     /* int4: of the whole matrix */
  float *factor;     /* int8: of the moments of what it reads, or NULL */
  float *scratch;    /* beside a factor: bnc_gptq_scratch of each thread */
  bool rounded;      /* int4: nibbles and groups are there already */
  bool reads;        /* the source lets every thread read its own rows */
  atomic_int status; /* of the first read that failed */
} rows_job;

/* Rows [row, row + rows) of the matrix, which parts are stacked to. */
static bnc_status read_rows(const stream *s, const bnc_weight *w, size_t row, size_t rows, float *out, bnc_error *err) {
  const bnc_tensor_source *source = s->constants->source;
  bnc_status status = BNC_OK;
  for (size_t p = 0, first = 0; status == BNC_OK && p < w->parts && rows > 0; first += w->part[p].n, p++) {
    if (row - first >= w->part[p].n) continue;
    size_t here = w->part[p].n - (row - first) < rows ? w->part[p].n - (row - first) : rows;
    status =
        source->read(source->context, bnc_constants_text(s->constants, w->part[p].weight), (row - first) * w->k, here * w->k, out, err);
    if (status == BNC_OK) multiply(out, here * w->k, w->part[p].weight_scale);
    row += here;
    rows -= here;
    out += here * w->k;
  }
  return status;
}

/* Where the groups of a row of the chunk begin. */
static void *groups_at(const rows_job *j, size_t row) {
  const size_t groups = row * (j->w->k / j->w->group);
  return (uint8_t *)j->groups + (j->w->dtype == BNC_WEIGHT_QC4 ? groups : groups * sizeof(uint16_t));
}

/* The same rows of an int4 matrix that calibration has rounded. */
static bnc_status take_rounded(const stream *s, const rows_job *j) {
  const bnc_weight *w = j->w;
  size_t row = j->row, rows = j->rows, at = 0;
  bnc_status status = BNC_OK;
  for (size_t p = 0, first = 0; status == BNC_OK && p < w->parts && rows > 0; first += w->part[p].n, p++) {
    if (row - first >= w->part[p].n) continue;
    const size_t here = w->part[p].n - (row - first) < rows ? w->part[p].n - (row - first) : rows;
    const bnc_rounded_shape shape = {w->part[p].n, w->k, w->group};
    status = bnc_rounded_read(s->rounded, bnc_constants_text(s->constants, w->part[p].weight), &shape, row - first, here,
                              w->part[p].weight_scale, j->nibbles + at * (w->k / 2), groups_at(j, at),
                              (float *)(void *)j->scales + j->row + at, s->err);
    row += here;
    rows -= here;
    at += here;
  }
  return status;
}

static void quantize_row(const rows_job *j, size_t r) {
  const bnc_weight *w = j->w;
  const float *row = j->s->chunk + r * w->k;
  float *scale = (float *)(void *)j->scales + j->row + r;
  switch (w->dtype) {
    case BNC_WEIGHT_QC8: bnc_quantize_row_qc8(row, w->k, (int8_t *)(j->stored + r * w->k), scale); break;
    case BNC_WEIGHT_QG4: bnc_quantize_row_qg4(row, w->k, w->group, j->nibbles + r * (w->k / 2), groups_at(j, r)); break;
    case BNC_WEIGHT_QC4: bnc_quantize_row_qc4(row, w->k, j->nibbles + r * (w->k / 2), groups_at(j, r), scale); break;
    default: break;
  }
}

static void quantize_rows(void *context, size_t from, size_t to) {
  rows_job *j = context;
  const bnc_weight *w = j->w;
  const size_t groups = w->dtype == BNC_WEIGHT_QG4 ? w->k / w->group : 0, first = j->row / BNC_I4_PANEL;
  if (j->reads) {
    bnc_status status = read_rows(j->s, w, j->row + from, to - from, j->s->chunk + from * w->k, NULL);
    if (status != BNC_OK) atomic_store(&j->status, (int)status);
  }
  for (size_t r = from; !j->rounded && r < to; r++) quantize_row(j, r);
  if (w->dtype == BNC_WEIGHT_QG4)
    bnc_matmul_i4_pack(j->rows, w->k, w->group, j->nibbles, j->groups, j->stored,
                       (uint16_t *)(void *)j->scales + first * BNC_I4_PANEL * groups, (float *)j->offsets + first * BNC_I4_PANEL,
                       from / BNC_I4_PANEL, bnc_i4_panels(to));
  else if (w->dtype == BNC_WEIGHT_QC4)
    bnc_matmul_c4_pack(j->rows, w->k, j->nibbles, j->groups, j->stored, (int32_t *)j->offsets + first * BNC_C4_PANEL, from / BNC_C4_PANEL,
                       bnc_c4_panels(to));
  else if (w->dtype == BNC_WEIGHT_BF16)
    bnc_matmul_bf16_pack(j->rows, w->k, j->s->chunk, (uint16_t *)(void *)j->stored, from / BNC_FLOAT_PANEL, bnc_bf16_panels(to));
}

/* Sixteens [from, to) of the chunk's rows, int8 and with a factor. */
static void round_for_inputs(void *context, size_t thread, size_t from, size_t to) {
  const rows_job *j = context;
  const size_t k = j->w->k, padded = bnc_moments_padded(k);
  for (size_t tile = from; tile < to; tile++) {
    const size_t at = tile * BNC_GPTQ_ROWS, rows = j->rows - at < BNC_GPTQ_ROWS ? j->rows - at : BNC_GPTQ_ROWS;
    bnc_gptq_round_qc8(j->s->chunk + at * k, rows, k, padded, j->factor, (int8_t *)(j->stored + at * k),
                       (float *)(void *)j->scales + j->row + at, j->scratch + thread * bnc_gptq_scratch(padded));
  }
}

/* Threads take whole panels, whatever the type. */
static bnc_status put_rows(stream *s, rows_job *j) {
  const bnc_weight *w = j->w;
  const size_t grain = ROWS_ELEMENTS / w->k / PANEL * PANEL;
  j->rounded = s->rounded && bnc_weight_is_int4(w->dtype) && !w->by_itself;
  j->reads = s->constants->source->parallel && !j->rounded && !j->factor;
  bnc_status status = BNC_OK;
  if (j->rounded)
    status = take_rounded(s, j);
  else if (!j->reads)
    status = read_rows(s, w, j->row, j->rows, s->chunk, s->err);
  if (status != BNC_OK) return status;
  if (j->factor)
    bnc_pool_run_threads(s->pool, round_for_inputs, j, (j->rows + BNC_GPTQ_ROWS - 1) / BNC_GPTQ_ROWS, 1);
  else
    bnc_pool_run(s->pool, quantize_rows, j, j->rows, grain ? grain : PANEL);
  status = (bnc_status)atomic_load(&j->status);
  if (status != BNC_OK) return bnc_fail(s->err, status, "%s could not be read", bnc_constants_text(s->constants, w->part[0].weight));
  switch (w->dtype) {
    case BNC_WEIGHT_F32: return put(s, s->chunk, j->rows * w->k * sizeof(float));
    case BNC_WEIGHT_BF16: return put(s, j->stored, bnc_bf16_panels(j->rows) * bnc_bf16_panel(w->k) * sizeof(uint16_t));
    case BNC_WEIGHT_QC8: return put(s, j->stored, j->rows * w->k);
    case BNC_WEIGHT_QC4: return put(s, j->stored, bnc_c4_panels(j->rows) * bnc_c4_panel_bytes(w->k));
    default: return put(s, j->stored, bnc_i4_panels(j->rows) * bnc_i4_panel_nibbles(w->k));
  }
}

static bnc_status put_bias(stream *s, const bnc_weight *w) {
  float *bias = bnc_mem_array(w->n, sizeof *bias);
  const bnc_tensor_source *source = s->constants->source;
  bnc_status status = bias ? BNC_OK : bnc_fail_memory(s->err, w->n * sizeof *bias);
  for (size_t p = 0, at = 0; status == BNC_OK && p < w->parts; at += w->part[p].n, p++)
    if (w->part[p].bias != BNC_NO_ID) {
      status = source->read(source->context, bnc_constants_text(s->constants, w->part[p].bias), 0, w->part[p].n, bias + at, s->err);
      if (status == BNC_OK) multiply(bias + at, w->part[p].n, w->part[p].bias_scale);
    }
  if (status == BNC_OK) status = put(s, bias, w->n * sizeof *bias);
  bnc_mem_free(bias);
  return status == BNC_OK ? align(s) : status;
}

static bnc_status reserve_chunk(stream *s, size_t elements) {
  if (elements <= s->capacity) return BNC_OK;
  bnc_mem_free(s->chunk);
  s->chunk = bnc_mem_array(elements, sizeof *s->chunk);
  s->capacity = s->chunk ? elements : 0;
  return s->chunk ? BNC_OK : bnc_fail_memory(s->err, elements * sizeof *s->chunk);
}

static bnc_status put_part(stream *s, const void *data, uint64_t size) {
  bnc_status status = size ? put(s, data, (size_t)size) : BNC_OK;
  return size && status == BNC_OK ? align(s) : status;
}

/* Where the matrix's inputs are known. */
static bnc_status prepare_rounding(rows_job *j) {
  const stream *s = j->s;
  const bnc_weight *w = j->w;
  if (w->dtype != BNC_WEIGHT_QC8) return BNC_OK;
  const bnc_status status =
      bnc_centre_factor(s->centre, bnc_constants_text(s->constants, w->part[0].weight), w->k, s->pool, &j->factor, s->err);
  if (status != BNC_OK || !j->factor) return status;
  const size_t each = bnc_gptq_scratch(bnc_moments_padded(w->k));
  j->scratch = bnc_mem_array(bnc_pool_threads(s->pool), each * sizeof *j->scratch);
  return j->scratch ? BNC_OK : bnc_fail_memory(s->err, each * sizeof *j->scratch);
}

static bnc_status put_weight(stream *s, const bnc_weight *w, const bnc_weight_sizes *sizes) {
  const bool panels = bnc_weight_is_int4(w->dtype);
  const size_t fit = CHUNK_ELEMENTS / w->k / PANEL * PANEL, most = fit ? fit : PANEL;
  rows_job job = {.s = s,
                  .w = w,
                  .scales = bnc_mem_zalloc((size_t)sizes->scales + 1), /* QC4: those beyond n stay 0 */
                  .offsets = bnc_mem_array((size_t)sizes->offsets, 1),
                  .stored = bnc_mem_array(most, w->dtype == BNC_WEIGHT_BF16 ? (w->k + 1) * sizeof(uint16_t) : w->k),
                  .nibbles = bnc_mem_array(panels ? most : 0, w->k / 2),
                  .groups = bnc_mem_array(panels ? most : 0, panels ? w->k / w->group * sizeof(uint16_t) : 0)};
  bnc_status status =
      job.scales && job.offsets && job.stored && job.nibbles && job.groups ? BNC_OK : bnc_fail_memory(s->err, sizes->scales + most * w->k);
  if (status == BNC_OK) status = reserve_chunk(s, most * w->k);
  if (status == BNC_OK) status = prepare_rounding(&job);
  for (; status == BNC_OK && job.row < w->n; job.row += job.rows) {
    job.rows = w->n - job.row < most ? w->n - job.row : most;
    status = put_rows(s, &job);
    if (status == BNC_OK && bnc_context_progress(s->context, "writing weights", s->size ? (double)s->written / (double)s->size : 1.0))
      status = bnc_fail(s->err, BNC_ERROR_CANCELLED, "cancelled");
  }
  if (status == BNC_OK) status = align(s);
  if (status == BNC_OK) status = put_part(s, job.scales, sizes->scales);
  if (status == BNC_OK) status = put_part(s, job.offsets, sizes->offsets);
  if (status == BNC_OK && sizes->bias) status = put_bias(s, w);
  bnc_mem_free(job.scales);
  bnc_mem_free(job.offsets);
  bnc_mem_free(job.stored);
  bnc_mem_free(job.nibbles);
  bnc_mem_free(job.groups);
  bnc_mem_free(job.factor);
  bnc_mem_free(job.scratch);
  return status;
}

bnc_status bnc_weights_stream(bnc_context *context, const bnc_constants *constants, const char *rounded, const bnc_centre *centre,
                              const bnc_file_weight *weight, const uint32_t *source, size_t count, uint64_t size, bnc_file_writer *out,
                              bnc_block_writer *blocks, bnc_error *err) {
  stream s = {.context = context,
              .constants = constants,
              .rounded = rounded,
              .centre = centre,
              .out = out,
              .blocks = blocks,
              .err = err,
              .size = size};
  bnc_status status = bnc_pool_create(&s.pool, context->settings.threads, err);
  for (size_t i = 0; status == BNC_OK && i < count; i++) {
    if (s.written != weight[i].data)
      status = bnc_fail(err, BNC_ERROR_INTERNAL, "weight %zu is at %llu, expected %llu", i, (unsigned long long)s.written,
                        (unsigned long long)weight[i].data);
    const bnc_weight_sizes sizes = bnc_weight_sizes_of(&weight[i]);
    if (status == BNC_OK) status = put_weight(&s, &constants->weight[source[i]], &sizes);
  }
  bnc_pool_destroy(s.pool);
  bnc_mem_free(s.chunk);
  return status;
}
