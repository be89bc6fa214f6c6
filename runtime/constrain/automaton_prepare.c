/* SPDX-License-Identifier: Apache-2.0 */
/* Ahead of any text: how far each state of the nfa is from an end, which bytes differ, and memory. */
#include <string.h>

#include "platforms/base/mem.h"
#include "runtime/constrain/automaton.h"

#define TABLE_BYTES ((size_t)8 << 20)
#define FEWEST_STATES 1024u
#define MOST_STATES 32768u
#define POOL ((size_t)1 << 20)

/* The text may have a space in front that nobody sees: a beginning of its own, from which a space leads to the beginning that is meant,
 * and from which a text that begins with a space of its own does not begin. */
static uint32_t strip_space(bnc_nfa *nfa, uint32_t start, uint32_t accept) {
  const uint32_t begin = bnc_nfa_state(nfa);
  const size_t states = nfa->states;
  bool *seen = bnc_mem_zalloc(states);
  uint32_t *stack = bnc_mem_array(states, sizeof *stack);
  if (!seen || !stack) nfa->status = bnc_fail_memory(nfa->err, states * (1 + sizeof *stack));
  bnc_nfa_bytes(nfa, begin, ' ', ' ', start);
  size_t held = 0;
  if (nfa->status == BNC_OK) {
    stack[held++] = start;
    seen[start] = true;
  }
  while (held && nfa->status == BNC_OK) {
    const uint32_t state = stack[--held];
    if (state == accept) bnc_nfa_jump(nfa, begin, accept);
    for (uint32_t e = nfa->first[state]; e != BNC_NFA_NONE; e = nfa->edges[e].next) {
      const bnc_nfa_edge edge = nfa->edges[e]; /* adding some moves them */
      if (edge.jump && !seen[edge.to]) {
        seen[edge.to] = true;
        stack[held++] = edge.to;
      }
      if (edge.jump) continue;
      if (edge.low < ' ') bnc_nfa_bytes(nfa, begin, edge.low, edge.high < ' ' ? edge.high : ' ' - 1, edge.to);
      if (edge.high > ' ') bnc_nfa_bytes(nfa, begin, edge.low > ' ' ? edge.low : ' ' + 1, edge.high, edge.to);
    }
  }
  bnc_mem_free(seen);
  bnc_mem_free(stack);
  return begin;
}

static void find_classes(bnc_automaton *a, const bool single[256]) {
  bool begins[257] = {true};
  for (size_t e = 0; e < a->nfa.edge_count; e++) {
    if (a->nfa.edges[e].jump) continue;
    begins[a->nfa.edges[e].low] = true;
    begins[a->nfa.edges[e].high + 1] = true;
  }
  for (unsigned b = 0; b < 256; b++) {
    if (begins[b]) {
      a->spelled[a->classes] = -1;
      a->example[a->classes++] = (uint8_t)b;
    }
    a->class_of[b] = (uint8_t)(a->classes - 1);
    if (single[b] && a->spelled[a->classes - 1] < 0) a->spelled[a->classes - 1] = (int16_t)b;
  }
}

static bool is_spelled(const bnc_automaton *a, const bnc_nfa_edge *edge) {
  for (unsigned c = a->class_of[edge->low]; c <= a->class_of[edge->high]; c++)
    if (a->spelled[c] >= 0) return true;
  return false;
}

/* Breadth first from the end, against the edges' direction; what a jump comes from is as far as where it goes to.
 * into: [states], the first edge into each; next: [edges], another edge into the same; from: [edges]; queue: [states], twice. */
static void measure(bnc_automaton *a, uint32_t *into, uint32_t *next, uint32_t *from, uint32_t *queue) {
  const bnc_nfa *nfa = &a->nfa;
  memset(into, 0xFF, nfa->states * sizeof *into);
  memset(a->distance, 0xFF, nfa->states * sizeof *a->distance);
  for (uint32_t s = 0; s < nfa->states; s++)
    for (uint32_t e = nfa->first[s]; e != BNC_NFA_NONE; e = nfa->edges[e].next) {
      from[e] = s;
      next[e] = into[nfa->edges[e].to];
      into[nfa->edges[e].to] = e;
    }
  uint32_t *now = queue, *later = queue + nfa->states;
  size_t held = 0, waiting = 0;
  a->distance[a->accept] = 0;
  now[held++] = a->accept;
  for (uint32_t distance = 0; held; distance++) {
    while (held) {
      const uint32_t state = now[--held];
      if (a->distance[state] != distance) continue; /* it was come to by a jump meanwhile */
      a->longest = distance;
      for (uint32_t e = into[state]; e != BNC_NFA_NONE; e = next[e]) {
        const bool jump = nfa->edges[e].jump;
        const uint32_t far = distance + !jump;
        if (a->distance[from[e]] <= far || (!jump && !is_spelled(a, &nfa->edges[e]))) continue;
        const bool known = a->distance[from[e]] != UINT32_MAX; /* it waits already */
        a->distance[from[e]] = far;
        if (jump)
          now[held++] = from[e];
        else if (!known)
          later[waiting++] = from[e];
      }
    }
    uint32_t *swap = now;
    now = later;
    later = swap;
    held = waiting;
    waiting = 0;
  }
  for (uint32_t s = 0; s < nfa->states; s++) {
    bool matters = s == a->accept;
    for (uint32_t e = nfa->first[s]; e != BNC_NFA_NONE; e = nfa->edges[e].next)
      matters = matters || (!nfa->edges[e].jump && a->distance[nfa->edges[e].to] != UINT32_MAX);
    if (matters) a->matters[s / 64] |= UINT64_C(1) << s % 64;
  }
}

