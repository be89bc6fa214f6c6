/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "tests/ops/checkkern/check.h"

static void run_job(const void *job, const bnc_kernels *kernels) { kernels->outer.product(job); }

typedef struct outer_case {
  size_t depth;
  bool across; /* a's rows lie side by side, p from row to row: x^T x */
} outer_case;

/* A tile of `depth` in two calls against scalar's in one, which goes on from what stands there. */
static void run_case(check *c, const outer_case *n, unsigned edges) {
  const tensor_side side = check_below(c, 2) ? SIDE_END : SIDE_START;
  const size_t rows = BNC_OUTER_ROWS, depth = n->depth, cut = check_below(c, depth + 1);
  tensor a = n->across ? tensor_make(depth, rows, rows + check_below(c, 9), 4, side)
                       : tensor_make(rows, depth, depth + check_below(c, 9), 4, side);
  tensor b = tensor_make(depth, BNC_OUTER_LANES, BNC_OUTER_LANES + check_below(c, 9), 4, side), sum[2];
  sum[0] = tensor_make(rows, BNC_OUTER_LANES, BNC_OUTER_LANES + check_below(c, 9), 4, side);
  check_fill(c, &a, 1.0f, edges);
  check_fill(c, &b, 1.0f, edges);
  check_fill(c, &sum[0], 1.0f, 0);
  sum[1] = tensor_copy(&sum[0]);
  tensor before = tensor_copy(&sum[0]);
  tensor_protect(&a);
  tensor_protect(&b);
  bnc_outer_args args = {a.data, n->across ? 1 : a.stride, n->across ? a.stride : 1, b.data, b.stride, depth, sum[1].data, sum[1].stride};
  c->scalar.outer.product(&args);
  args.sum = sum[0].data;
  args.depth = cut;
  c->test.outer.product(&args);
  args.depth = depth - cut;
  args.a += cut * args.a_step;
  args.b += cut * args.b_step;
  c->test.outer.product(&args);
  check_equal(c, &sum[0], &sum[1], true, "sum");
  if (check_is_scalar(c) && !edges) {
    double *expected = malloc(rows * BNC_OUTER_LANES * sizeof *expected), most = 1;
    for (size_t i = 0; i < rows; ++i)
      for (size_t lane = 0; lane < BNC_OUTER_LANES; ++lane) {
        double s = (double)((float *)before.data)[i * before.stride + lane], magnitude = fabs(s);
        for (size_t p = 0; p < depth; ++p) {
          const float x = ((float *)a.data)[n->across ? p * a.stride + i : i * a.stride + p], y = ((float *)b.data)[p * b.stride + lane];
          s += (double)x * (double)y;
          magnitude += fabs((double)x * (double)y);
        }
        expected[i * BNC_OUTER_LANES + lane] = s;
        most = magnitude > most ? magnitude : most;
      }
    check_near(c, &sum[0], expected, ldexp((double)depth + 1, -23) * most, 0, "sum");
    free(expected);
  }
  tensor_free(&a);
  tensor_free(&b);
  tensor_free(&before);
  tensor_free(&sum[0]);
  tensor_free(&sum[1]);
}

static void bench_shape(check *c, size_t depth, const char *shape) {
  tensor a = tensor_make(BNC_OUTER_ROWS, depth, depth, 4, SIDE_START),
         b = tensor_make(depth, BNC_OUTER_LANES, BNC_OUTER_LANES, 4, SIDE_START);
  tensor sum = tensor_make(BNC_OUTER_ROWS, BNC_OUTER_LANES, BNC_OUTER_LANES, 4, SIDE_START);
  check_fill(c, &a, 1, 0);
  check_fill(c, &b, 1, 0);
  check_fill(c, &sum, 1, 0);
  const bnc_outer_args job = {a.data, depth, 1, b.data, BNC_OUTER_LANES, depth, sum.data, BNC_OUTER_LANES};
  const double n = (double)depth;
  const bench_job bench = {shape, run_job, &job, n * 80, n * 128, BENCH_SLOTS(c, outer, product)};
  bench_run(c, &bench);
  tensor_free(&a);
  tensor_free(&b);
  tensor_free(&sum);
}

void check_outer(check *c) {
  if (!CHECK_BEGIN(c, outer, product)) return;
  if (c->bench) {
    bench_shape(c, 256, "256");
    bench_shape(c, 4096, "4096");
  }
  for (size_t depth = 0; depth < 20; ++depth) {
    run_case(c, &(outer_case){depth, false}, 0);
    run_case(c, &(outer_case){depth, true}, depth % 2 ? EDGE_FINITE : EDGE_FINITE | EDGE_INFINITE | EDGE_NAN);
  }
  run_case(c, &(outer_case){257, true}, 0);
  if (!c->quick) run_case(c, &(outer_case){4096, false}, 0);
  check_end(c);
}
