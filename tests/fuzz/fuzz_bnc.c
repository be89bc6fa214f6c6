/* SPDX-License-Identifier: Apache-2.0 */
/* A model file as an enemy would write it: checksums are put right after mutation, so that the fuzzer reaches what lies behind them;
   whatever passes validation is run, and must not touch anything outside the arena, the constants and the weights. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "platforms/base/mem.h"
#include "runtime/exec/executor.h"
#include "runtime/exec/packed_cache.h"
#include "tests/fuzz/mutate_bnc.h"
#include "tests/model/seal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t room, unsigned seed);

#define MOST_BYTES ((uint64_t)64 << 20)
#define MOST_WORK ((uint64_t)1 << 24)

static bool small(const bnc_model_file *f) {
  const bnc_file_meta *m = &f->meta;
  uint64_t work = 0, cache = (uint64_t)m->context * m->kv_heads * m->head_dim * m->layers * 8;
  if ((uint64_t)m->context * m->head_dim > MOST_WORK || cache > MOST_BYTES) return false;
  for (bnc_program_id p = 0; p < BNC_PROGRAMS; p++) {
    const bnc_program *program = &f->program[p];
    if (!program->head) continue;
    if (program->head->arena_bytes > MOST_BYTES) return false;
    for (uint32_t i = 0; i < program->head->ops; i++) {
      const bnc_file_op *op = &program->op[i];
      uint64_t depth = 1;
      if (op->kind == BNC_OP_LINEAR) depth += op->in[0].cols;
      if (op->kind == BNC_OP_ATTENTION || op->kind == BNC_OP_ATTENTION_I8) depth += op->in[1].rows + (uint64_t)op->attr.attention.heads;
      if (op->kind == BNC_OP_CACHE_ATTENTION) depth += m->context;
      if (op->kind == BNC_OP_RESAMPLE) depth += (uint64_t)op->table[0].cols * op->table[1].cols;
      if (op->kind == BNC_OP_GATHER) depth += op->in[0].rows;
      for (int k = 0; k < BNC_OP_INPUTS; k++) work += (uint64_t)op->in[k].rows * op->in[k].cols;
      for (int k = 1; k < BNC_OP_OUTPUTS; k++) work += (uint64_t)op->out[k].rows * op->out[k].cols;
      work += (uint64_t)op->out[0].rows * op->out[0].cols * depth;
      if (work > MOST_WORK) return false;
    }
  }
  return true;
}

static bool probe_reads(void *context, size_t done, size_t total) {
  (void)context;
  return done > 4096 || total > 4096;
}

static volatile float sink;
static void read_probe(void *context, const bnc_file_probe *probe, const float *value) {
  (void)context;
  for (size_t r = 0; r < probe->value.rows; r++) sink = value[r * probe->value.stride + probe->value.cols - 1];
}

/* Made once: looking at the machine anew took longer than most files take. */
static struct {
  bnc_context *context;
  bnc_pool *pool;
  bnc_cpu_level most;
} machine;

static bool look_at_machine(void) {
  bnc_error err;
  bnc_context_settings settings;
  if (machine.pool) return true;
  bnc_context_settings_init(&settings);
  settings.cache_dir = "";
  return bnc_context_create(&settings, &machine.context) == BNC_OK && bnc_cpu_detect_level(&machine.most, &err) == BNC_OK &&
         bnc_pool_create(&machine.pool, 1, &err) == BNC_OK;
}

static void run(const bnc_model_file *f, bnc_cpu_level level) {
  bnc_error err;
  bnc_pool *pool = machine.pool;
  bnc_kernels kernels;
  bnc_packed_store *store = NULL;
  bnc_executor *ex = NULL;
  const bnc_run_hooks hooks = {.step = probe_reads, .probe = read_probe};
  bnc_kernels_init(&kernels, level);
  bnc_status s = bnc_packed_acquire(&store, f, pool, machine.context, &err);
  if (s == BNC_OK) s = bnc_executor_create(&ex, f, pool, &kernels, store, NULL, &err);
  if (s == BNC_OK && f->program[BNC_PROGRAM_VISION].head && bnc_executor_run(ex, BNC_PROGRAM_VISION, 0, 0, &hooks, &err) == BNC_OK) {
    const bnc_operand *out = &f->program[BNC_PROGRAM_VISION].head->output;
    sink = bnc_executor_output(ex, BNC_PROGRAM_VISION)[(out->rows - 1) * (size_t)out->stride + out->cols - 1];
  }
  for (int p = BNC_PROGRAM_PREFILL; s == BNC_OK && p <= BNC_PROGRAM_DECODE; p++) {
    size_t most = bnc_executor_capacity(ex, (bnc_program_id)p);
    const int32_t ids[1] = {(int32_t)f->meta.vocabulary - 1};
    bnc_executor_embed(ex, ids, 1, bnc_executor_input(ex, (bnc_program_id)p));
    if (bnc_executor_run(ex, (bnc_program_id)p, 1, 0, &hooks, &err) == BNC_OK)
      sink = bnc_executor_output(ex, (bnc_program_id)p)[f->meta.vocabulary - 1];
    bnc_executor_run(ex, (bnc_program_id)p, most, 0, &hooks, &err);
    bnc_executor_run(ex, (bnc_program_id)p, 1, f->meta.context - 1, &hooks, &err); /* the last place of the cache */
  }
  bnc_executor_destroy(ex);
  bnc_packed_destroy(store);
}

/* Every level that the machine has. */
static void run_levels(const bnc_model_file *f) {
  run(f, BNC_CPU_SCALAR);
  const bnc_cpu_level first = BNC_CPU_ARCH == BNC_ARCH_X86_64 ? BNC_CPU_AVX2 : BNC_CPU_NEON;
  for (bnc_cpu_level level = first; level <= machine.most; level++) run(f, level);
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t room, unsigned seed) {
  uint8_t *copy = bnc_mem_alloc(size); /* aligned, as files are */
  (void)room;
  if (!copy) return size;
  memcpy(copy, data, size);
  if (mutate_bnc(copy, size, seed))
    memcpy(data, copy, size);
  else if (size)
    data[seed % size] ^= (uint8_t)(1u << (seed / 7) % 8);
  bnc_mem_free(copy);
  return size;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  bnc_error err;
  bnc_model_file file;
  if (!look_at_machine()) abort(); /* nothing would be tested */
  uint8_t *copy = bnc_mem_alloc(size);
  if (!copy) return 0;
  if (size > 0) memcpy(copy, data, size);
  if (size % 2 == 0) seal_model(copy, size); /* an odd size is taken as it comes */
  if (bnc_model_file_parse(&file, copy, size, &err) == BNC_OK) {
    if (small(&file)) run_levels(&file);
    bnc_model_file_close(&file);
  }
  bnc_mem_free(copy);
  return 0;
}
