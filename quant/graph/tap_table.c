/* SPDX-License-Identifier: Apache-2.0 */
#include "quant/graph/tap_table.h"

#include <math.h>
#include <string.h>

#include "platforms/base/mem.h"

bnc_status bnc_taps_create(bnc_taps *taps, size_t rows, size_t in_rows, size_t capacity, bnc_error *err) {
  *taps = (bnc_taps){0};
  if (rows >= UINT32_MAX || in_rows >= UINT32_MAX || capacity >= UINT32_MAX)
    return bnc_fail(err, BNC_ERROR_LIMIT, "a resampling of %zu to %zu rows with %zu taps is too large", in_rows, rows, capacity);
  taps->rows = rows;
  taps->in_rows = in_rows;
  taps->start = bnc_mem_array(rows + 1, sizeof *taps->start);
  taps->index = bnc_mem_array(capacity, sizeof *taps->index);
  taps->weight = bnc_mem_array(capacity, sizeof *taps->weight);
  if (!taps->start || !taps->index || !taps->weight) {
    bnc_taps_free(taps);
    return bnc_fail_memory(err, capacity * 8);
  }
  return BNC_OK;
}

void bnc_taps_free(bnc_taps *taps) {
  bnc_mem_free(taps->start);
  bnc_mem_free(taps->index);
  bnc_mem_free(taps->weight);
  *taps = (bnc_taps){0};
}

bnc_status bnc_taps_strided(bnc_taps *taps, size_t rows, size_t in_rows, size_t first, size_t step, bnc_error *err) {
  if (rows > 0 && (first >= in_rows || (in_rows - 1 - first) / (step ? step : 1) < (step ? rows - 1 : 0)))
    return bnc_fail(err, BNC_ERROR_INTERNAL, "strided rows %zu + %zu * %zu leave the input's %zu rows", first, rows, step, in_rows);
  bnc_status s = bnc_taps_create(taps, rows, in_rows, rows, err);
  if (s != BNC_OK) return s;
  for (size_t r = 0; r < rows; r++) {
    taps->start[r + 1] = (uint32_t)(r + 1);
    taps->index[r] = (uint32_t)(first + r * step);
    taps->weight[r] = 1.0f;
  }
  return BNC_OK;
}

bnc_status bnc_taps_gather(bnc_taps *taps, size_t rows, size_t in_rows, const uint32_t *index, bnc_error *err) {
  bnc_status s = bnc_taps_create(taps, rows, in_rows, rows, err);
  if (s != BNC_OK) return s;
  for (size_t r = 0; r < rows; r++) {
    taps->start[r + 1] = (uint32_t)(r + 1);
    taps->index[r] = index[r];
    taps->weight[r] = 1.0f;
  }
  return BNC_OK;
}

/* The cubic convolution kernel of Keys (1981) with a = -0.75, in the two pieces and the float arithmetic that PyTorch uses. */
static float cubic_near(float x) { return (1.25f * x - 2.25f) * x * x + 1.0f; }
static float cubic_far(float x) { return ((-0.75f * x + 3.75f) * x - 6.0f) * x + 3.0f; }

static uint32_t clamp_row(long long row, size_t rows) { return row < 0 ? 0 : (size_t)row >= rows ? (uint32_t)(rows - 1) : (uint32_t)row; }

bnc_status bnc_taps_bicubic(bnc_taps *taps, size_t rows, size_t in_rows, bnc_error *err) {
  bnc_status s = bnc_taps_create(taps, rows, in_rows, 4 * rows, err);
  if (s != BNC_OK) return s;
  float scale = (float)in_rows / (float)rows;
  for (size_t r = 0; r < rows; r++) {
    float source = scale * ((float)r + 0.5f) - 0.5f;
    float base = floorf(source);
    float t = source - base;
    float w[4] = {cubic_far(t + 1.0f), cubic_near(t), cubic_near(1.0f - t), cubic_far(2.0f - t)};
    for (int k = 0; k < 4; k++) {
      taps->index[4 * r + (size_t)k] = clamp_row((long long)base + k - 1, in_rows);
      taps->weight[4 * r + (size_t)k] = w[k];
    }
    taps->start[r + 1] = (uint32_t)(4 * (r + 1));
  }
  return BNC_OK;
}

bnc_status bnc_taps_bilinear(bnc_taps *taps, size_t rows, size_t in_rows, bnc_error *err) {
  bnc_status s = bnc_taps_create(taps, rows, in_rows, 2 * rows, err);
  if (s != BNC_OK) return s;
  float scale = (float)in_rows / (float)rows;
  for (size_t r = 0; r < rows; r++) {
    float source = scale * ((float)r + 0.5f) - 0.5f;
    if (source < 0.0f) source = 0.0f;
    float base = floorf(source);
    float t = source - base;
    taps->index[2 * r] = clamp_row((long long)base, in_rows);
    taps->index[2 * r + 1] = clamp_row((long long)base + 1, in_rows);
    taps->weight[2 * r] = 1.0f - t;
    taps->weight[2 * r + 1] = t;
    taps->start[r + 1] = (uint32_t)(2 * (r + 1));
  }
  return BNC_OK;
}

