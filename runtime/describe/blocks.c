/* SPDX-License-Identifier: Apache-2.0 */
/* A walk over the ops. A write begins a block and ends those that it overwrites; a read lengthens the blocks that it touches and joins
   them: they were parts of one matrix. Slabs of columns lie in one range of bytes without touching each other, which strides tell. */
#include "runtime/describe/blocks.h"

#include <stdlib.h>

#include "platforms/base/array.h"

#define LIVE_MAX 2048u /* keeps the walk linear on files that no compiler wrote */

typedef struct walk {
  bnc_arena_block live[LIVE_MAX];
  size_t lives;
  bnc_arena_block *done;
  size_t dones, capacity;
  bool failed;
} walk;

static bool overlap(const bnc_arena_block *b, const bnc_operand *o) {
  const bnc_operand *v = &b->value;
  if (o->offset >= b->end || o->offset + bnc_operand_bytes(o) <= b->offset) return false;
  if (v->element != BNC_ELEMENT_F32 || o->element != BNC_ELEMENT_F32 || v->stride != o->stride || v->cols + (uint64_t)o->cols > v->stride)
    return true;
  /* The same rows of one matrix, other columns? */
  uint64_t stride = v->stride, from = (o->offset / 4 + stride - v->offset / 4 % stride) % stride;
  return from < v->cols || from + o->cols > stride;
}

static void finish(walk *w, size_t i) {
  if (!bnc_array_reserve(&w->done, &w->capacity, w->dones + 1, sizeof *w->done))
    w->failed = true;
  else
    w->done[w->dones++] = w->live[i];
  w->live[i] = w->live[--w->lives];
}

static void read_operand(walk *w, const bnc_operand *o, uint32_t op) {
  size_t whole = SIZE_MAX;
  for (size_t i = 0; i < w->lives; i++) {
    bnc_arena_block *b = &w->live[i];
    if (!overlap(b, o)) continue;
    if (op + 1 > b->last) b->last = op + 1;
    if (whole == SIZE_MAX) {
      whole = i;
      continue;
    }
    bnc_arena_block *first = &w->live[whole];
    if (b->offset < first->offset) first->offset = b->offset;
    if (b->end > first->end) first->end = b->end;
    if (b->first < first->first) first->first = b->first;
    if (b->last > first->last) first->last = b->last;
    if (b->writer != UINT32_MAX && (first->writer == UINT32_MAX || b->writer > first->writer)) first->writer = b->writer;
    first->value = *o;
    w->live[i--] = w->live[--w->lives];
  }
}

static void write_operand(walk *w, const bnc_operand *o, uint32_t op) {
  for (size_t i = 0; i < w->lives; i++) {
    bnc_arena_block *b = &w->live[i];
    if (b->writer == op || !overlap(b, o)) continue;
    if (b->last == op + 1 && b->first < op) b->last = op; /* overwritten in place: the op's column is the new value's */
    finish(w, i--);
  }
  if (w->lives == LIVE_MAX) finish(w, 0);
  w->live[w->lives++] = (bnc_arena_block){
      .offset = o->offset, .end = o->offset + bnc_operand_bytes(o), .first = op, .last = op + 1, .writer = op, .value = *o};
}

static int by_birth(const void *a, const void *b) {
  const bnc_arena_block *x = a, *y = b;
  if (x->first != y->first) return x->first < y->first ? -1 : 1;
  return x->offset < y->offset ? -1 : x->offset > y->offset;
}

/* What still shares bytes at one time are column slices of one matrix that are written where they lie: they become the matrix. */
static void join_slices(walk *w) {
  size_t kept = 0;
  w->lives = 0;
  if (w->dones == 0) return;
  qsort(w->done, w->dones, sizeof *w->done, by_birth);
  for (size_t i = 0; i < w->dones; i++) {
    bnc_arena_block b = w->done[i];
    for (size_t k = 0; k < w->lives; k++) {
      const bnc_arena_block *a = &w->live[k];
      bool over = a->last <= b.first;
      if (!over && (a->offset >= b.end || b.offset >= a->end)) continue;
      bnc_arena_block gone = *a;
      w->live[k--] = w->live[--w->lives];
      if (over) {
        w->done[kept++] = gone; /* kept <= i: every block kept was one of those before */
        continue;
      }
      if (gone.end - gone.offset > b.end - b.offset) b.value = gone.value;
      b.offset = gone.offset < b.offset ? gone.offset : b.offset;
      b.end = gone.end > b.end ? gone.end : b.end;
      b.first = gone.first < b.first ? gone.first : b.first;
      b.last = gone.last > b.last ? gone.last : b.last;
      if (b.writer == UINT32_MAX || (gone.writer != UINT32_MAX && gone.writer < b.writer)) b.writer = gone.writer;
      k = SIZE_MAX; /* it has grown: look at all again */
    }
    if (w->lives == LIVE_MAX) w->done[kept++] = w->live[--w->lives];
    w->live[w->lives++] = b;
  }
  while (w->lives) w->done[kept++] = w->live[--w->lives];
  w->dones = kept;
}

bnc_status bnc_arena_blocks(const bnc_program *program, bnc_arena_block **blocks, size_t *count, bnc_error *err) {
  const bnc_file_program *head = program->head;
  walk *w = bnc_mem_zalloc(sizeof *w);
  *blocks = NULL;
  *count = 0;
  if (!w) return bnc_fail_memory(err, sizeof *w);
  write_operand(w, &head->input, 0);
  w->live[0].writer = UINT32_MAX;
  for (uint32_t i = 0; i < head->ops && !w->failed; i++) {
    const bnc_file_op *op = &program->op[i];
    for (int k = 0; k < BNC_OP_INPUTS; k++)
      if (op->in[k].space == BNC_SPACE_ARENA) read_operand(w, &op->in[k], i);
    for (int k = 0; k < BNC_OP_OUTPUTS; k++)
      if (op->out[k].space == BNC_SPACE_ARENA) write_operand(w, &op->out[k], i);
  }
  if (head->ops) read_operand(w, &head->output, head->ops - 1);
  while (w->lives) finish(w, 0);
  bool failed = w->failed;
  join_slices(w);
  *blocks = w->done;
  *count = w->dones;
  bnc_mem_free(w);
  if (!failed) return BNC_OK;
  bnc_mem_free(*blocks);
  *blocks = NULL;
  return bnc_fail_memory(err, *count * sizeof **blocks);
}
