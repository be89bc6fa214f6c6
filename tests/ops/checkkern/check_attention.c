/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "tests/ops/checkkern/check.h"
#include "tests/ops/checkkern/kv_fixture.h"

typedef bnc_attention_rows_f32_fn attention_fn; /* all kernels have one type */

static attention_fn *slot_of(const bnc_kernels *k, int form) {
  attention_fn *const slots[] = {k->attention.rows_f32, k->attention.cache_f32, k->attention.cache_f16,
                                 k->attention.cache_i8, k->attention.rows_i8,   k->attention.rows_bf16};
  return slots[form];
}

enum { ROWS_F32, CACHE_F32, CACHE_F16, CACHE_I8, ROWS_I8, ROWS_BF16, FORMS };
/* How a form's keys and values are stored. */
static int kv_form(int form) { return form == ROWS_I8 || form == ROWS_BF16 ? ROWS_F32 : form; }
/* Whether the kernel that is checked rounds to bf16: its bits are then no other level's. Level amx has the kernel, too. */
static bool rounds(const check *c, int form) { return form == ROWS_BF16 && bnc_cpu_level_includes(c->test.level, BNC_CPU_AVX512BF16); }

/* What rounding to int8 adds to the bound of one query: to its scores at random, each by `score` (sigma), to weights by half of a 255th, to
   values by half of a 127th. Weights are normalised to sum up to 1; total is their sum where the greatest is 1. */
static double int8_bound(double score, const double *weights, size_t keys, double total, double largest) {
  double squares = 0;
  for (size_t j = 0; j < keys; ++j) squares += weights[j] * weights[j];
  return largest * (8 * score * sqrt(squares) * (1 + score) + 8 * sqrt((double)keys) / (883 * total) + 1.0 / 254);
}

/* The same of rounding to bf16: of each product of a score by two roundings of up to 2^-8 of it between them, of weights and values by half
   as much each, of each sum by one more where instructions round otherwise than f32's do. */
static double bf16_bound(double score, const double *weights, size_t keys) {
  double squares = 0;
  for (size_t j = 0; j < keys; ++j) squares += weights[j] * weights[j];
  return (8 * score * (1 + score) + 8 * 0x1p-8) * sqrt(squares) + 0x1p-20 * sqrt((double)keys);
}

/* Softmax in f64 of the keys and values as they are stored; *bound: what f32 sums may be off, roundings taken as random (4 sigma). */
static void oracle(const bnc_attention_args *a, const kv_fixture *kv, size_t rows, int form, bool rounded, double *out, double *bound) {
  const size_t d = a->head_size, group = a->heads / a->kv_heads;
  double *p = malloc(a->keys * sizeof *p), steep = 0, largest = 0, rounding = 0;
  for (size_t row = 0; row < rows; ++row) {
    const size_t keys = a->causal ? a->position + row + 1 : a->keys;
    for (size_t head = 0; head < a->heads; ++head) {
      double most = -INFINITY, total = 0, score = 0, *o = out + (row * a->heads + head) * d;
      for (size_t j = 0; j < keys; ++j) {
        double s = 0, magnitude = 0, square = 0, q_most = 0, k_most = 0, q_square = 0, k_square = 0;
        for (size_t i = 0; i < d; ++i) {
          const double x = (double)a->q[row * a->q_stride + head * d + i], y = kv_element(kv, true, head / group, j, i);
          s += x * y;
          magnitude += fabs(x * y);
          square += x * y * x * y;
          q_most = fmax(q_most, fabs(x));
          k_most = fmax(k_most, fabs(y));
          q_square += x * x;
          k_square += y * y;
        }
        p[j] = s * (double)a->scale;
        most = fmax(most, p[j]);
        steep = fmax(steep, magnitude * (double)a->scale);
        score = fmax(score, (double)a->scale * (form == ROWS_BF16 ? 0x1p-9 * sqrt(square)
                                                                  : (sqrt(q_square) * k_most + sqrt(k_square) * q_most +
                                                                     sqrt((double)d) * q_most * k_most / 254) /
                                                                        (254 * sqrt(3))));
      }
      for (size_t j = 0; j < keys; ++j) total += p[j] = exp(p[j] - most);
      for (size_t j = 0; j < keys; ++j) p[j] /= total;
      for (size_t i = 0; i < d; ++i) {
        o[i] = 0;
        for (size_t j = 0; j < keys; ++j) {
          const double v = kv_element(kv, false, head / group, j, i);
          o[i] += p[j] * v;
          largest = fmax(largest, fabs(v));
        }
      }
      if (rounded) rounding = fmax(rounding, form == ROWS_BF16 ? bf16_bound(score, p, keys) : int8_bound(score, p, keys, total, 1));
    }
  }
  free(p);
  *bound = 0x1p-24 * largest * (4 * steep * sqrt((double)d + 4) + sqrt((double)a->keys) + 24) + largest * rounding;
}

