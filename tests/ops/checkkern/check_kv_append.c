/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "ops/half.h"
#include "tests/ops/checkkern/check.h"

enum { F32, F16, I8, TYPES };
static const size_t sizes[TYPES] = {4, 2, 1};

typedef struct kv_job {
  bnc_kv_append_args args;
  size_t rows;
  int type;
} kv_job;

static bnc_kv_append_f32_fn *slot_of(const bnc_kernels *k, int type) {
  return type == F32 ? k->kv_append.f32 : type == F16 ? k->kv_append.f16 : k->kv_append.i8;
}

static void run_job(const void *job, const bnc_kernels *kernels) {
  const kv_job *j = job;
  slot_of(kernels, j->type)(&j->args, 0, j->rows);
}

/* One element read back by the layout that kv_append.h states. */
static double element(const bnc_kv_cache *cache, int type, bool key, size_t head, size_t token, size_t i) {
  const size_t d = cache->head_size,
               at = key ? head * cache->capacity * d + (token / 16 * d + i) * 16 + token % 16 : (head * cache->capacity + token) * d + i;
  const void *x = key ? cache->k : cache->v;
  if (type == F32) return (double)((const float *)x)[at];
  if (type == F16) return (double)bnc_f32_from_f16(((const uint16_t *)x)[at]);
  return (double)((const int8_t *)x)[at] * (double)(key ? cache->k_scale : cache->v_scale)[head * cache->capacity + token];
}

static void run_case(check *c, int type, size_t rows, size_t heads, size_t d, unsigned edges) {
  const tensor_side side = check_below(c, 2) ? SIDE_END : SIDE_START;
  const size_t position = check_below(c, 20), capacity = (position + rows + 15) / 16 * 16;
  tensor k = tensor_make(rows, heads * d, heads * d + check_below(c, 5), 4, side),
         v = tensor_make(rows, heads * d, heads * d + check_below(c, 5), 4, side);
  tensor ck[2], cv[2], sk[2], sv[2];
  check_fill(c, &k, 2.0f, edges);
  check_fill(c, &v, 0.1f, edges);
  tensor_protect(&k);
  tensor_protect(&v);
  bnc_kv_append_args a[2];
  for (int i = 0; i < 2; ++i) {
    ck[i] = tensor_make(heads * capacity, d, d, sizes[type], side);
    cv[i] = tensor_make(heads * capacity, d, d, sizes[type], side);
    sk[i] = tensor_make(heads, capacity, capacity, 4, side);
    sv[i] = tensor_make(heads, capacity, capacity, 4, side);
    a[i] = (bnc_kv_append_args){
        {heads, d, capacity, ck[i].data, cv[i].data, sk[i].data, sv[i].data}, k.data, v.data, k.stride, v.stride, position};
    if (i) {
      slot_of(&c->scalar, type)(&a[i], 0, rows);
    } else {
      const size_t cut = check_below(c, rows + 1);
      slot_of(&c->test, type)(&a[i], cut, rows);
      slot_of(&c->test, type)(&a[i], 0, cut);
    }
  }
  check_equal(c, &ck[0], &ck[1], false, "keys"); /* elements that were not written hold the canary in both */
  check_equal(c, &cv[0], &cv[1], false, "values");
  check_equal(c, &sk[0], &sk[1], false, "key scales");
  check_equal(c, &sv[0], &sv[1], false, "value scales");
  if (check_is_scalar(c) && !edges) {
    bool right = true;
    for (size_t row = 0; row < rows; ++row) {
      for (size_t head = 0; head < heads; ++head) {
        for (size_t i = 0; i < d; ++i) {
          const double x[2] = {(double)((float *)k.data)[row * k.stride + head * d + i],
                               (double)((float *)v.data)[row * v.stride + head * d + i]};
          for (int key = 0; key < 2; ++key) {
            const double back = element(&a[0].cache, type, key == 0, head, position + row, i);
            const double scale = (double)(key == 0 ? a[0].cache.k_scale : a[0].cache.v_scale)[head * capacity + position + row];
            const double bound = type == F32 ? 0 : type == F16 ? fabs(x[key]) * 0x1p-11 + 0x1p-25 : scale * 0.50001;
            right = right && fabs(back - x[key]) <= bound;
          }
        }
      }
    }
    if (right)
      check_passed(c);
    else
      check_failed(c, "an element read back is too far from what was appended");
  }
  for (int i = 0; i < 2; ++i) {
    tensor *all[] = {&ck[i], &cv[i], &sk[i], &sv[i]};
    for (size_t j = 0; j < 4; ++j) tensor_free(all[j]);
  }
  tensor_free(&k);
  tensor_free(&v);
}

static void bench_shape(check *c, int type, size_t rows, const char *shape) {
  enum { HEADS = 8, D = 128, CAPACITY = 64 };
  tensor x = tensor_make(rows, HEADS * D, HEADS * D, 4, SIDE_START), s = tensor_make(HEADS, CAPACITY, CAPACITY, 4, SIDE_START);
  tensor k = tensor_make(HEADS * CAPACITY, D, D, sizes[type], SIDE_START), v = tensor_make(HEADS * CAPACITY, D, D, sizes[type], SIDE_START);
  check_fill(c, &x, 1, 0);
  const kv_job job = {{{HEADS, D, CAPACITY, k.data, v.data, s.data, s.data}, x.data, x.data, HEADS * D, HEADS * D, 0}, rows, type};
  const double elements = 2.0 * (double)(rows * HEADS * D);
  const bench_job b = {
      shape,    run_job,
      &job,     elements * (4 + (double)sizes[type]),
      elements, {(check_fn *)slot_of(&c->scalar, type), (check_fn *)slot_of(&c->lower, type), (check_fn *)slot_of(&c->test, type)}};
  bench_run(c, &b);
  tensor *all[] = {&x, &s, &k, &v};
  for (size_t i = 0; i < 4; ++i) tensor_free(all[i]);
}

void check_kv_append(check *c) {
  static const char *const names[] = {"kv_append.f32", "kv_append.f16", "kv_append.i8"};
  for (int type = 0; type < TYPES; ++type) {
    if (!check_begin(c, names[type], (check_fn *)slot_of(&c->test, type), (check_fn *)slot_of(&c->lower, type))) continue;
    if (c->bench) {
      bench_shape(c, type, 64, "64x8x128");
      bench_shape(c, type, 1, "1x8x128");
    }
    for (size_t d = 1; d <= 35; ++d) {
      run_case(c, type, 1 + check_below(c, 40), 1 + check_below(c, 3), d, 0);
      run_case(c, type, 1 + check_below(c, 40), 2, d, EDGE_FINITE | EDGE_INFINITE | EDGE_NAN);
    }
    run_case(c, type, 17, 2, 128, 0);
    check_end(c);
  }
}
