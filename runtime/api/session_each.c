/* SPDX-License-Identifier: Apache-2.0 */
/* Logits behind every id of a text, for those who measure how well it was foreseen. */
#include "platforms/base/clock.h"
#include "runtime/api/session_private.h"

typedef struct each {
  bnc_session *session;
  const int32_t *ids;       /* [count] */
  size_t count, done, rows; /* rows of this chunk */
  bnc_on_logits on_logits;
  void *user;
} each;

static bool report(void *context, size_t done, size_t total) {
  const each *e = context;
  const double chunk = (double)e->rows * (double)done / (double)total;
  return bnc_session_report(e->session, "reading the prompt", ((double)e->done + chunk) / (double)e->count);
}

static bnc_status check(bnc_session *s, const int32_t *ids, size_t count) {
  const bnc_file_meta *m = &s->model->file.meta;
  for (size_t i = 0; i < count; i++)
    if (ids[i] < 0 || (uint32_t)ids[i] >= m->vocabulary)
      return bnc_fail(&s->error, BNC_ERROR_ARGUMENT, "id %d at position %zu, expected 0 to %u", ids[i], i, m->vocabulary - 1);
  if (s->rows <= m->context && count <= m->context - s->rows) return BNC_OK;
  return bnc_fail(&s->error, BNC_ERROR_LIMIT, "the conversation has %zu rows and %zu more do not fit into the context of %u", s->rows,
                  count, m->context);
}

static bnc_status tell(const each *e, size_t first, size_t count, const float *logits, size_t stride) {
  if (e->on_logits(e->user, first, count, logits, stride) == 0) return BNC_OK;
  return bnc_fail(&e->session->error, BNC_ERROR_CANCELLED, "cancelled");
}

/* The rows of a chunk are in the cache; the outputs behind them follow, some at a time. */
static bnc_status finish_chunk(each *e) {
  bnc_session *s = e->session;
  bnc_status status = BNC_OK;
  for (size_t at = 0; status == BNC_OK && at < e->rows;) {
    bnc_output_rows out = {0};
    status = bnc_executor_outputs(s->executor, at, s->rows, &out, &s->error);
    if (status == BNC_OK) status = tell(e, e->done + at, out.rows, out.data, out.stride);
    if (status != BNC_OK) break;
    s->logits = out.data + (out.rows - 1) * out.stride;
    at += out.rows;
  }
  return status;
}

static bnc_status run_chunks(each *e) {
  bnc_session *s = e->session;
  const size_t capacity = bnc_executor_capacity(s->executor, BNC_PROGRAM_PREFILL);
  const bnc_run_hooks hooks = {.context = e, .step = report};
  bnc_status status = BNC_OK;
  for (; status == BNC_OK && e->done < e->count; e->done += e->rows) {
    e->rows = e->count - e->done < capacity ? e->count - e->done : capacity;
    bnc_executor_embed(s->executor, e->ids + e->done, e->rows, bnc_executor_input(s->executor, BNC_PROGRAM_PREFILL));
    status = bnc_executor_run_outputs(s->executor, e->rows, s->rows, &hooks, &s->error);
    if (status == BNC_OK) status = finish_chunk(e);
    if (status == BNC_OK) status = bnc_model_file_unchanged(&s->model->file, &s->error);
    if (status == BNC_OK) s->rows += e->rows;
  }
  return status;
}

/* A model whose prefill program is not made for it: one by one. */
static bnc_status run_singly(each *e) {
  bnc_session *s = e->session;
  bnc_status status = BNC_OK;
  for (; status == BNC_OK && e->done < e->count; e->done++) {
    status = bnc_session_append(s, e->ids + e->done, 1);
    if (status == BNC_OK) status = tell(e, e->done, 1, s->logits, s->model->file.meta.vocabulary);
  }
  return status;
}

static bnc_status prepare(bnc_session *s) {
  pthread_mutex_lock(&s->model->lock); /* sessions share the packed weights */
  const bnc_status status = bnc_executor_outputs_create(s->executor, &s->error);
  pthread_mutex_unlock(&s->model->lock);
  return status;
}

static bnc_status append_each(bnc_session *s, each *e) {
  const uint64_t start = bnc_clock_ns();
  const size_t before = s->rows, history = s->history.count;
  bnc_status status = prepare(s);
  if (status == BNC_ERROR_UNSUPPORTED) return run_singly(e);
  if (status == BNC_OK) status = bnc_model_file_unchanged(&s->model->file, &s->error);
  if (status == BNC_OK) status = bnc_ids_append(&s->history, e->ids, e->count, &s->error);
  if (status != BNC_OK) return status;
  if (!s->started) s->opening.count = s->opening_rows = 0; /* its rows are about to be overwritten */
  status = run_chunks(e);
  if (status != BNC_OK) {
    s->rows = before;
    s->history.count = history;
    s->logits = NULL;
    return status;
  }
  s->started = true;
  s->cut = false;
  s->last_id = e->ids[e->count - 1];
  s->statistics.prefill_rows += e->count;
  s->statistics.prefill_seconds += (double)(bnc_clock_ns() - start) * 1e-9;
  return BNC_OK;
}

bnc_status bnc_session_append_each(bnc_session *session, const int32_t *ids, size_t count, bnc_on_logits on_logits, void *user) {
  if (!session) return BNC_ERROR_ARGUMENT;
  if (!ids || count == 0 || !on_logits) return bnc_fail(&session->error, BNC_ERROR_ARGUMENT, "append_each needs ids and a callback");
  bnc_status status = check(session, ids, count);
  if (status == BNC_OK && session->pending >= 0) status = bnc_session_append(session, NULL, 0);
  each e = {.session = session, .ids = ids, .count = count, .on_logits = on_logits, .user = user};
  return status == BNC_OK ? append_each(session, &e) : status;
}
