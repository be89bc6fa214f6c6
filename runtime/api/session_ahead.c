/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/api/session_ahead.h"

#include "platforms/base/clock.h"

/* The pending token's row is in the cache now, and its logits are there. */
static bnc_status accept(bnc_session *s, bnc_program_id program) {
  const bnc_status status = bnc_ids_append(&s->history, &s->pending, 1, &s->error);
  if (status != BNC_OK) return status;
  s->statistics.decode_tokens++;
  s->rows++;
  s->last_id = s->pending;
  s->pending = -1;
  s->logits = bnc_executor_output(s->executor, program);
  return BNC_OK;
}

/* The pending token and what may follow it. */
static bnc_status guess(bnc_session *s, bnc_ahead *a, size_t wanted) {
  const size_t room = s->file.meta.context - s->rows, rows = bnc_executor_each_rows(s->executor);
  size_t most = wanted < room ? wanted : room;
  if (most > rows) most = rows;
  bnc_lookup_draft_learn(&a->draft, a->count ? a->count - 1 : 0, a->at);
  a->count = a->at = 0;
  if (a->draft.length == 0 || most < 2 || (s->profile && !s->profile->end)) return BNC_OK;
  const bnc_status status = bnc_ids_append(&s->history, &s->pending, 1, &s->error);
  if (status != BNC_OK) return status;
  const size_t n = bnc_lookup_draft_guess(&a->draft, s->history.data, s->history.count, a->id + 1, most - 1);
  s->history.count--;
  a->id[0] = s->pending;
  a->count = n ? n + 1 : 0;
  a->position = s->rows;
  s->statistics.guessed_tokens += n;
  return BNC_OK;
}

static bnc_status compute(bnc_session *s, bnc_ahead *a) {
  if (a->count == 0) {
    bnc_executor_embed(s->executor, &s->pending, 1, bnc_executor_input(s->executor, BNC_PROGRAM_DECODE));
    return bnc_session_run(s, BNC_PROGRAM_DECODE, 1, NULL, NULL);
  }
  bnc_executor_embed(s->executor, a->id, a->count, bnc_executor_input(s->executor, BNC_PROGRAM_PREFILL));
  const bnc_status status = bnc_executor_run_each(s->executor, a->count, a->position, &s->error);
  return status == BNC_OK ? bnc_executor_finish_row(s->executor, 0, a->position, &s->error) : status;
}

bnc_status bnc_session_decode(bnc_session *s, bnc_ahead *a, size_t wanted) {
  const uint64_t start = bnc_clock_ns();
  bnc_status status;
  if (a->at + 1 < a->count && a->id[a->at + 1] == s->pending) {
    s->statistics.guessed_right++;
    status = bnc_executor_finish_row(s->executor, ++a->at, a->position, &s->error);
  } else {
    status = guess(s, a, wanted);
    if (status == BNC_OK) status = compute(s, a);
  }
  if (status == BNC_OK) status = bnc_model_file_unchanged(&s->model->file, &s->error);
  if (status == BNC_OK) status = accept(s, a->count ? BNC_PROGRAM_PREFILL : BNC_PROGRAM_DECODE);
  if (status != BNC_OK) s->logits = NULL;
  s->statistics.decode_seconds += (double)(bnc_clock_ns() - start) * 1e-9;
  return status;
}