typedef struct attention_case {
  size_t rows, keys, heads, kv_heads, d, position;
  bool causal;
  float sharp; /* spread of the scores */
} attention_case;

/* Runs [from, to) for all key heads with scratch that ends at a guard page. */
static void run_all(check *c, attention_fn *kernel, const bnc_attention_args *a, size_t from, size_t to) {
  const size_t bytes = bnc_attention_scratch(a->heads, a->kv_heads, a->head_size, to - from);
  tensor scratch = tensor_make(1, (bytes + 63) / 64 * 64, (bytes + 63) / 64 * 64, 1, SIDE_END);
  for (size_t h = 0; h < a->kv_heads; ++h) kernel(a, h, from, to, scratch.data);
  const char *damage = tensor_damage(&scratch);
  if (damage) check_failed(c, "scratch: %s", damage);
  tensor_free(&scratch);
}

static void run_case(check *c, int form, const attention_case *n) {
  const tensor_side side = check_below(c, 2) ? SIDE_END : SIDE_START;
  const size_t cols = n->heads * n->d;
  kv_fixture kv = kv_make(c, kv_form(form), n->keys, n->kv_heads, n->d, side, 5);
  tensor q = tensor_make(n->rows, cols, cols + check_below(c, 5), 4, side), out[2];
  check_fill(c, &q, n->sharp, 0);
  tensor_protect(&q);
  bnc_attention_args a = {.heads = n->heads,
                          .kv_heads = n->kv_heads,
                          .head_size = n->d,
                          .keys = n->keys,
                          .scale = 1.0f / sqrtf((float)n->d),
                          .causal = n->causal,
                          .position = n->position,
                          .q = q.data,
                          .k = kv.k.data,
                          .v = kv.v.data,
                          .cache = kv.cache,
                          .q_stride = q.stride,
                          .k_stride = kv.k.stride,
                          .v_stride = kv.v.stride,
                          .out_stride = cols + 3};
  for (int i = 0; i < 2; ++i) {
    out[i] = tensor_make(n->rows, cols, cols + 3, 4, side);
    a.out = out[i].data;
    if (i) {
      run_all(c, slot_of(rounds(c, form) ? &c->test : &c->scalar, form), &a, 0, n->rows);
    } else {
      const size_t cut = check_below(c, n->rows + 1);
      run_all(c, slot_of(&c->test, form), &a, 0, cut);
      run_all(c, slot_of(&c->test, form), &a, cut, n->rows);
    }
  }
  check_equal(c, &out[0], &out[1], true, "out");
  if (check_is_scalar(c) || rounds(c, form)) {
    double *expected = malloc(n->rows * cols * sizeof *expected), bound;
    oracle(&a, &kv, n->rows, form, form == ROWS_I8 || rounds(c, form), expected, &bound);
    check_near(c, &out[0], expected, bound, 0, "out");
    free(expected);
    if (n->causal && n->rows > 1) { /* the last row alone, as decode computes it */
      const size_t last = n->rows - 1;
      bnc_attention_args one = a;
      one.position = n->position + last;
      one.q = a.q + last * a.q_stride;
      one.out = (float *)out[0].data + last * a.out_stride;
      run_all(c, slot_of(&c->test, form), &one, 0, 1);
      check_equal(c, &out[0], &out[1], true, "decode row");
    }
  }
  kv_free(&kv);
  tensor_free(&q);
  tensor_free(&out[0]);
  tensor_free(&out[1]);
}

typedef struct attention_job {
  bnc_attention_args args;
  size_t rows, grain;
  int form;
  void *scratch;
} attention_job;

static void run_job(const void *job, const bnc_kernels *kernels) {
  const attention_job *j = job;
  attention_fn *kernel = slot_of(kernels, j->form);
  for (size_t h = 0; h < j->args.kv_heads; ++h) {
    for (size_t from = 0; from < j->rows; from += j->grain) {
      kernel(&j->args, h, from, from + j->grain < j->rows ? from + j->grain : j->rows, j->scratch);
    }
  }
}

