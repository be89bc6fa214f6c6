/* SPDX-License-Identifier: Apache-2.0 */
/** @file automaton.h  A language as a deterministic automaton, whose states are made when they are first come to, in memory of a fixed size
    that is had beforehand. Where it is full, all states but one are forgotten.

    No state leads nowhere: from each, some bytes of BNC_AUTOMATON's alphabet `spelled` lead to an end, and how many at least is known. */
#ifndef BINOCLE_RUNTIME_CONSTRAIN_AUTOMATON_H
#define BINOCLE_RUNTIME_CONSTRAIN_AUTOMATON_H

#include "runtime/constrain/nfa.h"

/** States by number; special values of what a step leads to. */
#define BNC_AUTOMATON_DEAD UINT32_MAX        /* no text of the language goes on so */
#define BNC_AUTOMATON_FULL (UINT32_MAX - 1)  /* the memory is full, or a step takes too long */
#define BNC_AUTOMATON_WORK ((size_t)1 << 26) /* elementary steps without a call of bnc_automaton_rest */

typedef struct bnc_automaton_state {
  uint32_t set, count;   /* its states of the nfa: pool[set .. set + count) */
  uint32_t distance;     /* bytes to an end at least */
  uint32_t tokens;       /* tokens to an end that are known to do, or UINT32_MAX: not counted yet */
  uint32_t next;         /* another state of the same hash, or DEAD */
  int32_t mask;          /* where its mask is kept, or -1 */
  bool accepts, goes_on; /* the text may end here; it may go on */
} bnc_automaton_state;

typedef struct bnc_automaton {
  bnc_nfa nfa;
  uint32_t start, accept, *distance; /* of the nfa; distance: [nfa.states], UINT32_MAX: leads nowhere */
  uint64_t *matters;                 /* bits [nfa.states]: it accepts, or a byte leads on from it */
  uint8_t class_of[256];             /* bytes of a class lead to the same everywhere */
  uint32_t classes;
  int16_t spelled[256]; /* [classes]: the lowest byte of it that is a token, or -1 */
  uint8_t example[256]; /* [classes]: any byte of it */
  uint32_t longest;     /* the greatest distance of all */
  uint32_t *table;      /* [capacity, classes] */
  bnc_automaton_state *states;
  uint32_t count, capacity;
  uint32_t *pool, *buckets; /* [pool_capacity], [bucket_count] */
  size_t pool_used, pool_capacity, bucket_count;
  uint64_t *seen;  /* bits [nfa.states], all zero between steps */
  uint32_t *stack; /* [nfa.states] */
  size_t work;
} bnc_automaton;

/** Takes over a language from start to accept; nfa is empty afterwards. single[b]: byte b is a token. strips: a space in front of the text
 * is dropped before anyone sees it. BNC_ERROR_ARGUMENT: no text at all can be written. */
bnc_status bnc_automaton_create(bnc_automaton *automaton, bnc_nfa *nfa, uint32_t start, uint32_t accept, const bool single[256],
                                bool strips, bnc_error *err);
void bnc_automaton_free(bnc_automaton *automaton);
size_t bnc_automaton_bytes(const bnc_automaton *automaton);

/** The state at the beginning, or FULL. */
uint32_t bnc_automaton_begin(bnc_automaton *automaton);
/** Forgets every state. */
void bnc_automaton_clear(bnc_automaton *automaton);
/** Forgets every state but one, which gets another number. */
uint32_t bnc_automaton_forget(bnc_automaton *automaton, uint32_t keep);
/** What has been done no longer counts as work. */
static inline void bnc_automaton_rest(bnc_automaton *automaton) { automaton->work = 0; }

uint32_t bnc_automaton_make(bnc_automaton *automaton, uint32_t from, uint32_t class_);
/** The state that a byte leads to, or DEAD or FULL. */
static inline uint32_t bnc_automaton_step(bnc_automaton *a, uint32_t from, uint8_t byte) {
  const uint32_t class_ = a->class_of[byte], to = a->table[(size_t)from * a->classes + class_];
  return to != BNC_AUTOMATON_FULL ? to : bnc_automaton_make(a, from, class_);
}
/** The first byte of the shortest way to an end: of equally short ones that of the lowest bytes. -1: FULL. Not for an end itself. */
int bnc_automaton_way(bnc_automaton *automaton, uint32_t *state);

#endif
