/* SPDX-License-Identifier: Apache-2.0 */
/* Linear layers on our own kernels: threads share the columns of the result. */
#include "runtime/exec/executor_private.h"

#define PIECE_BYTES ((size_t)256 << 10) /* of weights */
#define PIECE_PANELS 8u                 /* at least so many: many rows' activations are read again for each piece */

typedef struct matmul_job {
  const bnc_matmul_ops *ops;
  bnc_matmul_args args;
  uint8_t *scratch;
  size_t scratch_bytes;
} matmul_job;

static void run_sums(void *context, size_t from, size_t to) {
  const matmul_job *j = context;
  j->ops->sums(&j->args, from, to);
}

static void run_panels(void *context, size_t thread, size_t from, size_t to) {
  const matmul_job *j = context;
  j->ops->i4(&j->args, from, to, j->scratch + thread * j->scratch_bytes);
}

/* Rows [from, from + n) of a weight, as they lie in the file. */
static bnc_i4_matrix matrix_of(const bnc_model_file *file, const bnc_file_weight *w, size_t from, size_t n) {
  const uint8_t *data = file->data.data;
  const size_t panel = from / BNC_I4_PANEL;
  return (bnc_i4_matrix){.n = n,
                         .k = w->k,
                         .group = w->group,
                         .nibbles = data + w->data + panel * bnc_i4_panel_nibbles(w->k),
                         .scales = (const uint16_t *)(const void *)(data + w->scales + panel * bnc_i4_panel_scales(w->k, w->group)),
                         .offset = (const float *)(const void *)(data + w->offsets) + from};
}

/* A call prepares its rows once, so a thread should not make many; with two for each, one that is held up still gives work away. */
enum { PIECES = 2 };

typedef struct matmul_i8_job {
  bnc_matmul_i8_fn *kernel;
  bnc_matmul_i8_args args;
  uint8_t *scratch;
  size_t scratch_bytes;
} matmul_i8_job;

static void run_items(void *context, size_t thread, size_t from, size_t to) {
  const matmul_i8_job *j = context;
  j->kernel(&j->args, from, to, j->scratch + thread * j->scratch_bytes);
}

static void matmul_i8(const bnc_op_run *r) {
  const bnc_file_op *op = r->op;
  const bnc_file_weight *w = &r->ex->file->weight[op->weight];
  const bnc_operand *x = &op->in[0];
  const bnc_linear_spec spec = bnc_weight_slab_spec(r->ex->file, (bnc_weight_slab){op->weight, op->a[0], op->a[1]});
  matmul_i8_job job = {r->ex->kernels->matmul.i8,
                       {.rows = bnc_run_rows(r, x),
                        .k = w->k,
                        .n = op->a[1],
                        .w = spec.weights,
                        .scale = spec.scales,
                        .bias = spec.bias,
                        .q = bnc_run_qd8(r, x),
                        .params = bnc_run_params(r, x),
                        .y = bnc_run_out(r, 0),
                        .q_stride = x->stride,
                        .y_stride = op->out[0].stride},
                       r->ex->scratch,
                       r->ex->scratch_bytes};
  const size_t items = bnc_matmul_i8_items(op->a[1]), pieces = PIECES * bnc_pool_threads(r->ex->pool);
  const bool small = (uint64_t)job.args.rows * w->k * op->a[1] < BNC_SHARED_MACS;
  bnc_pool_run_threads(r->ex->pool, run_items, &job, items, small ? items : (items + pieces - 1) / pieces);
}

/* Panels that a thread takes at a time. One row is bound by reading the weights, and each piece begins to read anew: few large ones, but
   enough to give some away. */
static size_t piece_of(size_t rows, size_t k, size_t panels, size_t threads) {
  const size_t bytes = PIECE_BYTES / bnc_i4_panel_nibbles(k) / 2 * 2, even = (panels + 8 * threads - 1) / (8 * threads) * 2;
  return rows == 1 ? even : bytes < PIECE_PANELS ? PIECE_PANELS : bytes;
}

static void matmul_i4(const bnc_op_run *r) {
  const bnc_file_op *op = r->op;
  const bnc_file_weight *w = &r->ex->file->weight[op->weight];
  const bnc_operand *x = &op->in[0];
  const size_t rows = bnc_run_rows(r, x), panels = bnc_i4_panels(op->a[1]);
  matmul_job job = {&r->ex->kernels->matmul,
                    {.w = matrix_of(r->ex->file, w, op->a[0], op->a[1]),
                     .rows = rows,
                     .q = bnc_run_qd8(r, x),
                     .params = bnc_run_params(r, x),
                     .sums = r->ex->sums,
                     .y = bnc_run_out(r, 0),
                     .q_stride = x->stride,
                     .y_stride = op->out[0].stride},
                    r->ex->scratch,
                    r->ex->scratch_bytes};
  if (w->bias != UINT64_MAX) job.args.bias = (const float *)(const void *)(r->ex->file->data.data + w->bias) + op->a[0];
  const bool small = (uint64_t)rows * x->cols * op->a[1] < BNC_SHARED_MACS;
  bnc_pool_run(r->ex->pool, run_sums, &job, rows, small ? rows : bnc_run_grain(x->cols));
  bnc_pool_run_threads(r->ex->pool, run_panels, &job, panels, small ? panels : piece_of(rows, w->k, panels, bnc_pool_threads(r->ex->pool)));
}

void bnc_run_matmul_op(const bnc_op_run *r) {
  if (r->ex->file->weight[r->op->weight].dtype == BNC_W_QG4)
    matmul_i4(r);
  else
    matmul_i8(r);
}
