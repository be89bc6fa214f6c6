/* SPDX-License-Identifier: Apache-2.0 */
/* Linear layers on our own kernels: threads share the columns of the result. */
#include "runtime/exec/executor_private.h"
#include "runtime/exec/laid_weights.h"

#define PIECE_BYTES ((size_t)256 << 10) /* of weights */
#define PIECE_PANELS 8u                 /* at least so many: many rows' activations are read again for each piece */

BNC_ROWS_JOB(sums, bnc_matmul_sums_fn, bnc_matmul_args)
BNC_ROWS_JOB(tiles, bnc_matmul_tiles_fn, bnc_matmul_i8_args)
BNC_ROWS_JOB(tiles_bf16, bnc_matmul_tiles_bf16_fn, bnc_matmul_float_args)

/* A kernel over parts of the result's columns; each thread has scratch memory. */
#define COLUMNS_JOB(name, kernel_fn, args_type)                                                                                            \
  typedef struct name##_job {                                                                                                              \
    kernel_fn *kernel;                                                                                                                     \
    args_type args;                                                                                                                        \
    uint8_t *scratch;                                                                                                                      \
    size_t scratch_bytes;                                                                                                                  \
  } name##_job;                                                                                                                            \
  static void name##_columns(void *context, size_t thread, size_t from, size_t to) {                                                       \
    const name##_job *job = context;                                                                                                       \
    job->kernel(&job->args, from, to, job->scratch + thread * job->scratch_bytes);                                                         \
  }
COLUMNS_JOB(panels, bnc_matmul_i4_fn, bnc_matmul_args)
COLUMNS_JOB(items, bnc_matmul_i8_fn, bnc_matmul_i8_args)
COLUMNS_JOB(floats, bnc_matmul_f32_fn, bnc_matmul_float_args)
COLUMNS_JOB(c4, bnc_matmul_c4_fn, bnc_matmul_c4_args)

/* Where there are fewer items than threads, rows are parted, too: [parts, items]. */
typedef struct parts_job {
  floats_job floats;
  size_t items, rows; /* of a part */
} parts_job;

