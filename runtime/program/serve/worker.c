/* SPDX-License-Identifier: Apache-2.0 */
/* A thread that takes questions from the queue and answers them with a session of its own. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/program/serve/serve.h"

#define PROGRESS_SECONDS 0.1 /* between two events about one tile */

/* One answer on its way. */
typedef struct answering {
  bnc_worker *worker;
  bnc_job *job;
  bnc_chat_reply reply;
  bnc_chat_usage usage;
  bnc_byte_buffer out; /* not handed over yet */
  double told;         /* progress, the last time */
  const char *tile;    /* then */
  const char *param;   /* of the request, that was at fault */
  bool too_long;       /* the prompt */
  bool bad_picture;
} answering;

/* What is written goes to the connection. */
static void hand_over(answering *a) {
  bnc_job_queue *queue = &a->worker->serve->queue;
  pthread_mutex_lock(&queue->lock);
  bnc_byte_buffer_add(&a->job->reply, a->out.data, a->out.length);
  if (a->out.failed) a->job->reply.failed = true;
  pthread_mutex_unlock(&queue->lock);
  a->out.length = 0;
  bnc_http_server_wake(a->worker->serve->http);
}

static int on_progress(void *user, const char *stage, double fraction) {
  answering *a = user;
  if (a->job->request.progress && a->job->request.stream && strcmp(stage, "answering") != 0) {
    const double now = bnc_seconds();
    const char *tile = strncmp(stage, "looking", 7) == 0 ? bnc_tile_steps_at(&a->worker->serve->tiles, fraction) : NULL;
    if (tile != a->tile || now - a->told > PROGRESS_SECONDS) {
      bnc_chat_reply_progress(&a->reply, stage, fraction, tile, &a->out);
      hand_over(a);
      a->told = now;
      a->tile = tile;
    }
  }
  return atomic_load(&a->job->cancelled);
}

/* The text of one token; freed with bnc_string_free. */
static char *token_text(bnc_worker *worker, int32_t id, size_t *length) {
  char *text = NULL;
  *length = 0;
  if (bnc_tokenizer_decode(worker->tokenizer, &id, 1, &text, length) != BNC_OK) return NULL;
  return text;
}

static void tell_token(answering *a) {
  bnc_token token = {.size = sizeof token};
  bnc_chat_token told[1 + BNC_TOP_TOKENS];
  char *text[1 + BNC_TOP_TOKENS];
  if (bnc_session_token(a->worker->session, &token) != BNC_OK) return;
  size_t count = token.top_count < a->job->request.top ? token.top_count : a->job->request.top;
  for (size_t i = 0; i <= count; i++) {
    told[i].logprob = (double)(i ? token.top_logprob[i - 1] : token.logprob);
    text[i] = token_text(a->worker, i ? token.top_id[i - 1] : token.id, &told[i].length);
    told[i].bytes = text[i] ? text[i] : "";
  }
  bnc_chat_reply_token(&a->reply, &told[0], &told[1], count);
  for (size_t i = 0; i <= count; i++) bnc_string_free(text[i]);
}

static int on_text(void *user, int32_t id, const char *text, size_t length) {
  answering *a = user;
  if (id >= 0 && a->usage.answer_tokens++ == 0) a->usage.first_token_seconds = bnc_seconds() - a->job->begun;
  if (id >= 0 && a->job->request.sampling.logprobs) tell_token(a);
  bnc_chat_reply_text(&a->reply, text, length, &a->out);
  if (a->out.length || a->out.failed) hand_over(a);
  return atomic_load(&a->job->cancelled) || a->out.failed || a->reply.text.failed;
}

static void forget_pictures(bnc_worker *worker) {
  for (size_t i = 0; i < worker->seen_count; i++) free(worker->seen[i].bytes);
  free(worker->seen);
  worker->seen = NULL;
  worker->seen_count = 0;
}

/* The session holds the pictures that this conversation begins with. */
static bool has_seen(const bnc_worker *worker, const bnc_chat_request *r) {
  if (worker->seen_count > r->pictures) return false;
  for (size_t i = 0; i < worker->seen_count; i++)
    if (worker->seen[i].size != r->picture[i].size || memcmp(worker->seen[i].bytes, r->picture[i].bytes, r->picture[i].size) != 0)
      return false;
  return true;
}

