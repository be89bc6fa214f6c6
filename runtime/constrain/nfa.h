/* SPDX-License-Identifier: Apache-2.0 */
/** @file nfa.h  Builds a nondeterministic automaton over bytes. What writes a language goes from state to state: it is given the state to
    begin at and returns the one where it ends. The first failure is kept, and all calls behind it do nothing. */
#ifndef BINOCLE_RUNTIME_CONSTRAIN_NFA_H
#define BINOCLE_RUNTIME_CONSTRAIN_NFA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "platforms/base/error.h"
#include "runtime/constrain/characters.h"

#define BNC_NFA_STATES ((size_t)1 << 17)
#define BNC_NFA_EDGES ((size_t)1 << 19)
#define BNC_NFA_WORK ((size_t)1 << 20) /* steps of what writes it: a repeated nothing makes no states, but takes time */
#define BNC_NFA_NONE UINT32_MAX

typedef struct bnc_nfa_edge {
  uint32_t to, next; /* next: another edge of the same state, or NONE */
  uint8_t low, high; /* the bytes that it is for */
  bool jump;         /* it is for none: the empty text */
} bnc_nfa_edge;

typedef struct bnc_nfa {
  uint32_t *first; /* [states]: the first edge of each, or NONE */
  bnc_nfa_edge *edges;
  size_t states, state_capacity, edge_count, edge_capacity, work;
  bnc_status status;
  bnc_error *err; /* of the first failure */
} bnc_nfa;

void bnc_nfa_free(bnc_nfa *nfa);
/** False once something failed or too much was written: whoever repeats something asks. */
bool bnc_nfa_goes_on(bnc_nfa *nfa);
/** A new state without edges; 0 once something failed. */
uint32_t bnc_nfa_state(bnc_nfa *nfa);
void bnc_nfa_bytes(bnc_nfa *nfa, uint32_t from, uint8_t low, uint8_t high, uint32_t to);
void bnc_nfa_jump(bnc_nfa *nfa, uint32_t from, uint32_t to);
/** Exactly these bytes; where they end. */
uint32_t bnc_nfa_text(bnc_nfa *nfa, uint32_t from, const char *text, size_t size);
/** One character of the set in UTF-8. */
void bnc_nfa_characters(bnc_nfa *nfa, uint32_t from, const bnc_characters *set, uint32_t to);

#endif
