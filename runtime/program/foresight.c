/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/program/foresight.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/program/bus_guard.h"
#include "runtime/program/distribution.h"
#include "runtime/program/foresight_reading.h"
#include "runtime/program/question_rows.h"
#include "runtime/program/text_file.h"

#define TEXT_LIMIT ((size_t)64 << 20)

typedef struct text {
  char *bytes;
  size_t length, mark; /* mark: bytes of a byte order mark in front, which is no part of the text */
} text;

static void add_row(bnc_reading *r, const float *logits, size_t row) {
  bnc_agreement *m = &r->found->model[r->cache];
  const bnc_distribution told = bnc_distribution_of(logits, r->columns, NULL);
  const int32_t id = r->next[row];
  const double loss = told.log_sum - (double)told.logits[id];
  bnc_mean_add(&m->loss, loss);
  r->found->tokens += r->cache == 0;
  if (!r->reference) return;
  const bnc_distribution expected = bnc_distribution_of(r->expected + row * r->columns, r->columns, r->weights);
  const double expected_loss = expected.log_sum - (double)expected.logits[id];
  const bnc_apartness difference = bnc_distribution_compare(&told, &expected, r->weights);
  if (r->cache == 0) bnc_mean_add(&r->found->reference_loss, expected_loss);
  bnc_mean_add(&m->more, loss - expected_loss);
  bnc_mean_add(&m->same, told.likeliest == expected.likeliest);
  bnc_mean_add(&m->divergence, difference.divergence);
  bnc_mean_add(&m->distance, difference.distance);
  bnc_mean_add(&m->cosine, difference.cosine);
}

static int add_rows(void *user, size_t first, size_t count, const float *logits, size_t stride) {
  bnc_reading *r = user;
  for (size_t i = 0; i < count; i++) add_row(r, logits + i * stride, r->at + first + i);
  return bnc_interrupted();
}

static int keep_rows(void *user, size_t first, size_t count, const float *logits, size_t stride) {
  bnc_reading *r = user;
  for (size_t i = 0; i < count; i++)
    memcpy(r->expected + (r->at + first + i) * r->columns, logits + i * stride, r->columns * sizeof *logits);
  return bnc_interrupted();
}

int bnc_reading_fail(const bnc_reading *r, const bnc_session *session, bnc_status status, const char *where) {
  return bnc_work_fail(r->w, status, where ? where : session == r->reference ? "the reference" : NULL, bnc_session_error(session));
}

int bnc_read_in_turn(bnc_reading *r, bnc_read_turn *turn) {
  bnc_layer_watch *layers = &r->found->layers;
  int code = r->reference ? turn(r, r->reference, keep_rows) : BNC_EXIT_DONE;
  for (r->cache = 0; code == BNC_EXIT_DONE && r->cache < BNC_CACHES; r->cache++)
    if (r->session[r->cache]) code = turn(r, r->session[r->cache], add_rows);
  if (code != BNC_EXIT_DONE || bnc_layer_watch_next(layers)) return code;
  return bnc_work_refuse(r->w, "%s", layers->why);
}

static int read_piece(bnc_reading *r, bnc_session *session, bnc_on_logits take) {
  const bnc_status status = bnc_session_append_each(session, r->ids, r->count, take, r);
  return status == BNC_OK ? BNC_EXIT_DONE : bnc_reading_fail(r, session, status, NULL);
}

/* What is read, and not foreseen, in front of what is. */
static int read_front(bnc_reading *r, bnc_session *session, bnc_on_logits take) {
  (void)take;
  bnc_session_reset(session);
  const bnc_status status = r->count ? bnc_session_append(session, r->ids, r->count) : BNC_OK;
  return status == BNC_OK ? BNC_EXIT_DONE : bnc_reading_fail(r, session, status, NULL);
}

