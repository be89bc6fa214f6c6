/* SPDX-License-Identifier: Apache-2.0 */
#include "quant/calibrate/input_moments.h"

#include <math.h>
#include <string.h>

#include "platforms/base/array.h"
#include "platforms/base/context_private.h"
#include "platforms/base/mem.h"
#include "quant/calibrate/gptq.h"

#define ROWS 64u /* that are padded together */

typedef struct entry {
  char *matrix;
  size_t k;
  float *origin;   /* [k]: the first rows' mean; what is added up are distances from it, so that means which are large cancel nothing */
  float *products; /* [padded, padded]: sums of d^T d, lower triangle */
  double *sums;    /* [k] of d */
  size_t rows;
} entry;

struct bnc_moments {
  bnc_context *context;
  bnc_pool *pool;
  entry *list;
  size_t count, capacity;
  float *rows; /* [ROWS, widest padded] */
  size_t room; /* elements */
};

bnc_status bnc_moments_create(bnc_context *context, bnc_moments **moments) {
  if (!context || !moments) return BNC_ERROR_ARGUMENT;
  bnc_moments *m = *moments = bnc_mem_zalloc(sizeof *m);
  if (!m) return bnc_fail_memory(&context->error, sizeof *m);
  m->context = context;
  return bnc_pool_create(&m->pool, context->settings.threads, &context->error);
}

static void free_entry(entry *e) {
  bnc_mem_free(e->matrix);
  bnc_mem_free(e->origin);
  bnc_mem_free(e->products);
  bnc_mem_free(e->sums);
}

void bnc_moments_free(bnc_moments *m) {
  if (!m) return;
  for (size_t i = 0; i < m->count; i++) free_entry(&m->list[i]);
  bnc_mem_free(m->list);
  bnc_mem_free(m->rows);
  bnc_pool_destroy(m->pool);
  bnc_mem_free(m);
}

static entry *find(const bnc_moments *m, const char *matrix, size_t k) {
  for (size_t i = 0; i < m->count; i++)
    if (m->list[i].k == k && strcmp(m->list[i].matrix, matrix) == 0) return &m->list[i];
  return NULL;
}

static entry *add(bnc_moments *m, const char *matrix, size_t k) {
  const size_t padded = bnc_moments_padded(k), length = strlen(matrix) + 1;
  if (!bnc_array_reserve(&m->list, &m->capacity, m->count + 1, sizeof *m->list)) return NULL;
  entry *e = &m->list[m->count];
  *e = (entry){.matrix = bnc_mem_alloc(length),
               .k = k,
               .origin = bnc_mem_array(k, sizeof *e->origin),
               .products = bnc_mem_zalloc(padded * padded * sizeof *e->products),
               .sums = bnc_mem_zalloc(k * sizeof *e->sums)};
  if (!e->matrix || !e->origin || !e->products || !e->sums) {
    free_entry(e);
    return NULL;
  }
  memcpy(e->matrix, matrix, length);
  m->count++;
  return e;
}

static bool make_room(bnc_moments *m, size_t elements) {
  if (elements <= m->room) return true;
  bnc_mem_free(m->rows);
  m->rows = bnc_mem_array(elements, sizeof *m->rows);
  m->room = m->rows ? elements : 0;
  return m->rows != NULL;
}

static void choose_origin(const entry *e, const float *values, size_t rows) {
  for (size_t i = 0; i < e->k; i++) {
    double sum = 0;
    for (size_t r = 0; r < rows; r++) sum += (double)values[r * e->k + i];
    e->origin[i] = (float)(sum / (double)rows);
  }
}

bnc_status bnc_moments_add(bnc_moments *m, const char *matrix, const float *values, size_t rows, size_t cols) {
  if (!m || !matrix || !values || rows == 0 || cols == 0 || cols > UINT16_MAX) return BNC_ERROR_ARGUMENT;
  const size_t padded = bnc_moments_padded(cols);
  entry *e = find(m, matrix, cols);
  if (!e) e = add(m, matrix, cols);
  if (!e || !make_room(m, ROWS * padded)) return bnc_fail_memory(&m->context->error, padded * padded * sizeof(float));
  if (e->rows == 0) choose_origin(e, values, rows);
  for (size_t first = 0; first < rows; first += ROWS) {
    const size_t here = rows - first < ROWS ? rows - first : ROWS;
    memset(m->rows, 0, here * padded * sizeof *m->rows);
    for (size_t r = 0; r < here; r++)
      for (size_t i = 0; i < cols; i++) {
        const float d = values[(first + r) * cols + i] - e->origin[i];
        m->rows[r * padded + i] = d;
        e->sums[i] += (double)d;
      }
    e->rows += here;
    bnc_gptq_add_moments(e->products, padded, m->rows, here, m->pool);
  }
  return BNC_OK;
}

bool bnc_moments_columns(const bnc_moments *m, const char *matrix, size_t k, double *mean, double *deviation) {
  const entry *e = find(m, matrix, k);
  const size_t padded = bnc_moments_padded(k);
  for (size_t i = 0; e && i < k; i++) {
    const double d = e->sums[i] / (double)e->rows;
    mean[i] = (double)e->origin[i] + d;
    deviation[i] = sqrt(fmax((double)e->products[i * padded + i] / (double)e->rows - d * d, 0));
  }
  return e != NULL;
}

/* Those of x - shift, which is d - (shift - origin), in the lower triangle. shift NULL: 0. */
static void move(const entry *e, const double *shift, float *h) {
  const size_t padded = bnc_moments_padded(e->k);
  for (size_t i = 0; i < e->k; i++)
    for (size_t j = 0; j <= i; j++) {
      const double a = (shift ? shift[i] : 0) - (double)e->origin[i], b = (shift ? shift[j] : 0) - (double)e->origin[j];
      const double gone = a * e->sums[j] + e->sums[i] * b - (double)e->rows * a * b;
      h[i * padded + j] = (float)((double)h[i * padded + j] - gone);
    }
}

bnc_status bnc_moments_factor(const bnc_moments *m, const char *matrix, size_t k, const double *shift, const float *scale, bnc_pool *pool,
                              float **factor, bnc_error *err) {
  const entry *e = find(m, matrix, k);
  const size_t padded = bnc_moments_padded(k), elements = padded * padded;
  *factor = NULL;
  if (!e) return BNC_OK;
  float *h = *factor = bnc_mem_array(elements, sizeof *h);
  if (!h) return bnc_fail_memory(err, elements * sizeof *h);
  memcpy(h, e->products, elements * sizeof *h);
  move(e, shift, h);
  for (size_t i = 0; scale && i < k; i++)
    for (size_t j = 0; j <= i; j++) h[i * padded + j] /= scale[i] * scale[j];
  bnc_gptq_factor(h, padded, pool);
  return BNC_OK;
}
