/* SPDX-License-Identifier: Apache-2.0 */
/** @file session_ahead.h  Decoding that may guess some tokens ahead and compute their rows together with the one that is due: rows beside
    each other cost little more than one, which is bound by reading the weights. Every token is still drawn from logits of its own, which
    have the same bits either way, so guesses change how long an answer takes and nothing else. */
#ifndef BINOCLE_RUNTIME_API_SESSION_AHEAD_H
#define BINOCLE_RUNTIME_API_SESSION_AHEAD_H

#include "runtime/api/session_private.h"
#include "runtime/text/lookup_draft.h"

/** The rows that were computed together last, in one answer. All zeros: none, and none will be. */
typedef struct bnc_ahead {
  bnc_lookup_draft draft; /* length 0: no guesses */
  int32_t id[BNC_EACH_ROWS];
  size_t count, at; /* of id; whose logits came last */
  size_t position;  /* the row of id[0] */
} bnc_ahead;

/** Puts the pending token into the cache; its logits follow. wanted: how many tokens, itself among them, are of use at most. */
bnc_status bnc_session_decode(bnc_session *session, bnc_ahead *ahead, size_t wanted);

#endif