static void parts_columns(void *context, size_t thread, size_t from, size_t to) {
  const parts_job *job = context;
  const floats_job *f = &job->floats;
  for (size_t i = from; i < to; i++) {
    const size_t row = i / job->items * job->rows, item = i % job->items;
    bnc_matmul_float_args args = f->args;
    args.rows = args.rows - row < job->rows ? args.rows - row : job->rows;
    args.x += row * args.x_stride;
    args.y += row * args.y_stride;
    f->kernel(&args, item, item + 1, f->scratch + thread * f->scratch_bytes);
  }
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
enum {
  PIECES = 2,
  LEAST_PART = 64 /* rows: each part lays the weights out for itself */
};

static bool is_small(size_t rows, size_t k, size_t n) { return (uint64_t)rows * k * n < BNC_SHARED_MACS; }

static void matmul_float(const bnc_op_run *r, size_t first, size_t rows) {
  const bnc_file_op *op = r->op;
  const bnc_matmul_ops *kernels = &r->ex->kernels->matmul;
  const bnc_operand *x = &op->in[0];
  const uint32_t count = op->attr.linear.count;
  const bnc_linear_spec spec = bnc_weight_slab_spec(r->ex->file, (bnc_weight_slab){op->weight, op->attr.linear.from, count});
  const bool bf16 = r->ex->file->weight[op->weight].dtype == BNC_WEIGHT_BF16;
  const bool tiles = bf16 && bnc_matmul_tiles_bf16_bytes(r->ex->kernels->level, rows, spec.k) > 0;
  floats_job job = {bf16 ? kernels->bf16 : kernels->f32,
                    {.rows = rows,
                     .k = spec.k,
                     .n = count,
                     .w = spec.weights,
                     .bias = spec.bias,
                     .x = bnc_run_in(r, 0) + first * x->stride,
                     .y = bnc_run_out(r, 0) + first * op->out[0].stride,
                     .x_stride = x->stride,
                     .y_stride = op->out[0].stride,
                     .tiles = tiles ? (uint16_t *)(void *)r->ex->tiles : NULL},
                    r->ex->scratch,
                    r->ex->scratch_bytes};
  const size_t threads = bnc_pool_threads(r->ex->pool), items = bnc_float_items(count), pieces = PIECES * threads;
  const size_t share = (items + pieces - 1) / pieces, parts = (threads + items - 1) / items, part = (rows + parts - 1) / parts;
  const bool small = is_small(rows, spec.k, count);
  if (tiles) {
    const size_t blocks = bnc_matmul_tiles_blocks(rows);
    tiles_bf16_job lay_out = {kernels->tiles_bf16, job.args};
    bnc_pool_run(r->ex->pool, tiles_bf16_rows, &lay_out, blocks, small ? blocks : 1);
  }
  if (!tiles && !small && parts > 1 && part >= LEAST_PART) {
    parts_job parted = {job, items, part};
    bnc_pool_run_threads(r->ex->pool, parts_columns, &parted, items * ((rows + part - 1) / part), 1);
    return;
  }
  bnc_pool_run_threads(r->ex->pool, floats_columns, &job, items, small ? items : share);
}

bnc_matmul_i8_args bnc_run_i8_args(const bnc_op_run *r, size_t first, size_t rows) {
  const bnc_file_op *op = r->op;
  const bnc_file_weight *w = &r->ex->file->weight[op->weight];
  const bnc_operand *x = &op->in[0];
  const uint32_t count = op->attr.linear.count;
  const bnc_linear_spec spec = bnc_weight_slab_spec(r->ex->file, (bnc_weight_slab){op->weight, op->attr.linear.from, count});
  const bool tiles = bnc_matmul_tiles_bytes(r->ex->kernels->level, rows, w->k) > 0;
  bnc_matmul_i8_args args = {.rows = rows,
                             .k = w->k,
                             .n = count,
                             .w = spec.weights,
                             .scale = spec.scales,
                             .bias = spec.bias,
                             .q = bnc_run_qd8(r, x) + first * x->stride,
                             .params = bnc_run_params(r, x) + first,
                             .y = bnc_run_out(r, 0) + first * op->out[0].stride,
                             .q_stride = x->stride,
                             .y_stride = op->out[0].stride,
                             .tiles = tiles ? r->ex->tiles : NULL};
  if (tiles && !r->from_tiles) {
    const size_t blocks = bnc_matmul_tiles_blocks(rows);
    tiles_job job = {r->ex->kernels->matmul.tiles, args};
    bnc_pool_run(r->ex->pool, tiles_rows, &job, blocks, is_small(rows, w->k, count) ? blocks : 1);
  }
  if (tiles && count == w->n) args.laid = bnc_laid_weights_find(r->ex->laid, r->ex->file, op->weight);
  return args;
}

static void matmul_i8(const bnc_op_run *r, size_t first, size_t rows) {
  const bnc_file_op *op = r->op;
  const bnc_file_weight *w = &r->ex->file->weight[op->weight];
  const bnc_matmul_i8_args args = bnc_run_i8_args(r, first, rows);
  const size_t items = bnc_matmul_i8_items(args.n), pieces = PIECES * bnc_pool_threads(r->ex->pool);
  const size_t piece = is_small(rows, args.k, args.n) ? items : (items + pieces - 1) / pieces;
  if (w->dtype == BNC_WEIGHT_QC4) {
    const int32_t *totals = (const int32_t *)(const void *)(r->ex->file->data.data + w->offsets) + op->attr.linear.from;
    c4_job job = {r->ex->kernels->matmul.c4, {args, (const uint8_t *)args.w, totals}, r->ex->scratch, r->ex->scratch_bytes};
    bnc_pool_run_threads(r->ex->pool, c4_columns, &job, items, piece);
  } else {
    items_job job = {r->ex->kernels->matmul.i8, args, r->ex->scratch, r->ex->scratch_bytes};
    bnc_pool_run_threads(r->ex->pool, items_columns, &job, items, piece);
  }
}

/* Panels that a thread takes at a time. One row is bound by reading the weights, and each piece begins to read anew: few large ones, but
   enough to give some away. */
static size_t piece_of(size_t rows, size_t k, size_t panels, size_t threads) {
  const size_t bytes = PIECE_BYTES / bnc_i4_panel_nibbles(k) / 2 * 2, even = (panels + 8 * threads - 1) / (8 * threads) * 2;
  return rows == 1 ? even : bytes < PIECE_PANELS ? PIECE_PANELS : bytes;
}

static void matmul_i4(const bnc_op_run *r, size_t first, size_t rows) {
  const bnc_file_op *op = r->op;
  const bnc_file_weight *w = &r->ex->file->weight[op->weight];
  const bnc_operand *x = &op->in[0];
  const uint32_t from = op->attr.linear.from, count = op->attr.linear.count;
  const size_t panels = bnc_i4_panels(count);
  panels_job job = {r->ex->kernels->matmul.i4,
                    {.w = matrix_of(r->ex->file, w, from, count),
                     .rows = rows,
                     .q = bnc_run_qd8(r, x) + first * x->stride,
                     .params = bnc_run_params(r, x) + first,
                     .sums = r->ex->sums,
                     .y = bnc_run_out(r, 0) + first * op->out[0].stride,
                     .q_stride = x->stride,
                     .y_stride = op->out[0].stride},
                    r->ex->scratch,
                    r->ex->scratch_bytes};
  if (w->bias != UINT64_MAX) job.args.bias = (const float *)(const void *)(r->ex->file->data.data + w->bias) + from;
  const bool small = is_small(rows, x->cols, count);
  sums_job sums = {r->ex->kernels->matmul.sums, job.args};
  bnc_pool_run(r->ex->pool, sums_rows, &sums, rows, small ? rows : bnc_run_grain(x->cols));
  bnc_pool_run_threads(r->ex->pool, panels_columns, &job, panels,
                       small ? panels : piece_of(rows, w->k, panels, bnc_pool_threads(r->ex->pool)));
}

void bnc_run_matmul(const bnc_op_run *r, size_t first, size_t rows) {
  static void (*const by_dtype[])(const bnc_op_run *, size_t, size_t) = {[BNC_WEIGHT_F32] = matmul_float,
                                                                         [BNC_WEIGHT_QC8] = matmul_i8,
                                                                         [BNC_WEIGHT_QG4] = matmul_i4,
                                                                         [BNC_WEIGHT_QC4] = matmul_i8,
                                                                         [BNC_WEIGHT_BF16] = matmul_float};
  by_dtype[r->ex->file->weight[r->op->weight].dtype](r, first, rows);
}
