/* SPDX-License-Identifier: Apache-2.0 */
/* Answers out of the KV cache: draw a token, tell it, put it into the cache. */
#include <math.h>
#include <string.h>

#include "platforms/base/mem.h"
#include "platforms/base/sized.h"
#include "runtime/api/session_ahead.h"
#include "runtime/text/log_probability.h"
#include "runtime/text/sampler.h"
#include "runtime/text/stop_texts.h"

void bnc_sampling_init(bnc_sampling *sampling) {
  if (sampling) *sampling = (bnc_sampling){.size = sizeof *sampling, .top_p = 1.0, .max_tokens = 256};
}

/* One answer. */
typedef struct answer {
  bnc_session *session;
  bnc_sampling settings;
  bnc_sampler *sampler;
  bnc_stop_texts stops;
  bnc_ahead ahead;
  bnc_on_text on_text; /* may be NULL */
  void *user;
  bool caller_stops; /* a callback's answer */
} answer;

static bool is_stop(const bnc_file_meta *m, int32_t id) {
  for (uint32_t i = 0; i < m->stops; i++)
    if (m->stop[i] == id) return true;
  return false;
}

static void give(answer *a, int32_t id, const char *text, size_t length) {
  if (a->on_text && (id >= 0 || length > 0)) a->caller_stops = a->on_text(a->user, id, text, length) != 0 || a->caller_stops;
}

/* The text that a token settles goes through the stop texts to the caller. */
static bnc_status tell(answer *a, int32_t id) {
  bnc_session *s = a->session;
  const char *text = "";
  size_t length = 0;
  bnc_status status = s->detokenizer ? bnc_detokenizer_push(s->detokenizer, id, &text, &length, &s->error) : BNC_OK;
  if (status == BNC_OK) status = bnc_stop_texts_push(&a->stops, text, length, &text, &length, &s->error);
  if (status == BNC_OK) give(a, id, text, length);
  return status;
}

/* What detokenizer and stop texts still hold. */
static bnc_status tell_end(answer *a) {
  bnc_session *s = a->session;
  const char *text = "";
  size_t length = 0;
  if (s->detokenizer) bnc_detokenizer_finish(s->detokenizer, &text, &length);
  bnc_status status = bnc_stop_texts_push(&a->stops, text, length, &text, &length, &s->error);
  if (status != BNC_OK) return status;
  give(a, -1, text, length);
  bnc_stop_texts_finish(&a->stops, &text, &length);
  give(a, -1, text, length);
  return BNC_OK;
}

static void note_token(answer *a, int32_t id) {
  bnc_session *s = a->session;
  const size_t count = s->model->file.meta.vocabulary;
  bnc_token *t = &s->token;
  *t = (bnc_token){.id = id, .logprob = NAN};
  if (!a->settings.logprobs) return;
  const double all = bnc_log_sum_exp(s->logits, count);
  t->logprob = (float)((double)s->logits[id] - all);
  t->top_count = (uint32_t)bnc_top_logits(s->logits, count, BNC_TOP_TOKENS, t->top_id);
  for (uint32_t i = 0; i < t->top_count; i++) t->top_logprob[i] = (float)((double)s->logits[t->top_id[i]] - all);
}

/* How many tokens may be drawn behind the next one, which follows `drawn` others. */
static size_t room_behind(const answer *a, uint32_t drawn) {
  const bnc_session *s = a->session;
  const size_t rows = s->model->file.meta.context - s->rows, left = a->settings.max_tokens ? a->settings.max_tokens - drawn - 1 : SIZE_MAX;
  return rows < left ? rows : left;
}

/* The next token; -1 where the answer's form leaves none, since there is no room for more. */
static bnc_status draw(answer *a, uint32_t drawn, int32_t *id) {
  bnc_session *s = a->session;
  const uint32_t *mask = NULL;
  if (!s->constraint) return bnc_sampler_next(a->sampler, s->logits, id, &s->error);
  *id = -1;
  bnc_status status = bnc_constraint_mask(s->constraint, room_behind(a, drawn), &mask, &s->error);
  if (status != BNC_OK || !mask) return status;
  status = bnc_sampler_next(a->sampler, bnc_constraint_apply(s->constraint, mask, s->logits), id, &s->error);
  if (status == BNC_OK) *id = bnc_constraint_correct(s->constraint, mask, *id);
  return status;
}

/* Draws and tells one token behind `drawn` others; *finish is set where the answer is over. */
static bnc_status step(answer *a, uint32_t drawn, bool *over, bnc_finish *finish) {
  bnc_session *s = a->session;
  const bnc_file_meta *m = &s->file.meta;
  int32_t id;
  *over = true;
  if (s->pending >= 0) {
    *finish = BNC_FINISH_CONTEXT;
    if (s->rows >= m->context) return BNC_OK;
    bnc_status status = bnc_session_decode(s, &a->ahead, a->settings.max_tokens ? a->settings.max_tokens - drawn : SIZE_MAX);
    if (status != BNC_OK) return status;
  }
  const uint64_t start = bnc_profile_now(s->profile);
  bnc_status status = draw(a, drawn, &id);
  *finish = BNC_FINISH_LENGTH;
  if (status != BNC_OK || id < 0) return status;
  note_token(a, id);
  status = bnc_profile_add_phase(s->profile, BNC_PHASE_SAMPLING, start, &s->error);
  if (status != BNC_OK) return status;
  *finish = BNC_FINISH_STOP;
  if (!a->settings.ignore_stop && is_stop(m, id)) return BNC_OK;
  s->pending = id;
  status = tell(a, id);
  if (status == BNC_OK && s->constraint) status = bnc_constraint_take(s->constraint, id, &s->error);
  if (status != BNC_OK || a->stops.met) return status;
  if (s->constraint && bnc_constraint_is_over(s->constraint)) return BNC_OK;
  *finish = BNC_FINISH_CALLER;
  *over = bnc_session_report(s, "answering", 0.0) || a->caller_stops;
  return BNC_OK;
}

