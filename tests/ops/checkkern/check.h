/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file check.h  What the checks of one kernel family share. main.c runs each family once per level: with test = scalar, results are
 * compared with an f64 oracle; on the other levels they must equal the scalar kernels' bit for bit (any NaN equals any NaN).
 */
#ifndef BINOCLE_TESTS_CHECKKERN_CHECK_H
#define BINOCLE_TESTS_CHECKKERN_CHECK_H

#include <math.h>
#include <stdbool.h>
#include <stdio.h>

#include "ops/kernels.h"

typedef void check_fn(void); /* any kernel, for comparing pointers */

typedef struct check {
  bnc_kernels scalar, lower, test; /* lower: the next lower level */
  uint64_t seed, random;
  bool quick, bench, bench_scalar, count;
  FILE *csv;
  double peak_flops, peak_int8, peak_bytes; /* per second, of the tested level; 0: not measured; bench only */
  const char *kernel;                       /* being tested */
  bool int8;                                /* it is measured against peak_int8 */
  size_t cases, total_cases, failures, kernels;
} check;

/** True where `test` is to be tested: always for scalar, elsewhere where the level has a kernel of its own. Starts its account. */
bool check_begin(check *c, const char *kernel, check_fn *test, check_fn *lower);
void check_end(check *c);
/** Counts a case that went wrong and prints it (the first ones of a kernel). Counted as a case by check_passed or check_failed. */
__attribute__((format(printf, 2, 3))) void check_failed(check *c, const char *format, ...);
static inline void check_passed(check *c) { ++c->cases; }

static inline bool check_is_scalar(const check *c) { return c->test.level == BNC_CPU_SCALAR; }
#define CHECK_BEGIN(c, family, slot)                                                                                                       \
  check_begin(c, #family "." #slot, (check_fn *)(c)->test.family.slot, (check_fn *)(c)->lower.family.slot)

/* ---- buffer.c: memory that notices ---- */

/** rows x cols elements in pages whose neighbours are inaccessible; everything outside the elements is a canary. */
typedef struct tensor {
  void *data;                      /* [rows, cols], row stride `stride` elements */
  size_t rows, cols, stride, size; /* size: bytes of an element */
  unsigned char *map, *page;       /* the mapping, and its accessible part */
  size_t map_bytes, page_bytes;
} tensor;

typedef enum tensor_side { SIDE_END, SIDE_START } tensor_side; /* which end of the data touches an inaccessible page */

tensor tensor_make(size_t rows, size_t cols, size_t stride, size_t size, tensor_side side);
/** A copy with the same layout and content. */
tensor tensor_copy(const tensor *t);
void tensor_free(tensor *t);
/** NULL where nothing outside the elements changed, else what did. */
const char *tensor_damage(const tensor *t);
/** Makes it read-only, so that a kernel that writes its input crashes. */
void tensor_protect(tensor *t);

/* ---- compare.c ---- */

uint64_t check_random(check *c);
/** Uniform in [0, n). */
size_t check_below(check *c, size_t n);
/** About normally distributed. */
float check_normal(check *c);

enum { EDGE_ZERO = 1, EDGE_TINY = 2, EDGE_HUGE = 4, EDGE_INFINITE = 8, EDGE_NAN = 16, EDGE_FINITE = 7 };
/** Fills a float tensor with scale * normal values; with `edges`, one value in eight is an edge of those kinds. */
void check_fill(check *c, const tensor *t, float scale, unsigned edges);

/** Same shapes and elements equal bit for bit (floats: NaN equals NaN); also looks for damage. what: for the message. */
void check_equal(check *c, const tensor *test, const tensor *reference, bool floats, const char *what);
/** |test - oracle| <= absolute + relative * |oracle| for each element; NaN where the oracle is NaN, the same infinities. */
void check_near(check *c, const tensor *test, const double *oracle /* [rows, cols] */, double absolute, double relative, const char *what);

/* ---- bench.c ---- */

typedef struct bench_job {
  const char *shape;
  void (*run)(const void *job, const bnc_kernels *kernels); /* one execution with a table's kernel */
  const void *job;
  double bytes, flops; /* moved and computed by one execution */
  check_fn *slots[3];  /* the kernel in scalar, lower, test: equal ones are timed once */
} bench_job;

/** Prints a line (and a CSV row): ns, GB/s, GFLOP/s, ratio to scalar and to the lower level, share of the measured peak. */
void bench_run(check *c, const bench_job *job);
double bench_seconds(void (*run)(const void *job, const bnc_kernels *kernels), const void *job, const bnc_kernels *kernels);
/** Peak f32 FMA rate of one thread on a level and read bandwidth out of memory, per second. */
double bench_peak_flops(bnc_cpu_level level);
double bench_peak_bytes(bnc_cpu_level level);
/** The same of multiply-accumulates of int8 values, each counted as two operations. */
double bench_peak_int8(bnc_cpu_level level);
#define BENCH_SLOTS(c, family, slot)                                                                                                       \
  {(check_fn *)(c)->scalar.family.slot, (check_fn *)(c)->lower.family.slot, (check_fn *)(c)->test.family.slot}

/* ---- the families ---- */

void check_activate(check *c);
void check_add(check *c);
void check_attention(check *c);
void check_checksum(check *c);
void check_hadamard(check *c);
void check_kv_append(check *c);
void check_matmul(check *c);
void check_matmul_bf16(check *c);
void check_matmul_c4(check *c);
void check_matmul_f32(check *c);
void check_matmul_i8(check *c);
void check_norm(check *c);
void check_outer(check *c);
void check_patches(check *c);
void check_quantize(check *c);
void check_resample(check *c);
void check_rope(check *c);
void check_rows(check *c); /* taps, gather, embed */

#endif
