/* SPDX-License-Identifier: Apache-2.0 */
/** @file executor_private.h  Shared by the executor's files. */
#ifndef BINOCLE_RUNTIME_EXEC_EXECUTOR_PRIVATE_H
#define BINOCLE_RUNTIME_EXEC_EXECUTOR_PRIVATE_H

#include "ops/xnn/linear.h"
#include "platforms/energy/pacer.h"
#include "runtime/exec/executor.h"
#include "runtime/model/weight_slabs.h"

typedef struct bnc_outputs bnc_outputs; /* run_outputs.c */

struct bnc_executor {
  const bnc_model_file *file;
  bnc_pool *pool;
  const bnc_kernels *kernels;
  uint8_t *arena; /* 64-byte aligned, as large as the largest program's */
  size_t arena_bytes;
  bnc_kv_cache *cache; /* [layers] */
  uint8_t *cache_memory;
  size_t cache_bytes;
  float *rope_cos, *rope_sin; /* [context, head_dim / 2] ... */
  size_t rope_rows;           /* ... filled so far */
  uint8_t *scratch;           /* [threads][scratch_bytes] */
  size_t scratch_bytes;
  float *kept;   /* [last_row ops, BNC_EACH_ROWS, their columns] for bnc_executor_finish_row; NULL: not needed */
  int32_t *sums; /* [sums_count]: of the largest int4 layer's rows and groups (ops/matmul/matmul.h) */
  size_t sums_count;
  int8_t *tiles; /* [tiles_bytes]: of the largest int8, c4 or bf16 layer's rows, where the level wants them (ops/matmul/matmul_i8.h) */
  size_t tiles_bytes;
  bnc_qd8_params *params;         /* [rows of the largest pair]: x's place may go to results before all of them are there */
  uint8_t *link_of[BNC_PROGRAMS]; /* [ops]: bnc_link, how an op hands its result on (links.h) */
  const bnc_packed_store *laid;   /* vision's weights laid out, not owned; NULL: none are */
  bool attends_in_bf16;           /* vision, whose weights are bf16 (bnc_attention_rounds) */
  bnc_outputs *outputs;           /* NULL: bnc_executor_outputs_create was not called */
  bnc_linear_set *linears;
  struct bnc_residency *residency;
  bnc_pacer *pacer; /* not owned; NULL: full speed */
  bnc_on_op *on_op; /* NULL: nobody looks */
  void *on_op_context;
  uint64_t round_macs;               /* multiply-accumulates after which an op asks whether the run goes on */
  uint32_t *linear_of[BNC_PROGRAMS]; /* [ops] layer of linears; UINT32_MAX for other ops, and those of ops/matmul */
};

/** One op of a run. */
typedef struct bnc_op_run {
  bnc_executor *ex;
  uint8_t *arena; /* the executor's, or that of the rows whose outputs are computed together */
  const bnc_file_op *op;
  size_t rows;     /* of the run; operands that vary have so many */
  size_t position; /* of the run's first row */
  uint32_t linear;
  uint32_t index, ops;        /* of the op in its program, and how many that has */
  const bnc_run_hooks *hooks; /* may be NULL */
  bool to_tiles, from_tiles;  /* the qd8 result goes straight to the executor's tiles, the qd8 input lies there (straight.h) */
} bnc_op_run;

static inline size_t bnc_run_rows(const bnc_op_run *r, const bnc_operand *o) { return o->varying ? r->rows : o->rows; }

static inline const uint8_t *bnc_run_bytes(const bnc_op_run *r, const bnc_operand *o) {
  if (o->space == BNC_SPACE_NONE) return NULL;
  return (o->space == BNC_SPACE_ARENA ? r->arena : r->ex->file->constants.data) + o->offset;
}
static inline const float *bnc_run_in(const bnc_op_run *r, int i) { return (const float *)(const void *)bnc_run_bytes(r, &r->op->in[i]); }
static inline float *bnc_run_out(const bnc_op_run *r, int i) {
  return r->op->out[i].space == BNC_SPACE_ARENA ? (float *)(void *)(r->arena + r->op->out[i].offset) : NULL;
}
static inline bnc_qd8_params *bnc_run_params(const bnc_op_run *r, const bnc_operand *o) {
  return o->space == BNC_SPACE_ARENA ? (bnc_qd8_params *)(void *)(r->arena + o->offset) : NULL;
}
static inline int8_t *bnc_run_qd8(const bnc_op_run *r, const bnc_operand *o) {
  return o->space == BNC_SPACE_ARENA ? (int8_t *)(r->arena + o->offset + bnc_qd8_data_offset(o->rows)) : NULL;
}

