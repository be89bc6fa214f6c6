/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/ops/checkkern/int_matmul.h"

#include <math.h>
#include <stdlib.h>

/* Exact sums; two roundings of the scaled sum, one of the result. */
static void check_oracle(check *c, const int_matmul *m, const tensor *y) {
  const bnc_matmul_i8_args *a = m->to;
  double *expected = malloc(a->rows * a->n * sizeof *expected), bound = 0;
  for (size_t row = 0; row < a->rows; ++row) {
    for (size_t n = 0; n < a->n; ++n) {
      int64_t sum = 0;
      for (size_t k = 0; k < a->k; ++k)
        sum += (a->q[row * a->q_stride + k] - a->params[row].zero_point) * (int64_t)m->value(m->fixture, n, k);
      const double product = (double)sum * (double)a->params[row].scale * (double)a->scale[n];
      expected[row * a->n + n] = product + (a->bias ? (double)a->bias[n] : 0);
      bound = fmax(bound, 0x1p-24 * (3 * fabs(product) + fabs(expected[row * a->n + n])));
    }
  }
  check_near(c, y, expected, bound, 0, "y");
  free(expected);
}

void check_int_matmul(check *c, const int_matmul *m, tensor_side side) {
  const size_t rows = m->to->rows, n = m->to->n, items = bnc_matmul_i8_items(n);
  const size_t bytes = bnc_matmul_tiles_bytes(c->test.level, rows, m->to->k);
  tensor y[2], tiles = {0};
  if (bytes) tiles = tensor_make(1, bytes, bytes, 1, side);
  for (int i = 0; i < 2; ++i) {
    y[i] = tensor_make(rows, n, n + 3, 4, side);
    m->to->y = y[i].data;
    m->to->y_stride = n + 3;
    m->to->tiles = NULL;
    if (i) {
      m->run(&c->scalar, m->args, 0, items, m->scratch->data);
    } else {
      const size_t cut = check_below(c, items + 1);
      if (bytes) {
        m->to->tiles = tiles.data;
        c->test.matmul.tiles(m->to, 0, bnc_matmul_tiles_blocks(rows));
      }
      m->run(&c->test, m->args, cut, items, m->scratch->data);
      m->run(&c->test, m->args, 0, cut, m->scratch->data);
    }
  }
  check_equal(c, &y[0], &y[1], true, "y");
  if (tensor_damage(m->scratch)) check_failed(c, "scratch: %s", tensor_damage(m->scratch));
  if (check_is_scalar(c)) check_oracle(c, m, &y[0]);
  tensor_free(&y[0]);
  tensor_free(&y[1]);
  if (bytes) tensor_free(&tiles);
}
