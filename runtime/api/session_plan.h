/* SPDX-License-Identifier: Apache-2.0 */
/** @file session_plan.h  How a session is made to fit into memory: context, KV cache, and which weights stay. */
#ifndef BINOCLE_RUNTIME_API_SESSION_PLAN_H
#define BINOCLE_RUNTIME_API_SESSION_PLAN_H

#include "runtime/api/session_private.h"

typedef struct bnc_session_plan {
  uint64_t room;      /* bytes that all may take */
  const char *bound;  /* what leaves no more */
  bool limited;       /* by the caller */
  bool pixels_chosen; /* by the caller */
  uint64_t needed;    /* by all but mapped weights */
  uint64_t whole;     /* by that and all weights */
  uint64_t weights;   /* of a program at most, or of all where nothing asks to spare them */
} bnc_session_plan;

/** With the pool made: sets context and cache of session->file. BNC_ERROR_LIMIT where no plan fits. */
bnc_status bnc_session_plan_make(bnc_session *session, const bnc_session_settings *settings, bnc_session_plan *plan, bnc_error *err);
/** With the executor made: limits its weights, and under a limit the session's pictures, to what is left, and says so where that is not
 * all of them. */
bnc_status bnc_session_plan_apply(bnc_session *session, const bnc_session_plan *plan, bnc_error *err);

#endif
