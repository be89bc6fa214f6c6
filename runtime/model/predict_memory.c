/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/model/predict_memory.h"

#include "platforms/base/mem.h"
#include "runtime/model/kv_layout.h"
#include "runtime/model/weight_slabs.h"

#define TEXT_ROWS 128u                       /* a question with its template, and a short answer */
#define PROCESS_BYTES ((uint64_t)10 << 20)   /* code, libraries, allocator, stacks: measured on x86-64 Linux with 2 threads */
#define OPERATOR_BYTES 1024u                 /* an XNNPACK fully connected operator and its place in our tables */
#define EMBEDDING_BYTES ((uint64_t)64 << 10) /* what the kernel maps around the page of one embedding */

/* What our kernels read, as it lies in the file; else XNNPACK's packed form: the values, and per output a bias and, for int8, a sum and a
 * scale. */
static uint64_t resident_bytes(const bnc_model_file *f, const bnc_file_weight *w) {
  if (!bnc_weight_is_packed(f, w) || w->dtype == BNC_WEIGHT_QG4) return bnc_weight_bytes(w); /* of int4 both forms are about as large */
  uint64_t count = (uint64_t)w->n * w->k;                                                    /* XNNPACK takes QC4 as int8 and BF16 as f32 */
  return bnc_weight_is_float(w->dtype) ? count * 4 + (uint64_t)w->n * 4 : count + (uint64_t)w->n * 12;
}

/* Adds what a program's linear layers read to the prediction, each weight once; returns how many XNNPACK operators they need. */
static uint64_t add_layers(const bnc_model_file *f, const bnc_program *program, uint8_t *seen, bnc_memory_prediction *p) {
  uint64_t operators = 0;
  for (uint32_t i = 0; i < program->head->ops; i++) {
    const bnc_file_op *op = &program->op[i];
    if (op->kind != BNC_OP_LINEAR || (seen && seen[op->weight])) continue;
    const bnc_file_weight *w = &f->weight[op->weight];
    const uint32_t slab = op->attr.linear.count;
    if (seen) seen[op->weight] = 1; /* without memory for it the prediction is too high, no more */
    if (bnc_weight_is_packed(f, w)) operators += (w->n + slab - 1) / slab;
    p->weights += resident_bytes(f, w);
  }
  return operators;
}

bnc_memory_prediction bnc_predict_memory(const bnc_model_file *f) {
  const bnc_file_meta *m = &f->meta;
  bnc_memory_prediction p = {0};
  uint64_t operators = 0, programs = 0;
  uint8_t *seen = bnc_mem_array(f->weights + 1, 1);
  for (bnc_program_id id = 0; id < BNC_PROGRAMS; id++) {
    const bnc_program *program = &f->program[id];
    if (!program->head) continue;
    programs += sizeof *program->head + (uint64_t)program->head->ops * (sizeof *program->op + sizeof(uint32_t));
    if (program->head->arena_bytes > p.arena) p.arena = program->head->arena_bytes;
    operators += add_layers(f, program, seen, &p);
    if (id == BNC_PROGRAM_VISION) p.vision_weights = p.weights;
  }
  bnc_mem_free(seen);
  bool vision = f->program[BNC_PROGRAM_VISION].head != NULL;
  p.rows = TEXT_ROWS + (vision ? m->image_rows : 0);
  if (p.rows > m->context) p.rows = m->context;
  p.kv_cache = bnc_kv_layout_of(m, p.rows).total;
  p.kv_cache_full = bnc_kv_layout_of(m, m->context).total;
  uint64_t table = (uint64_t)m->vocabulary * m->hidden, touched = TEXT_ROWS * EMBEDDING_BYTES;
  p.other = PROCESS_BYTES + programs + f->constants.size + 3 * (uint64_t)f->tokenizer.size + operators * OPERATOR_BYTES +
            (touched < table ? touched : table) + p.rows * m->head_dim * sizeof(float) +
            (vision ? (uint64_t)m->image_rows * m->hidden * 4 : 0);
  p.total = p.weights + p.arena + p.kv_cache + p.other;
  p.total_full = p.weights + p.arena + p.kv_cache_full + p.other + (m->context - p.rows) * m->head_dim * sizeof(float);
  return p;
}
