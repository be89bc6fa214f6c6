/* SPDX-License-Identifier: Apache-2.0 */
#include "quant/compile/weight_stream.h"

#include <stdatomic.h>
#include <string.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "platforms/mem.h"
#include "platforms/threads.h"
#include "quant/compile/quantize_weights.h"

#define CHUNK_ELEMENTS ((size_t)4 << 20)
#define ROWS_ELEMENTS ((size_t)1 << 16) /* what a thread takes at a time */

typedef struct stream {
  bnc_context *context;
  const bnc_constants *constants;
  bnc_pool *pool;
  bnc_file_writer *out;
  XXH3_state_t *hash;
  bnc_error *err;
  uint64_t written, size;
  float *chunk;    /* rows in float */
  size_t capacity; /* elements */
} stream;

static bnc_status put(stream *s, const void *data, size_t size) {
  s->written += size;
  XXH3_64bits_update(s->hash, data, size);
  return bnc_file_writer_write(s->out, data, size, s->err);
}

static bnc_status align(stream *s) {
  static const uint8_t zeros[BNC_FORMAT_ALIGNMENT];
  return put(s, zeros, (size_t)((0 - s->written) & (BNC_FORMAT_ALIGNMENT - 1)));
}

static void multiply(float *x, size_t n, float factor) {
  for (size_t i = 0; factor != 1.0f && i < n; i++) x[i] *= factor;
}

/* Rows of one part of a matrix: read into the chunk and quantised, by all threads. */
typedef struct rows_job {
  stream *s;
  const bnc_weight *w;
  size_t part, row, rows;
  uint8_t *packed, *scales;
  size_t row_bytes, row_scales;
  bool reads;        /* the source lets every thread read its own rows */
  atomic_int status; /* of the first read that failed */
} rows_job;

static bnc_status read_rows(const stream *s, const bnc_weight *w, size_t part, size_t row, size_t rows, float *out, bnc_error *err) {
  const bnc_tensor_source *source = s->constants->source;
  bnc_status status = source->read(source->context, bnc_constants_text(s->constants, w->part[part].weight), row * w->k, rows * w->k, out, err);
  if (status == BNC_OK) multiply(out, rows * w->k, w->part[part].weight_scale);
  return status;
}

static void quantize_rows(void *context, size_t from, size_t to) {
  rows_job *j = context;
  const bnc_weight *w = j->w;
  if (j->reads) {
    bnc_status status = read_rows(j->s, w, j->part, j->row + from, to - from, j->s->chunk + from * w->k, NULL);
    if (status != BNC_OK) atomic_store(&j->status, (int)status);
  }
  for (size_t r = from; r < to; r++) {
    void *scale = j->scales + r * j->row_scales;
    if (w->kind == BNC_WEIGHT_QC8)
      bnc_quantize_row_qc8(j->s->chunk + r * w->k, w->k, (int8_t *)(j->packed + r * j->row_bytes), scale);
    else if (w->kind == BNC_WEIGHT_QG4)
      bnc_quantize_row_qg4(j->s->chunk + r * w->k, w->k, w->group, j->packed + r * j->row_bytes, scale);
  }
}

/* A chunk never crosses a part. */
static bnc_status put_rows(stream *s, rows_job *j) {
  const bnc_weight *w = j->w;
  j->row_bytes = w->kind == BNC_WEIGHT_F32 ? w->k * sizeof(float) : w->kind == BNC_WEIGHT_QC8 ? w->k : w->k / 2;
  j->reads = s->constants->source->parallel;
  bnc_status status = j->reads ? BNC_OK : read_rows(s, w, j->part, j->row, j->rows, s->chunk, s->err);
  if (status != BNC_OK) return status;
  bnc_pool_run(s->pool, quantize_rows, j, j->rows, ROWS_ELEMENTS / w->k ? ROWS_ELEMENTS / w->k : 1);
  status = (bnc_status)atomic_load(&j->status);
  if (status != BNC_OK) return bnc_fail(s->err, status, "%s could not be read", bnc_constants_text(s->constants, w->part[j->part].weight));
  return put(s, w->kind == BNC_WEIGHT_F32 ? (const void *)s->chunk : j->packed, j->rows * j->row_bytes);
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

static bnc_status put_weight(stream *s, const bnc_weight *w, bool with_bias) {
  size_t most = CHUNK_ELEMENTS / w->k ? CHUNK_ELEMENTS / w->k : 1, done = 0;
  size_t row_scales = w->kind == BNC_WEIGHT_F32 ? 0 : w->kind == BNC_WEIGHT_QC8 ? 4 : w->k / w->group * 2;
  uint8_t *scales = bnc_mem_array(w->n, row_scales), *packed = bnc_mem_array(most, w->k);
  bnc_status status = scales && packed ? BNC_OK : bnc_fail_memory(s->err, (uint64_t)w->n * row_scales);
  if (status == BNC_OK && most * w->k > s->capacity) {
    bnc_mem_free(s->chunk);
    s->capacity = most * w->k;
    s->chunk = bnc_mem_array(s->capacity, sizeof *s->chunk);
    if (!s->chunk) {
      s->capacity = 0;
      status = bnc_fail_memory(s->err, most * w->k * sizeof *s->chunk);
    }
  }
  for (size_t p = 0; status == BNC_OK && p < w->parts; p++)
    for (size_t row = 0; status == BNC_OK && row < w->part[p].n;) {
      size_t rows = w->part[p].n - row < most ? w->part[p].n - row : most;
      rows_job job = {.s = s, .w = w, .part = p, .row = row, .rows = rows, .packed = packed, .scales = scales + done * row_scales, .row_scales = row_scales};
      status = put_rows(s, &job);
      row += rows;
      done += rows;
      if (status == BNC_OK && bnc_context_progress(s->context, "writing weights", s->size ? (double)s->written / (double)s->size : 1.0))
        status = bnc_fail(s->err, BNC_ERROR_CANCELLED, "cancelled");
    }
  if (status == BNC_OK) status = align(s);
  if (status == BNC_OK && row_scales) status = put(s, scales, w->n * row_scales);
  if (status == BNC_OK && row_scales) status = align(s);
  if (status == BNC_OK && with_bias) status = put_bias(s, w);
  bnc_mem_free(scales);
  bnc_mem_free(packed);
  return status;
}

bnc_status bnc_weights_stream(bnc_context *context, const bnc_constants *constants, const bnc_file_weight *weight, const uint32_t *source, size_t count,
                              uint64_t size, bnc_file_writer *out, uint64_t *checksum, bnc_error *err) {
  stream s = {.context = context, .constants = constants, .out = out, .err = err, .size = size};
  s.hash = bnc_mem_alloc(sizeof *s.hash);
  if (!s.hash) return bnc_fail_memory(err, sizeof *s.hash);
  XXH3_64bits_reset(s.hash);
  bnc_status status = bnc_pool_create(&s.pool, context->settings.threads, err);
  for (size_t i = 0; status == BNC_OK && i < count; i++) {
    if (s.written != weight[i].data) status = bnc_fail(err, BNC_ERROR_INTERNAL, "weight %zu is at %llu, expected %llu", i, (unsigned long long)s.written, (unsigned long long)weight[i].data);
    if (status == BNC_OK) status = put_weight(&s, &constants->weight[source[i]], weight[i].bias != UINT64_MAX);
  }
  *checksum = XXH3_64bits_digest(s.hash);
  bnc_pool_destroy(s.pool);
  bnc_mem_free(s.hash);
  bnc_mem_free(s.chunk);
  return status;
}
