/* SPDX-License-Identifier: Apache-2.0 */
/** @file executor.h  Runs the programs of a model file: one arena, one KV cache, operators made once. A run allocates nothing, opens
   nothing and takes no lock but the pool's. */
#ifndef BINOCLE_RUNTIME_EXEC_EXECUTOR_H
#define BINOCLE_RUNTIME_EXEC_EXECUTOR_H

#include "ops/kernels.h"
#include "ops/xnn/packed.h"
#include "platforms/base/tick_clock.h"
#include "platforms/energy/pacer.h"
#include "platforms/threads/threads.h"
#include "runtime/model/model_file.h"

typedef struct bnc_executor bnc_executor;

/** What happens between ops. Any member may be NULL. */
typedef struct bnc_run_hooks {
  void *context;
  /** After `done` of `total` ops. Returning true cancels the run: BNC_ERROR_CANCELLED. */
  bool (*step)(void *context, size_t done, size_t total);
  /** A probed value is complete: f32 [rows, cols] with `stride` elements from row to row; valid during the call. */
  void (*probe)(void *context, const bnc_file_probe *probe, const float *value);
  /** For profilers: when each op ran. */
  struct bnc_op_laps *laps;
} bnc_run_hooks;

/** When an op began and ended. It begins where the one before ended: finding its code and the hooks between are part of it. */
typedef struct bnc_op_lap {
  uint64_t start, end;
} bnc_op_lap;
typedef struct bnc_op_laps {
  bnc_tick_clock clock; /* whose time is told */
  bnc_op_lap *lap;      /* [ops of the program], written one by one */
  uint32_t done;        /* so many are; also read by threads within the op that comes next */
  uint64_t next;        /* behind the first op that ends then or later, look is called, which sets a new one */
  void (*look)(void *context, uint64_t now);
  void *context;
} bnc_op_laps;

/** file, pool, kernels and store must outlive the executor. step (may be NULL) reports the creation of operators. */
bnc_status bnc_executor_create(bnc_executor **executor, const bnc_model_file *file, bnc_pool *pool, const bnc_kernels *kernels,
                               bnc_packed_store *store, const bnc_run_hooks *hooks, bnc_error *err);
void bnc_executor_destroy(bnc_executor *executor);

/** From the next run on it is told behind each op: what that wrote stands in `arena`, `rows` rows of operands that vary; valid during the
   call. NULL: nobody is told. */
typedef void bnc_on_op(void *context, const bnc_file_op *op, const uint8_t *arena, size_t rows);
void bnc_executor_observe(bnc_executor *executor, bnc_on_op *on_op, void *context);

/** Where a program reads and writes; the three programs share the arena, so an output is read before another program runs. */
void *bnc_executor_input(bnc_executor *executor, bnc_program_id id);
const float *bnc_executor_output(const bnc_executor *executor, bnc_program_id id);
/** Rows that one run of the program takes at most. */
size_t bnc_executor_capacity(const bnc_executor *executor, bnc_program_id id);

/** Runs a program. rows and position count for the text programs alone: the input's first `rows` rows are the tokens position .. position +
   rows - 1; the caches hold those before. */
bnc_status bnc_executor_run(bnc_executor *executor, bnc_program_id id, size_t rows, size_t position, const bnc_run_hooks *hooks,
                            bnc_error *err);

/** Some rows at once whose outputs are all wanted, one after the other: bnc_executor_run's bits, of rows that are given one by one. */
enum { BNC_EACH_ROWS = 8 };
/** How many at most; 0: the prefill program is not made for it. */
size_t bnc_executor_each_rows(const bnc_executor *executor);
/** Runs the prefill program without what computes outputs. Its input's first `rows` rows are the tokens position .. position + rows - 1,
   and so many new ones does the cache hold then. */
bnc_status bnc_executor_run_each(bnc_executor *executor, size_t rows, size_t position, bnc_error *err);
/** The prefill program's output behind row `row` of that run at `position`, whatever ran since. */
bnc_status bnc_executor_finish_row(bnc_executor *executor, size_t row, size_t position, bnc_error *err);

/** From the next run on it says how many threads work, and how long they pause between ops; NULL: full speed. Not owned. */
void bnc_executor_set_pacer(bnc_executor *executor, bnc_pacer *pacer);

/** `bytes` of mapped weights may stay in memory, the others are read from the file as they are needed (residency.h); a new executor keeps
   all. scarce: because the machine has no more. *streamed: how many bytes a token, or else a picture, reads so. */
bnc_status bnc_executor_limit_weights(bnc_executor *executor, uint64_t bytes, bool scarce, uint64_t *streamed, bnc_error *err);
/** From the next run on vision multiplies with these in place of the file's (laid_weights.h); not owned, may be NULL. */
void bnc_executor_set_laid(bnc_executor *executor, const bnc_packed_store *laid);
/** The program will not run for a while: its weights need not stay in memory. */
void bnc_executor_leave(bnc_executor *executor, bnc_program_id id);
/** Bytes that an executor of this file allocates for so many threads. */
uint64_t bnc_executor_needs(const bnc_model_file *file, size_t threads);

/** The outputs behind every row of a chunk, some rows together: those of rows that are given one by one, bit for bit, at a chunk's speed.
    create makes room for it, once; BNC_ERROR_UNSUPPORTED: the prefill program is not made for it. */
bnc_status bnc_executor_outputs_create(bnc_executor *executor, bnc_error *err);
/** Runs the prefill program, as bnc_executor_run, but without its output. */
bnc_status bnc_executor_run_outputs(bnc_executor *executor, size_t rows, size_t position, const bnc_run_hooks *hooks, bnc_error *err);
/** Outputs of rows: each [columns], `stride` elements from one to the next; valid until the next call of this. */
typedef struct bnc_output_rows {
  const float *data;
  size_t rows, stride;
} bnc_output_rows;
/** Those behind rows first, first + 1 ... of that run at `position`: as many as are computed together, at least one. */
bnc_status bnc_executor_outputs(bnc_executor *executor, size_t first, size_t position, bnc_output_rows *outputs, bnc_error *err);

/** Token embeddings, dequantised: out [count, hidden]. Ids must be inside the vocabulary. */
void bnc_executor_embed(bnc_executor *executor, const int32_t *ids, size_t count, float *out);

/** Walks over the keys and values of the first `rows` rows (keys in whole blocks), layer by layer, in pieces: always the same ones for the
 * same model and rows, on every CPU. visit returns false to end the walk, which then returns false. */
typedef bool bnc_kv_visitor(void *context, void *data, size_t bytes);
bool bnc_executor_visit_kv(bnc_executor *executor, size_t rows, bnc_kv_visitor *visit, void *context);
/** Zeros what the keys' last block holds behind the first `rows` rows: of an earlier conversation, or what nobody wrote. */
void bnc_executor_clear_keys_behind(bnc_executor *executor, size_t rows);

/** Bytes of the parts that are this executor's own. */
size_t bnc_executor_arena_bytes(const bnc_executor *executor);
size_t bnc_executor_kv_bytes(const bnc_executor *executor);

#endif
