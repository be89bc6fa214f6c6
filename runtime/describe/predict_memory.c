/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/attention/attention.h"
#include "platforms/base/mem.h"
#include "runtime/describe/describe.h"
#include "runtime/describe/names.h"
#include "runtime/model/weight_slabs.h"

#define TEXT_ROWS 128u                       /* a question with its template, and a short answer */
#define PROCESS_BYTES ((uint64_t)10 << 20)   /* code, libraries, allocator, stacks: measured on x86-64 Linux with 2 threads */
#define OPERATOR_BYTES 1024u                 /* an XNNPACK fully connected operator and its place in our tables */
#define EMBEDDING_BYTES ((uint64_t)64 << 10) /* what the kernel maps around the page of one embedding */

/* What our kernels read, as it lies in the file; else XNNPACK's packed form: the values, and per output a bias and, for int8, a sum and a
 * scale. */
static uint64_t resident_bytes(const bnc_file_weight *w, bool own_int8) {
  if (!bnc_weight_is_packed(w, own_int8)) return bnc_weight_bytes(w);
  uint64_t count = (uint64_t)w->n * w->k;
  return w->dtype == BNC_W_F32 ? count * 4 + (uint64_t)w->n * 4 : count + (uint64_t)w->n * 12;
}

static uint64_t cache_row_bytes(const bnc_file_meta *m) {
  uint64_t values = (uint64_t)m->kv_heads * m->head_dim;
  switch (m->kv_dtype) {
    case BNC_KV_F32: return 2 * values * 4 * m->layers;
    case BNC_KV_F16: return 2 * values * 2 * m->layers;
    default: return 2 * (values + (uint64_t)m->kv_heads * 4) * m->layers;
  }
}

static uint64_t round_up(uint64_t x, uint64_t to) { return (x + to - 1) / to * to; }

bnc_memory_prediction bnc_predict_memory(const bnc_model_file *f) {
  const bnc_file_meta *m = &f->meta;
  bnc_memory_prediction p = {0};
  const bool own_int8 = bnc_weight_slabs_own_int8();
  uint64_t operators = 0, programs = 0;
  uint8_t *seen = bnc_mem_array(f->weights + 1, 1);
  for (bnc_program_id id = 0; id < BNC_PROGRAMS; id++) {
    const bnc_program *program = &f->program[id];
    if (!program->head) continue;
    programs += sizeof *program->head + (uint64_t)program->head->ops * (sizeof *program->op + sizeof(uint32_t));
    if (program->head->arena_bytes > p.arena) p.arena = program->head->arena_bytes;
    for (uint32_t i = 0; i < program->head->ops; i++) {
      const bnc_file_op *op = &program->op[i];
      if (op->kind != BNC_OP_LINEAR || (seen && seen[op->weight])) continue;
      const bnc_file_weight *w = &f->weight[op->weight];
      if (seen) seen[op->weight] = 1; /* without memory for it the prediction is too high, no more */
      if (bnc_weight_is_packed(w, own_int8)) operators += (w->n + op->attr.linear.count - 1) / op->attr.linear.count;
      p.weights += resident_bytes(w, own_int8);
    }
  }
  bnc_mem_free(seen);
  bool vision = f->program[BNC_PROGRAM_VISION].head != NULL;
  p.rows = TEXT_ROWS + (vision ? m->image_rows : 0);
  if (p.rows > m->context) p.rows = m->context;
  p.kv_cache = p.rows * cache_row_bytes(m);
  p.kv_cache_full = round_up(m->context, BNC_KV_BLOCK) * cache_row_bytes(m);
  uint64_t table = (uint64_t)m->vocabulary * m->hidden, touched = TEXT_ROWS * EMBEDDING_BYTES;
  p.other = PROCESS_BYTES + programs + f->constants.size + 3 * (uint64_t)f->tokenizer.size + operators * OPERATOR_BYTES +
            (touched < table ? touched : table) + (uint64_t)m->context * m->head_dim * 4 +
            (vision ? (uint64_t)m->image_rows * m->hidden * 4 : 0);
  p.total = p.weights + p.arena + p.kv_cache + p.other;
  p.total_full = p.weights + p.arena + p.kv_cache_full + p.other;
  return p;
}