static int read_ids(bnc_reading *r, const int32_t *ids, size_t count) {
  const size_t window = r->found->window, front = r->found->skip ? r->found->skip - 1 : 0;
  int code = BNC_EXIT_DONE;
  for (size_t at = 0; code == BNC_EXIT_DONE && at + front + 1 < count; at += window) {
    const size_t here = (count - at < window ? count - at : window) - 1;
    r->ids = ids + at;
    r->count = front;
    code = bnc_read_in_turn(r, read_front);
    for (size_t done = front; code == BNC_EXIT_DONE && done < here; done += r->count) {
      r->count = !r->reference || here - done < BNC_PIECE ? here - done : BNC_PIECE;
      r->w->whole_done = (double)(at + done) / (double)count;
      r->ids = ids + at + done;
      r->next = r->ids + 1;
      code = bnc_read_in_turn(r, read_piece);
    }
  }
  return code;
}

/* Where several stand side by side, with no more context than the windows of a text take; of questions, as much as the model has. */
static int create_session(const bnc_reading *r, bnc_model *model, unsigned cache, bnc_session **session) {
  const bool quiet = r->w->quiet;
  bnc_session_settings settings;
  bnc_session_settings_init(&settings);
  settings.kv_cache = cache;
  settings.context = r->several ? (uint32_t)r->found->window : 0;
  settings.threads = (uint32_t)r->w->threads;
  settings.private_preamble = 1;
  r->w->quiet = quiet || r->several; /* of contexts and caches that nobody asked for */
  const bnc_status status = bnc_session_create_with(model, &settings, session);
  r->w->quiet = quiet;
  return status == BNC_OK ? BNC_EXIT_DONE
                          : bnc_work_fail(r->w, status, NULL, bnc_context_error(model == r->w->model ? r->w->context : r->context));
}

static int open_reference(bnc_reading *r, const bnc_foresee_options *o) {
  bnc_model_info info = {.size = sizeof info};
  bnc_bus_guard(o->reference);
  bnc_status status = bnc_work_create_context(r->w, o->whole && !r->w->linear ? "own" : NULL, &r->context);
  if (status != BNC_OK) return bnc_work_refuse(r->w, "out of memory");
  status = bnc_model_open(r->context, o->reference, &r->reference_model);
  if (status == BNC_OK) status = bnc_model_get_info(r->reference_model, &info);
  if (status != BNC_OK) return bnc_work_fail(r->w, status, NULL, bnc_context_error(r->context));
  if (info.vocabulary != r->w->info.vocabulary)
    return bnc_work_refuse(r->w, "%s: has a vocabulary of %u, expected %u as the model that it is compared with", o->reference,
                           info.vocabulary, r->w->info.vocabulary);
  if (info.prompt_limit < r->found->window) r->found->window = info.prompt_limit;
  r->found->reference_bytes = info.file_bytes;
  r->expected = malloc(BNC_PIECE * r->columns * sizeof *r->expected);
  r->weights = malloc(r->columns * sizeof *r->weights);
  if (!r->expected || !r->weights) return bnc_work_refuse(r->w, "out of memory for %u x %zu logits", BNC_PIECE, r->columns);
  return create_session(r, r->reference_model, BNC_CACHE_DEFAULT, &r->reference);
}

/* The other types of the cache, where they are asked for; layers tell what they compute with the model's own. */
static int open_sessions(bnc_reading *r, const char *model, bool whole) {
  int code = create_session(r, r->w->model, BNC_CACHE_DEFAULT, &r->w->session);
  r->session[0] = r->w->session;
  for (unsigned cache = BNC_CACHE_F32; whole && code == BNC_EXIT_DONE && cache < BNC_CACHES; cache++)
    if (cache != r->w->info.kv_cache) code = create_session(r, r->w->model, cache, &r->session[cache]);
  for (unsigned cache = 0; cache < BNC_CACHES; cache++) r->found->measured[cache] = r->session[cache] != NULL;
  if (!whole || code != BNC_EXIT_DONE) return code;
  if (!bnc_layer_watch_open(&r->found->layers, model)) return bnc_work_refuse(r->w, "%s", r->found->layers.why);
  bnc_session_observe(r->reference, bnc_layer_watch_reference, &r->found->layers);
  bnc_session_observe(r->session[0], bnc_layer_watch_model, &r->found->layers);
  return BNC_EXIT_DONE;
}