bnc_status bnc_taps_outer(bnc_taps *taps, const bnc_taps *y, const bnc_taps *x, bnc_error *err) {
  size_t rows, in_rows, capacity;
  if (!bnc_mul_size(y->rows, x->rows, &rows) || !bnc_mul_size(y->in_rows, x->in_rows, &in_rows) ||
      !bnc_mul_size(y->start[y->rows], x->start[x->rows], &capacity))
    return bnc_fail(err, BNC_ERROR_LIMIT, "a resampling of %zu x %zu rows is too large", y->rows, x->rows);
  bnc_status s = bnc_taps_create(taps, rows, in_rows, capacity, err);
  if (s != BNC_OK) return s;
  uint32_t k = 0;
  for (size_t r = 0; r < y->rows; r++)
    for (size_t c = 0; c < x->rows; c++) {
      for (uint32_t i = y->start[r]; i < y->start[r + 1]; i++)
        for (uint32_t j = x->start[c]; j < x->start[c + 1]; j++, k++) {
          taps->index[k] = (uint32_t)(y->index[i] * x->in_rows + x->index[j]);
          taps->weight[k] = y->weight[i] * x->weight[j];
        }
      taps->start[r * x->rows + c + 1] = k;
    }
  return BNC_OK;
}

bnc_status bnc_taps_compose(bnc_taps *taps, const bnc_taps *outer, const bnc_taps *inner, bnc_error *err) {
  size_t capacity = 0;
  for (uint32_t k = 0; k < outer->start[outer->rows]; k++) capacity += inner->start[outer->index[k] + 1] - inner->start[outer->index[k]];
  bnc_status s = bnc_taps_create(taps, outer->rows, inner->in_rows, capacity, err);
  if (s != BNC_OK) return s;
  uint32_t n = 0;
  for (size_t r = 0; r < outer->rows; r++) {
    for (uint32_t k = outer->start[r]; k < outer->start[r + 1]; k++)
      for (uint32_t i = inner->start[outer->index[k]]; i < inner->start[outer->index[k] + 1]; i++, n++) {
        taps->index[n] = inner->index[i];
        taps->weight[n] = outer->weight[k] * inner->weight[i];
      }
    taps->start[r + 1] = n;
  }
  return BNC_OK;
}

bnc_status bnc_taps_copy(bnc_taps *taps, const bnc_taps *from, bnc_error *err) {
  size_t n = from->start[from->rows];
  bnc_status s = bnc_taps_create(taps, from->rows, from->in_rows, n, err);
  if (s != BNC_OK) return s;
  memcpy(taps->start, from->start, (from->rows + 1) * sizeof *taps->start);
  memcpy(taps->index, from->index, n * sizeof *taps->index);
  memcpy(taps->weight, from->weight, n * sizeof *taps->weight);
  return BNC_OK;
}

size_t bnc_taps_drop_zeros(bnc_taps *taps) {
  uint32_t kept = 0, from = 0;
  size_t before = taps->start[taps->rows];
  for (size_t r = 0; r < taps->rows; r++) {
    uint32_t end = taps->start[r + 1];
    for (uint32_t k = from; k < end; k++)
      if (taps->weight[k] != 0.0f) {
        taps->index[kept] = taps->index[k];
        taps->weight[kept++] = taps->weight[k];
      }
    taps->start[r + 1] = kept;
    from = end;
  }
  return before - kept;
}

bool bnc_taps_is_gather(const bnc_taps *taps) {
  for (size_t r = 0; r < taps->rows; r++)
    if (taps->start[r + 1] - taps->start[r] != 1 || taps->weight[taps->start[r]] != 1.0f) return false;
  return true;
}

bool bnc_taps_is_identity(const bnc_taps *taps) {
  if (taps->rows != taps->in_rows || !bnc_taps_is_gather(taps)) return false;
  for (size_t r = 0; r < taps->rows; r++)
    if (taps->index[r] != r) return false;
  return true;
}

bool bnc_taps_equal(const bnc_taps *a, const bnc_taps *b) {
  if (a->rows != b->rows || a->in_rows != b->in_rows) return false;
  size_t n = a->start[a->rows];
  return memcmp(a->start, b->start, (a->rows + 1) * sizeof *a->start) == 0 && memcmp(a->index, b->index, n * sizeof *a->index) == 0 &&
         memcmp(a->weight, b->weight, n * sizeof *a->weight) == 0;
}
