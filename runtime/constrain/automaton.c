/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/constrain/automaton.h"

#include <string.h>

static uint32_t hash_set(const uint32_t *set, size_t count) {
  uint32_t h = 2166136261u;
  for (size_t i = 0; i < count; i++) h = (h ^ set[i]) * 16777619u;
  return h ^ h >> 15;
}

/* What was seen in a step. */
typedef struct sight {
  uint32_t lowest, highest; /* state; lowest > highest: none */
  size_t held;              /* of the stack */
} sight;

static void see_one(bnc_automaton *a, uint32_t state, sight *seen) {
  if (a->distance[state] == UINT32_MAX || (a->seen[state / 64] >> state % 64 & 1)) return;
  a->seen[state / 64] |= UINT64_C(1) << state % 64;
  a->stack[seen->held++] = state;
  if (state < seen->lowest) seen->lowest = state;
  if (state > seen->highest) seen->highest = state;
}

/* A state and all that jumps lead to. */
static void see(bnc_automaton *a, uint32_t state, sight *seen) {
  see_one(a, state, seen);
  while (seen->held) {
    state = a->stack[--seen->held];
    for (uint32_t e = a->nfa.first[state]; e != BNC_NFA_NONE; e = a->nfa.edges[e].next, a->work++)
      if (a->nfa.edges[e].jump) see_one(a, a->nfa.edges[e].to, seen);
  }
}

/* Moves what was seen behind the pool's used part, in order; its count, or FULL. */
static uint32_t gather(bnc_automaton *a, const sight *seen) {
  size_t at = a->pool_used;
  bool room = true;
  for (size_t w = seen->lowest / 64; w <= seen->highest / 64; w++, a->work++) {
    uint64_t bits = a->seen[w] & a->matters[w];
    a->seen[w] = 0;
    for (; bits; bits &= bits - 1) {
      if (at < a->pool_capacity)
        a->pool[at++] = (uint32_t)(64 * w + (size_t)__builtin_ctzll(bits));
      else
        room = false;
    }
  }
  return room ? (uint32_t)(at - a->pool_used) : BNC_AUTOMATON_FULL;
}

/* The state of the set of `count` behind the pool's used part: one that is known, or a new one. */
static uint32_t intern(bnc_automaton *a, uint32_t count) {
  const uint32_t *set = a->pool + a->pool_used;
  uint32_t *bucket = &a->buckets[hash_set(set, count) % a->bucket_count];
  for (uint32_t s = *bucket; s != BNC_AUTOMATON_DEAD; s = a->states[s].next)
    if (a->states[s].count == count && memcmp(a->pool + a->states[s].set, set, count * sizeof *set) == 0) return s;
  if (a->count == a->capacity) return BNC_AUTOMATON_FULL;
  bnc_automaton_state made = {
      .set = (uint32_t)a->pool_used, .count = count, .distance = UINT32_MAX, .tokens = UINT32_MAX, .next = *bucket, .mask = -1};
  for (uint32_t i = 0; i < count; i++) {
    if (a->distance[set[i]] < made.distance) made.distance = a->distance[set[i]];
    if (set[i] == a->accept)
      made.accepts = true;
    else
      made.goes_on = true;
  }
  for (uint32_t c = 0; c < a->classes; c++) a->table[(size_t)a->count * a->classes + c] = BNC_AUTOMATON_FULL;
  a->pool_used += count;
  a->states[a->count] = made;
  *bucket = a->count;
  return a->count++;
}

void bnc_automaton_clear(bnc_automaton *a) {
  a->count = 0;
  a->pool_used = 0;
  memset(a->buckets, 0xFF, a->bucket_count * sizeof *a->buckets);
}

uint32_t bnc_automaton_begin(bnc_automaton *a) {
  sight seen = {.lowest = UINT32_MAX};
  see(a, a->start, &seen);
  const uint32_t count = gather(a, &seen);
  return count == BNC_AUTOMATON_FULL ? count : intern(a, count);
}

uint32_t bnc_automaton_forget(bnc_automaton *a, uint32_t keep) {
  const bnc_automaton_state kept = a->states[keep];
  bnc_automaton_clear(a);
  memmove(a->pool, a->pool + kept.set, kept.count * sizeof *a->pool);
  return intern(a, kept.count);
}

uint32_t bnc_automaton_make(bnc_automaton *a, uint32_t from, uint32_t class_) {
  const bnc_automaton_state *state = &a->states[from];
  const uint8_t byte = a->example[class_];
  sight seen = {.lowest = UINT32_MAX};
  if (a->work > BNC_AUTOMATON_WORK) return BNC_AUTOMATON_FULL;
  for (uint32_t i = 0; i < state->count; i++) {
    for (uint32_t e = a->nfa.first[a->pool[state->set + i]]; e != BNC_NFA_NONE; e = a->nfa.edges[e].next, a->work++) {
      const bnc_nfa_edge *edge = &a->nfa.edges[e];
      if (!edge->jump && edge->low <= byte && byte <= edge->high) see(a, edge->to, &seen);
    }
  }
  const uint32_t count = gather(a, &seen);
  if (count == BNC_AUTOMATON_FULL) return count;
  const uint32_t to = count ? intern(a, count) : BNC_AUTOMATON_DEAD;
  a->table[(size_t)from * a->classes + class_] = to;
  return to;
}

int bnc_automaton_way(bnc_automaton *a, uint32_t *state) {
  const uint32_t closer = a->states[*state].distance - 1;
  for (uint32_t c = 0; c < a->classes; c++) {
    if (a->spelled[c] < 0) continue;
    const uint32_t to = bnc_automaton_step(a, *state, (uint8_t)a->spelled[c]);
    if (to == BNC_AUTOMATON_FULL) return -1;
    if (to == BNC_AUTOMATON_DEAD || a->states[to].distance != closer) continue;
    *state = to;
    return a->spelled[c];
  }
  return -1;
}