static int read_text(bnc_work *w, const char *path, text *t) {
  const int code = bnc_text_file_read(w, path, "a text", TEXT_LIMIT, &t->bytes, &t->length);
  if (code != BNC_EXIT_DONE) return code;
  t->mark = t->length >= 3 && memcmp(t->bytes, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
  return BNC_EXIT_DONE;
}

static int tokenize(bnc_work *w, const char *model, const text *t, int32_t **ids, size_t *count) {
  bnc_tokenizer *tokenizer;
  bnc_bus_guard(model);
  bnc_status status = bnc_tokenizer_open(w->context, model, &tokenizer);
  if (status == BNC_OK) {
    status = bnc_tokenizer_encode(tokenizer, t->bytes + t->mark, t->length - t->mark, ids, count);
    bnc_tokenizer_close(tokenizer);
  }
  return status == BNC_OK ? BNC_EXIT_DONE : bnc_work_fail(w, status, NULL, bnc_context_error(w->context));
}

static int open_all(bnc_reading *r, const char *model, const bnc_foresee_options *o) {
  const int code = o->reference ? open_reference(r, o) : BNC_EXIT_DONE;
  return code == BNC_EXIT_DONE ? open_sessions(r, model, o->whole) : code;
}

static int foresee_text(bnc_reading *r, const char *model, const bnc_foresee_options *o) {
  const size_t window = r->found->window, skip = r->found->skip;
  text t = {0};
  int32_t *ids = NULL;
  size_t count = 0;
  int code = read_text(r->w, o->file, &t);
  if (code == BNC_EXIT_DONE) code = tokenize(r->w, model, &t, &ids, &count);
  if (code == BNC_EXIT_DONE && (count < 2 || window < 2))
    code = bnc_work_refuse(r->w, "%s: has %zu tokens in windows of %zu, expected at least two", o->file, count, window);
  if (code == BNC_EXIT_DONE && (skip >= count || skip >= window))
    code = bnc_work_refuse(r->w, "%s: %zu tokens are left out of windows of %zu, of %zu tokens", o->file, skip, window, count);
  if (code == BNC_EXIT_DONE) code = open_all(r, model, o);
  if (o->windows && o->windows < count / r->found->window) count = (size_t)o->windows * r->found->window;
  r->w->whole = "reading the text";
  if (code == BNC_EXIT_DONE) code = read_ids(r, ids, count);
  bnc_tokens_free(ids);
  free(t.bytes);
  return code;
}

static int foresee_answers(bnc_reading *r, const char *model, const bnc_foresee_options *o) {
  r->found->window = 0;
  int code = bnc_work_check_tokenizer(r->w, model);
  if (code == BNC_EXIT_DONE) code = open_all(r, model, o);
  r->w->whole = "reading the answers";
  return code == BNC_EXIT_DONE ? bnc_foresee_answers(r, o->file) : code;
}

int bnc_foresee(bnc_work *w, const char *model, const bnc_foresee_options *o, bnc_foresight *found) {
  const size_t window = o->window && o->window < w->info.prompt_limit ? (size_t)o->window : w->info.prompt_limit;
  bnc_reading r = {.w = w, .found = found, .columns = w->info.vocabulary, .several = o->whole};
  *found = (bnc_foresight){.window = window, .skip = (size_t)o->skip, .bytes = w->info.file_bytes, .layers.file = -1};
  found->layer_bits = 8.0 * (double)w->info.layer_bytes / (double)w->info.layer_weights;
  found->file_bits = 8.0 * (double)w->info.file_bytes / (double)w->info.weights;
  const int code = bnc_is_questions(o->file) ? foresee_answers(&r, model, o) : foresee_text(&r, model, o);
  w->whole = NULL;
  for (unsigned cache = 1; cache < BNC_CACHES; cache++) bnc_session_destroy(r.session[cache]);
  bnc_session_destroy(r.reference);
  bnc_model_close(r.reference_model);
  bnc_context_destroy(r.context);
  free(r.expected);
  free(r.weights);
  return code;
}

void bnc_foresight_free(bnc_foresight *found) { bnc_layer_watch_free(&found->layers); }