/* The answer's form, if it has one; *over where that is the empty text. */
static bnc_status begin_form(answer *a, bool *over) {
  bnc_session *s = a->session;
  if (!s->constraint) return BNC_OK;
  const size_t rows = s->model->file.meta.context - s->rows + (s->pending < 0),
               most = a->settings.max_tokens ? a->settings.max_tokens : SIZE_MAX;
  const bnc_status status = bnc_constraint_begin(s->constraint, rows < most ? rows : most, !a->settings.ignore_stop, &s->error);
  *over = status == BNC_OK && bnc_constraint_is_over(s->constraint);
  return status;
}

static bnc_status generate(answer *a, bnc_finish *finish) {
  bool over = false;
  bnc_status status = begin_form(a, &over);
  for (uint32_t n = 0; status == BNC_OK && !over; n++) {
    if (a->settings.max_tokens && n == a->settings.max_tokens) {
      *finish = BNC_FINISH_LENGTH;
      break;
    }
    status = step(a, n, &over, finish);
  }
  if (status == BNC_OK) status = tell_end(a);
  if (a->stops.met) *finish = BNC_FINISH_STOP; /* perhaps by the very last piece */
  return status;
}

static bnc_status check_stops(const bnc_sampling *o, bnc_error *err) {
  if (o->stop_count > BNC_STOP_TEXTS)
    return bnc_fail(err, BNC_ERROR_ARGUMENT, "%zu stop texts, expected at most %d", o->stop_count, BNC_STOP_TEXTS);
  if (o->stop_count && !o->stop) return bnc_fail(err, BNC_ERROR_ARGUMENT, "%zu stop texts, but none is given", o->stop_count);
  for (size_t i = 0; i < o->stop_count; i++) {
    const size_t length = o->stop[i] ? strnlen(o->stop[i], BNC_STOP_BYTES + 1) : 0;
    if (length == 0 || length > BNC_STOP_BYTES)
      return bnc_fail(err, BNC_ERROR_ARGUMENT, "stop text %zu is %s, expected 1 to %d bytes", i, length ? "longer" : "empty",
                      BNC_STOP_BYTES);
  }
  return BNC_OK;
}

bnc_status bnc_session_generate(bnc_session *session, const bnc_sampling *sampling, bnc_on_text on_text, void *user, bnc_finish *finish) {
  if (!session) return BNC_ERROR_ARGUMENT;
  bnc_error *err = &session->error;
  answer a = {.session = session, .on_text = on_text, .user = user};
  bnc_finish how = BNC_FINISH_STOP;
  if (!session->logits && session->pending < 0) return bnc_fail(err, BNC_ERROR_ARGUMENT, "nothing was asked");
  if (sampling && !bnc_sized_is_set(sampling)) return bnc_fail(err, BNC_ERROR_ARGUMENT, "sampling has no size: bnc_sampling_init sets it");
  bnc_sampling_init(&a.settings);
  if (sampling) bnc_sized_read(&a.settings, sizeof a.settings, sampling);
  bnc_status s = check_stops(&a.settings, err);
  if (s != BNC_OK) return s;
  a.stops = (bnc_stop_texts){.texts = a.settings.stop, .count = a.settings.stop_count};
  if (a.settings.draft > BNC_DRAFT_LOOKUP)
    return bnc_fail(err, BNC_ERROR_ARGUMENT, "found draft %u, expected a bnc_draft", a.settings.draft);
  if (a.settings.draft == BNC_DRAFT_LOOKUP) a.ahead.draft = bnc_lookup_draft_begin();
  const bnc_sampler_settings how_drawn = {(float)a.settings.temperature, a.settings.top_k, (float)a.settings.top_p, a.settings.seed};
  s = bnc_sampler_create(&a.sampler, session->model->file.meta.vocabulary, &how_drawn, err);
  if (s != BNC_OK) return s;
  s = generate(&a, &how);
  bnc_sampler_free(a.sampler);
  bnc_stop_texts_free(&a.stops);
  if (finish) *finish = how;
  return s;
}

bnc_status bnc_session_token(const bnc_session *session, bnc_token *token) {
  if (!session || !bnc_sized_is_set(token)) return BNC_ERROR_ARGUMENT;
  if (session->token.id < 0) return BNC_ERROR_ARGUMENT;
  bnc_sized_write(token, &session->token, sizeof *token);
  return BNC_OK;
}
