/* SPDX-License-Identifier: Apache-2.0 */
/* Lifetimes become offsets: a block may lie wherever no block that lives at the same time lies. Offline placement, first fit in several
   orders; the lowest result wins. The lower bound is the largest sum of blocks that live at one step. */
#include <stdlib.h>
#include <string.h>

#include "platforms/base/mem.h"
#include "quant/schedule/schedule.h"

#define ALIGN 64u
#define PAGE 4096u /* bytes after which the sets of most first caches repeat: 64 lines */

typedef struct block {
  bnc_place *place;
  uint64_t bytes, start;
} block;

static uint64_t align_up(uint64_t x) { return (x + ALIGN - 1) & ~(uint64_t)(ALIGN - 1); }

uint32_t bnc_schedule_stride(const bnc_schedule *s, bnc_value_id root) {
  const bnc_value *v = &s->graph->value[root];
  const bool pages = v->element == BNC_ELEMENT_F32 && v->rows > 1 && v->cols % (PAGE / sizeof(float)) == 0;
  return (uint32_t)(v->cols + (pages && root != s->graph->program_input ? ALIGN / sizeof(float) : 0));
}

static uint64_t block_bytes(const bnc_schedule *s, bnc_value_id root) {
  const bnc_value *v = &s->graph->value[root];
  bnc_operand o = {
      .element = (uint8_t)v->element, .rows = (uint32_t)v->rows, .cols = (uint32_t)v->cols, .stride = bnc_schedule_stride(s, root)};
  return align_up(bnc_operand_bytes(&o));
}

static void touch(bnc_schedule *s, bnc_value_id v, uint32_t step) {
  if (v == BNC_NO_VALUE || s->graph->node[s->graph->value[v].producer].kind == BNC_NODE_CONSTANT) return;
  bnc_place *p = &s->place[s->place[v].root];
  if (p->first == UINT32_MAX || step < p->first) p->first = step;
  if (step > p->last) p->last = step;
  p->bytes = block_bytes(s, s->place[v].root);
}

static void find_lifetimes(bnc_schedule *s) {
  for (uint32_t i = 0; i < s->steps; i++) {
    for (int k = 0; k < BNC_OP_INPUTS; k++) touch(s, s->step[i].in[k], i);
    for (int k = 0; k < BNC_OP_OUTPUTS; k++) touch(s, s->step[i].out[k], i);
  }
  touch(s, s->graph->program_input, 0);
  touch(s, s->graph->program_output, (uint32_t)(s->steps ? s->steps - 1 : 0));
}

static int by_size(const void *a, const void *b) {
  const block *x = a, *y = b;
  if (x->bytes != y->bytes) return x->bytes < y->bytes ? 1 : -1;
  return x->place->first < y->place->first ? -1 : x->place->first > y->place->first;
}
static int by_area(const void *a, const void *b) {
  const block *x = a, *y = b;
  double p = (double)x->bytes * (x->place->last - x->place->first + 1), q = (double)y->bytes * (y->place->last - y->place->first + 1);
  return p != q ? (p < q ? 1 : -1) : by_size(a, b);
}
static int by_span(const void *a, const void *b) {
  const block *x = a, *y = b;
  uint32_t p = x->place->last - x->place->first, q = y->place->last - y->place->first;
  return p != q ? (p < q ? 1 : -1) : by_size(a, b);
}

/* Places blocks in the given order, each at the lowest gap among those placed before that overlap it in time. Returns the arena's size. */
static uint64_t first_fit(block *blocks, size_t count, block **near) {
  uint64_t top = 0;
  for (size_t i = 0; i < count; i++) {
    size_t n = 0;
    for (size_t j = 0; j < i; j++)
      if (blocks[j].place->first <= blocks[i].place->last && blocks[i].place->first <= blocks[j].place->last) {
        /* insertion keeps the neighbours sorted by where they start */
        size_t k = n++;
        for (; k > 0 && near[k - 1]->start > blocks[j].start; k--) near[k] = near[k - 1];
        near[k] = &blocks[j];
      }
    uint64_t at = 0;
    for (size_t k = 0; k < n; k++) {
      if (near[k]->start >= at + blocks[i].bytes) break;
      if (near[k]->start + near[k]->bytes > at) at = near[k]->start + near[k]->bytes;
    }
    blocks[i].start = at;
    if (at + blocks[i].bytes > top) top = at + blocks[i].bytes;
  }
  return top;
}

static uint64_t lower_bound(const bnc_schedule *s, const block *blocks, size_t count, uint64_t *delta) {
  memset(delta, 0, (s->steps + 2) * sizeof *delta);
  for (size_t i = 0; i < count; i++) {
    delta[blocks[i].place->first] += blocks[i].bytes;
    delta[blocks[i].place->last + 1] -= blocks[i].bytes; /* modulo 2^64: the running sum is exact */
  }
  uint64_t live = 0, most = 0;
  for (size_t i = 0; i <= s->steps; i++) {
    live += delta[i];
    if (live > most) most = live;
  }
  return most;
}

bnc_status bnc_schedule_plan(bnc_schedule *s) {
  static int (*const orders[])(const void *, const void *) = {by_size, by_area, by_span};
  const bnc_graph *g = s->graph;
  find_lifetimes(s);
  block *blocks = bnc_mem_array(g->values + 1, sizeof *blocks);
  block **near = bnc_mem_array(g->values + 1, sizeof *near);
  uint64_t *delta = bnc_mem_array(s->steps + 2, sizeof *delta);
  size_t count = 0;
  if (!blocks || !near || !delta) {
    bnc_mem_free(blocks);
    bnc_mem_free(near);
    bnc_mem_free(delta);
    return bnc_fail_memory(g->err, g->values * sizeof *blocks);
  }
  for (bnc_value_id v = 0; v < g->values; v++)
    if (s->place[v].root == v && s->place[v].first != UINT32_MAX) blocks[count++] = (block){&s->place[v], s->place[v].bytes, 0};
  s->live_bytes = lower_bound(s, blocks, count, delta);
  s->arena_bytes = UINT64_MAX;
  for (size_t o = 0; o < sizeof orders / sizeof *orders && s->arena_bytes > s->live_bytes; o++) {
    qsort(blocks, count, sizeof *blocks, orders[o]);
    uint64_t top = first_fit(blocks, count, near);
    if (top >= s->arena_bytes) continue;
    s->arena_bytes = top;
    for (size_t i = 0; i < count; i++) blocks[i].place->offset = blocks[i].start;
  }
  if (count == 0) s->arena_bytes = 0;
  bnc_mem_free(blocks);
  bnc_mem_free(near);
  bnc_mem_free(delta);
  return BNC_OK;
}