static void bench_shape(check *c, int form, const attention_case *n, const char *shape) {
  const size_t cols = n->heads * n->d, grain = bnc_attention_part_rows(n->heads, n->kv_heads, n->rows);
  kv_fixture kv = kv_make(c, kv_form(form), n->keys, n->kv_heads, n->d, SIDE_START, 0);
  tensor q = tensor_make(n->rows, cols, cols, 4, SIDE_START), out = tensor_make(n->rows, cols, cols, 4, SIDE_START);
  tensor scratch = tensor_make(1, bnc_attention_scratch(n->heads, n->kv_heads, n->d, grain), 64, 1, SIDE_START);
  check_fill(c, &q, 1, 0);
  const attention_job job = {{n->heads, n->kv_heads, n->d, n->keys, 1.0f / sqrtf((float)n->d), n->causal, n->position, q.data, kv.k.data,
                              kv.v.data, kv.cache, out.data, cols, kv.k.stride, kv.v.stride, cols},
                             n->rows,
                             grain,
                             form,
                             scratch.data};
  double pairs = 0;
  for (size_t row = 0; row < n->rows; ++row) pairs += (double)(n->causal ? n->position + row + 1 : n->keys);
  static const double sizes[] = {4, 4, 2, 1, 4, 4};
  const bench_job b = {shape,
                       run_job,
                       &job,
                       (double)(2 * n->keys * n->kv_heads * n->d) * sizes[form] + (double)(n->rows * cols * 8),
                       pairs * (double)cols * 4,
                       {(check_fn *)slot_of(&c->scalar, form), (check_fn *)slot_of(&c->lower, form), (check_fn *)slot_of(&c->test, form)}};
  bench_run(c, &b);
  kv_free(&kv);
  tensor_free(&q);
  tensor_free(&out);
  tensor_free(&scratch);
}

static void bench(check *c, int form) {
  if (kv_form(form) == ROWS_F32) {
    bench_shape(c, form, &(attention_case){577, 577, 16, 16, 64, 0, false, 1}, "vit 577x577x16x64");
    bench_shape(c, form, &(attention_case){576, 576, 8, 8, 128, 0, false, 1}, "dem 576x576x8x128");
    bench_shape(c, form, &(attention_case){64, 576, 8, 8, 128, 0, false, 1}, "dem 64x576x8x128");
  } else {
    bench_shape(c, form, &(attention_case){640, 640, 32, 8, 128, 0, true, 1}, "prefill 640 32/8x128");
    bench_shape(c, form, &(attention_case){1, 1024, 32, 8, 128, 1023, true, 1}, "decode 1024 32/8x128");
  }
}

void check_attention(check *c) {
  static const char *const names[] = {"attention.rows_f32", "attention.cache_f32", "attention.cache_f16",
                                      "attention.cache_i8", "attention.rows_i8",   "attention.rows_bf16"};
  for (int form = 0; form < FORMS; ++form) {
    if (!check_begin(c, names[form], (check_fn *)slot_of(&c->test, form), (check_fn *)slot_of(&c->lower, form))) continue;
    if (c->bench) bench(c, form);
    const bool causal = form != ROWS_I8 && form != ROWS_BF16; /* which look at all keys alike */
    for (size_t i = c->quick ? check_below(c, 3) : 0; i < 70;
         i += c->quick ? 3 : 1) { /* every head size, every count of keys around a block, every tile height */
      const size_t keys = i < 40 ? i + 1 : 50 + i, rows = 1 + check_below(c, keys < 14 ? keys : 14), kv_heads = 1 + check_below(c, 2);
      run_case(c, form,
               &(attention_case){rows, keys, kv_heads * (1 + check_below(c, 4)), kv_heads, 1 + i % 35, keys - rows, causal && i % 2, 2.0f});
      run_case(
          c, form,
          &(attention_case){rows, keys, kv_heads, kv_heads, 16 * (1 + i % 2), keys - rows, causal && i / 2 % 2, i % 7 == 0 ? 40.0f : 1.0f});
    }
    /* Many queries: as many as AMX wants, and head sizes around its tiles. */
    for (size_t i = c->quick ? check_below(c, 4) : 0; form == ROWS_I8 && i < 24; i += c->quick ? 4 : 1) {
      const size_t group = 1 + i % 3, keys = i < 8 ? 61 + i : 1 + check_below(c, 150);
      run_case(c, form,
               &(attention_case){48 / group + check_below(c, 40), keys, 2 * group, 2, 1 + i * 23 % 132, 0, false, i % 5 ? 2.0f : 40.0f});
    }
    run_case(c, form, &(attention_case){13, 141, 4, 1, 128, 128, causal, 1.0f});
    run_case(c, form, &(attention_case){23, 130, 2, 2, 64, 0, false, 1.0f});
    if (!c->quick) run_case(c, form, &(attention_case){70, 577, 2, 2, 64, 0, false, 3.0f});
    check_end(c);
  }
}
