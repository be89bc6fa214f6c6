/* SPDX-License-Identifier: Apache-2.0 */
/** @file lookup_draft.h  Guesses how a text goes on: as it did where its last words stood before. Answers repeat the question, lists and
    JSON repeat themselves (prompt lookup decoding, Saxena 2023). */
#ifndef BINOCLE_RUNTIME_TEXT_LOOKUP_DRAFT_H
#define BINOCLE_RUNTIME_TEXT_LOOKUP_DRAFT_H

#include <stddef.h>
#include <stdint.h>

/** How bold to guess; learns from how guesses came out. */
typedef struct bnc_lookup_draft {
  size_t length; /* ids to guess */
  size_t match;  /* last ids that must have stood before in a row */
} bnc_lookup_draft;

static inline bnc_lookup_draft bnc_lookup_draft_begin(void) { return (bnc_lookup_draft){3, 2}; }

/** Up to `most` ids that may follow ids [count], out of ids themselves: what followed the latest place that the longest run of last ids
    stood at before. Returns how many; pictures are never guessed. */
size_t bnc_lookup_draft_guess(const bnc_lookup_draft *draft, const int32_t *ids, size_t count, int32_t *guess, size_t most);

/** So many of the guessed ids came. */
void bnc_lookup_draft_learn(bnc_lookup_draft *draft, size_t guessed, size_t came);

#endif