/* What the session knows from the question before is used again: pictures need no vision, the common front of prompts no prefill. */
static bnc_status show_pictures(bnc_worker *worker, bnc_chat_request *r) {
  bnc_status status = BNC_OK;
  size_t known = 0;
  if (has_seen(worker, r)) {
    known = worker->seen_count;
    bnc_session_restart(worker->session);
  } else {
    bnc_session_reset(worker->session);
  }
  forget_pictures(worker);
  for (size_t i = known; status == BNC_OK && i < r->pictures; i++)
    status = bnc_session_add_image(worker->session, r->picture[i].bytes, r->picture[i].size);
  return status;
}

/* A schema costs time to prepare, and an app has one: it stays until another comes. */
static bnc_status set_form(answering *a) {
  bnc_worker *worker = a->worker;
  bnc_chat_request *r = &a->job->request;
  if (r->form == BNC_CONSTRAINT_NONE && worker->form == BNC_CONSTRAINT_NONE) return BNC_OK;
  if (worker->schema && r->schema && strcmp(worker->schema, r->schema) == 0) return BNC_OK;
  const bnc_status status = bnc_session_constrain(worker->session, r->form, r->form_text, r->form_texts);
  if (status != BNC_OK) {
    a->param = r->form == BNC_CONSTRAINT_JSON_SCHEMA ? "response_format" : "binocle";
    return status;
  }
  free(worker->schema);
  worker->schema = r->schema;
  worker->form = r->form;
  r->schema = NULL;
  return BNC_OK;
}

static bnc_status ask(answering *a, bnc_finish *finish) {
  bnc_worker *worker = a->worker;
  bnc_chat_request *r = &a->job->request;
  bnc_status status = set_form(a);
  if (status == BNC_OK) {
    status = show_pictures(worker, r);
    a->bad_picture = status != BNC_OK;
  }
  if (status == BNC_OK) status = bnc_session_set_system(worker->session, r->system);
  if (status == BNC_OK) status = bnc_session_converse(worker->session, r->exchange, r->exchanges);
  a->usage.prompt_tokens = status == BNC_OK ? bnc_session_rows(worker->session) : 0;
  /* The question stands at the end: cut, it would be another. */
  a->too_long = status == BNC_OK && bnc_session_was_cut(worker->session);
  if (a->too_long) return BNC_ERROR_LIMIT;
  if (status == BNC_OK) status = bnc_session_generate(worker->session, &r->sampling, on_text, a, finish);
  return status;
}

static double joules_now(bnc_serve *serve) {
  pthread_mutex_lock(&serve->meter);
  const double joules = bnc_joules_now(&serve->joules);
  pthread_mutex_unlock(&serve->meter);
  return joules;
}

static void fail(answering *a, bnc_status status) {
  const bool theirs =
      status == BNC_ERROR_ARGUMENT || status == BNC_ERROR_FORMAT || status == BNC_ERROR_UNSUPPORTED || status == BNC_ERROR_LIMIT;
  bnc_serve *serve = a->worker->serve;
  bnc_api_error error;
  if (a->too_long)
    bnc_api_fail(&error, 400, "context_length_exceeded", "messages", "the conversation is longer than the context of %u tokens",
                 serve->work.info.prompt_limit);
  else
    bnc_api_fail(&error,
                 theirs                       ? 400
                 : status == BNC_ERROR_MEMORY ? 503
                                              : 500,
                 theirs && a->bad_picture ? "invalid_image_url" : NULL, a->param ? a->param : "messages", "%s",
                 bnc_session_error(a->worker->session));
  pthread_mutex_lock(&serve->queue.lock);
  a->job->error = error;
  pthread_mutex_unlock(&serve->queue.lock);
}