static bnc_status measure_all(bnc_automaton *a, bnc_error *err) {
  const size_t states = a->nfa.states, edges = a->nfa.edge_count, words = (states + 63) / 64;
  a->distance = bnc_mem_array(states, sizeof *a->distance);
  a->matters = bnc_mem_array(words, sizeof *a->matters);
  uint32_t *room = bnc_mem_array(3 * states + 2 * edges, sizeof *room);
  if (a->distance && a->matters && room) measure(a, room, room + 3 * states, room + 3 * states + edges, room + states);
  const bool failed = !a->distance || !a->matters || !room;
  bnc_mem_free(room);
  return failed ? bnc_fail_memory(err, (4 * states + 2 * edges) * sizeof *room) : BNC_OK;
}

/* For every state of a small language, and for some of a large one. */
static bnc_status reserve(bnc_automaton *a, bnc_error *err) {
  const size_t states = a->nfa.states, fit = TABLE_BYTES / (a->classes * sizeof *a->table);
  a->capacity = (uint32_t)(fit < FEWEST_STATES ? FEWEST_STATES : fit > MOST_STATES ? MOST_STATES : fit);
  a->pool_capacity = POOL;
  a->bucket_count = 2 * MOST_STATES;
  a->table = bnc_mem_alloc((size_t)a->capacity * a->classes * sizeof *a->table);
  a->states = bnc_mem_alloc(a->capacity * sizeof *a->states);
  a->pool = bnc_mem_alloc(a->pool_capacity * sizeof *a->pool);
  a->buckets = bnc_mem_alloc(a->bucket_count * sizeof *a->buckets);
  a->seen = bnc_mem_array((states + 63) / 64, sizeof *a->seen);
  a->stack = bnc_mem_alloc(states * sizeof *a->stack);
  if (a->table && a->states && a->pool && a->buckets && a->seen && a->stack) return BNC_OK;
  return bnc_fail_memory(err, bnc_automaton_bytes(a));
}

bnc_status bnc_automaton_create(bnc_automaton *a, bnc_nfa *nfa, uint32_t start, uint32_t accept, const bool single[256], bool strips,
                                bnc_error *err) {
  *a = (bnc_automaton){.nfa = *nfa, .accept = accept};
  *nfa = (bnc_nfa){0};
  a->start = strips ? strip_space(&a->nfa, start, accept) : start;
  bnc_status s = a->nfa.status;
  if (s == BNC_OK) {
    find_classes(a, single);
    s = measure_all(a, err);
  }
  if (s == BNC_OK && a->distance[a->start] == UINT32_MAX)
    s = bnc_fail(err, BNC_ERROR_ARGUMENT, "no text that the model's tokens can write is what the constraint asks for");
  if (s == BNC_OK) s = reserve(a, err);
  if (s == BNC_OK) bnc_automaton_clear(a);
  if (s != BNC_OK) bnc_automaton_free(a);
  return s;
}

void bnc_automaton_free(bnc_automaton *a) {
  bnc_nfa_free(&a->nfa);
  void *const blocks[] = {a->distance, a->matters, a->table, a->states, a->pool, a->buckets, a->seen, a->stack};
  for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) bnc_mem_free(blocks[i]);
  *a = (bnc_automaton){0};
}

size_t bnc_automaton_bytes(const bnc_automaton *a) {
  return (size_t)a->capacity * (a->classes * sizeof *a->table + sizeof *a->states) +
         (a->pool_capacity + a->bucket_count) * sizeof *a->pool + a->nfa.states * (2 * sizeof *a->stack + sizeof *a->nfa.first) +
         a->nfa.edge_count * sizeof *a->nfa.edges;
}
