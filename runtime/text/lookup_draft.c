/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/text/lookup_draft.h"

enum { LEAST_MATCH = 2, MOST_MATCH = 5, MOST_LENGTH = 16, SEARCHED = 4096 };

/* How many ids before `at` equal those at the end, at most MOST_MATCH. */
static size_t match_at(const int32_t *ids, size_t count, size_t at) {
  size_t n = 0;
  while (n < MOST_MATCH && n < at && ids[at - 1 - n] == ids[count - 1 - n]) n++;
  return n;
}

size_t bnc_lookup_draft_guess(const bnc_lookup_draft *draft, const int32_t *ids, size_t count, int32_t *guess, size_t most) {
  const size_t first = count > SEARCHED ? count - SEARCHED : 0;
  size_t best = draft->match - 1, from = 0, n = 0;
  for (size_t at = count; at-- > first + 1;) { /* `at` goes on behind a match that ends before it */
    const size_t match = match_at(ids, count, at);
    if (match <= best) continue;
    best = match;
    from = at;
    if (best == MOST_MATCH) break;
  }
  if (from == 0) return 0;
  if (most > draft->length) most = draft->length;
  for (; n < most; n++) { /* a run that reaches the end goes on with itself */
    const int32_t id = from + n < count ? ids[from + n] : guess[from + n - count];
    if (id < 0) break;
    guess[n] = id;
  }
  return n;
}

void bnc_lookup_draft_learn(bnc_lookup_draft *draft, size_t guessed, size_t came) {
  if (guessed == 0) return;
  if (came == 0) {
    if (draft->match < MOST_MATCH) draft->match++;
  } else if (draft->match > LEAST_MATCH) {
    draft->match--;
  }
  draft->length = came == guessed ? draft->length + 2 : came + 1;
  if (draft->length > MOST_LENGTH) draft->length = MOST_LENGTH;
}