/* The session and what it took since `before`. */
static void take_usage(answering *a, const bnc_statistics *before, double joules) {
  bnc_statistics after = {.size = sizeof after};
  bnc_chat_usage *u = &a->usage;
  bnc_session_get_statistics(a->worker->session, &after);
  const uint64_t computed = after.prefill_rows - before->prefill_rows;
  u->cached_tokens = u->prompt_tokens > computed ? u->prompt_tokens - computed : 0;
  u->pictures = after.pictures - before->pictures;
  u->pictures_reused = a->job->request.pictures - u->pictures;
  u->vision_seconds = after.vision_seconds - before->vision_seconds;
  u->prefill_seconds = after.prefill_seconds - before->prefill_seconds;
  u->decode_seconds = after.decode_seconds - before->decode_seconds;
  u->queue_seconds = a->job->begun - a->job->arrived;
  u->seconds = bnc_seconds() - a->job->begun;
  u->joules = joules_now(a->worker->serve) - joules;
  u->meter = a->worker->serve->joules.meter[0] ? a->worker->serve->joules.meter : NULL;
}

/* The next question may begin where this one did. */
static void remember(bnc_worker *worker, bnc_chat_request *r) {
  worker->seen = r->picture;
  worker->seen_count = r->pictures;
  r->picture = NULL;
  r->pictures = 0;
}

static void answer(bnc_worker *worker, bnc_job *job) {
  bnc_serve *serve = worker->serve;
  answering a = {.worker = worker, .job = job};
  bnc_statistics before = {.size = sizeof before};
  bnc_finish finish = BNC_FINISH_STOP;
  a.reply = (bnc_chat_reply){.id = job->id,
                             .model = serve->model,
                             .fingerprint = serve->fingerprint,
                             .created = job->created,
                             .stream = job->request.stream,
                             .usage = job->request.usage};
  bnc_session_get_statistics(worker->session, &before);
  const double joules = joules_now(serve);
  bnc_session_set_progress(worker->session, on_progress, &a);
  bnc_status status = bnc_chat_reply_begin(&a.reply, job->request.sampling.logprobs != 0) ? ask(&a, &finish) : BNC_ERROR_MEMORY;
  const bool cancelled = atomic_load(&job->cancelled);
  take_usage(&a, &before, joules);
  bnc_answer_end end = cancelled ? BNC_ANSWER_CANCELLED : status != BNC_OK ? BNC_ANSWER_FAILED : BNC_ANSWER_STOP;
  if (end == BNC_ANSWER_STOP) {
    if (finish != BNC_FINISH_STOP) end = BNC_ANSWER_LENGTH;
    bnc_chat_reply_end(&a.reply, finish == BNC_FINISH_STOP ? "stop" : "length", &a.usage, &a.out);
    remember(worker, &job->request);
  } else {
    if (!cancelled) fail(&a, status);
    bnc_session_reset(worker->session); /* nothing half done is built upon */
  }
  bnc_session_set_progress(worker->session, NULL, NULL);
  bnc_metrics_answer(&serve->metrics, end, &a.usage);
  hand_over(&a);
  bnc_chat_reply_free(&a.reply);
  bnc_byte_buffer_free(&a.out);
}

static void *work(void *user) {
  bnc_worker *worker = user;
  bnc_serve *serve = worker->serve;
  for (bnc_job *job; (job = bnc_job_queue_take(&serve->queue)) != NULL;) {
    answer(worker, job);
    bnc_job_queue_finish(&serve->queue, job);
    bnc_http_server_wake(serve->http);
  }
  return NULL;
}

int bnc_worker_begin(bnc_worker *worker, bnc_serve *serve) {
  bnc_work *w = &serve->work;
  worker->serve = serve;
  const int code = bnc_work_create_session(w, &worker->session);
  if (code != BNC_EXIT_DONE) return code;
  bnc_status status = bnc_context_create(NULL, &worker->context);
  if (status != BNC_OK) return bnc_work_refuse(w, "out of memory");
  status = bnc_tokenizer_open(worker->context, serve->path, &worker->tokenizer);
  if (status != BNC_OK) return bnc_work_fail(w, status, NULL, bnc_context_error(worker->context));
  worker->runs = pthread_create(&worker->thread, NULL, work, worker) == 0;
  return worker->runs ? BNC_EXIT_DONE : bnc_work_refuse(w, "no thread can be had");
}

void bnc_worker_end(bnc_worker *worker) {
  if (worker->runs) pthread_join(worker->thread, NULL);
  bnc_tokenizer_close(worker->tokenizer);
  bnc_context_destroy(worker->context);
  bnc_session_destroy(worker->session);
  forget_pictures(worker);
  free(worker->schema);
}