/** Items of a row-wise op that one thread takes at a time: so many that starting it costs nothing, and the same for any number of threads.
 */
static inline size_t bnc_run_grain(size_t cols) { return cols >= 65536 ? 1 : 65536 / (cols ? cols : 1); }

#define BNC_SLOW_MACS 16u /* of ops that gather what they add up: each costs as much as so many of the others */
/** An op of `macs` in equal items, done in rounds: the items of a round that take no more than `limit`, at least one. */
static inline size_t bnc_round_items(size_t items, uint64_t macs, uint64_t limit) {
  if (macs <= limit) return items;
  const uint64_t round = (uint64_t)((double)items * ((double)limit / (double)macs));
  return round ? (size_t)round : 1;
}
/** Between rounds: whether the run was cancelled. */
static inline bool bnc_run_cancelled(const bnc_op_run *r) {
  return r->hooks && r->hooks->step && r->hooks->step(r->hooks->context, r->index, r->ops);
}

/** A linear layer that ops/matmul runs on the file's own bytes. */
static inline bool bnc_op_is_own(const bnc_executor *ex, const bnc_file_op *op) {
  return op->kind == BNC_OP_LINEAR && !bnc_weight_is_packed(ex->file, &ex->file->weight[op->weight]);
}

/** Below so many multiply-accumulates, waking a second thread costs more than it brings, above all where other programs hold its CPU. */
#define BNC_SHARED_MACS ((uint64_t)4 << 20)

/** What lies behind the prefill program's last_row ops is called its tail: it computes the output. */
bool bnc_op_is_tail(const bnc_file_op *op);
/** Elements that the last_row ops read of `rows` rows; 0: the prefill program is none that outputs of more than one row can be had of. */
size_t bnc_run_kept(const bnc_model_file *file, size_t rows);
/** Runs what is in front of the tail for `rows` rows. kept [last_row ops][kept_rows, their columns]: what those read of every row. */
bnc_status bnc_run_body(bnc_executor *ex, size_t rows, size_t position, float *kept, size_t kept_rows, const bnc_run_hooks *hooks,
                        bnc_error *err);
void bnc_outputs_destroy(bnc_outputs *outputs);

/** Allocates what the programs of ex->file ask for, if the machine has it; destroy also what a failed create leaves. */
bnc_status bnc_executor_memory_create(bnc_executor *ex, bnc_error *err);
/** More scratch memory, where an op that no program holds asks for it. */
bnc_status bnc_executor_memory_reach(bnc_executor *ex, const bnc_file_op *op, bnc_error *err);
void bnc_executor_memory_destroy(bnc_executor *ex);

/** Fills the rotary tables for positions below `rows`, at most the context. */
void bnc_rope_tables_reach(bnc_executor *ex, size_t rows);

bnc_status bnc_linears_create(bnc_executor *ex, bnc_packed_store *store, const bnc_run_hooks *hooks, bnc_error *err);
void bnc_linears_destroy(bnc_executor *ex);
/** Adds the layer of one more op whose weight some program's op has. */
bnc_status bnc_linears_add(bnc_executor *ex, const bnc_file_op *op, uint32_t *id, bnc_error *err);

/** What a pool needs to share a kernel's rows among threads: NAME_job, the kernel with its arguments, and NAME_rows, which calls it for a
   range. A kernel's type is part of it, so each has its own. */
#define BNC_ROWS_JOB(name, kernel_fn, args_type)                                                                                           \
  typedef struct name##_job {                                                                                                              \
    kernel_fn *kernel;                                                                                                                     \
    args_type args;                                                                                                                        \
  } name##_job;                                                                                                                            \
  static void name##_rows(void *context, size_t from, size_t to) {                                                                         \
    const name##_job *job = context;                                                                                                       \
    job->kernel(&job->args, from, to);                                                                                                     \
  }

/** Runs an op of one family of the op table. BNC_ERROR_INTERNAL: it was made for no such kind; BNC_ERROR_CANCELLED: between two rounds. */
typedef bnc_status bnc_run_fn(const bnc_op_run *run);
#define BNC_DECLARE_RUN(kind, name, family, ...) bnc_run_fn bnc_run_##family;
BNC_OP_TABLE(BNC_DECLARE_RUN)
#undef BNC_DECLARE_RUN

/** Runs any op. */
bnc_run_fn bnc_run_op;
/** `rows` rows of a linear layer on ops/matmul (bnc_op_is_own), from row `first` on. */
void bnc_run_matmul(const bnc_op_run *run, size_t first, size_t rows);
/** What the kernel of an int8 layer takes, of rows that are laid out for it. */
bnc_matmul_i8_args bnc_run_i8_args(const bnc_op_run *run, size_t first, size_t rows);

#endif
