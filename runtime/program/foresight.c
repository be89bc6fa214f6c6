/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/program/foresight.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/program/bus_guard.h"
#include "runtime/program/distribution.h"

#define TEXT_LIMIT ((size_t)64 << 20)
#define PIECE 128u /* tokens that both models read in turn */

typedef struct text {
  char *bytes;
  size_t length, mark; /* mark: bytes of a byte order mark in front, which is no part of the text */
} text;

typedef struct reading {
  bnc_work *w;
  bnc_foresight *found;
  const int32_t *ids; /* of this piece: id i + 1 is foreseen behind id i */
  size_t columns;
  bnc_model *reference_model;
  bnc_session *reference; /* NULL: none */
  float *expected;        /* [PIECE, columns]: the reference's logits */
  float *weights;         /* [columns] */
} reading;

static void add(bnc_mean *m, double value) {
  m->sum += value;
  m->squares += value * value;
}

double bnc_mean_of(const bnc_mean *m, uint64_t n) { return m->sum / (double)n; }

double bnc_mean_error(const bnc_mean *m, uint64_t n) {
  const double mean = bnc_mean_of(m, n), variance = m->squares / (double)n - mean * mean;
  return n > 1 && variance > 0 ? sqrt(variance / (double)(n - 1)) : 0;
}

static int add_rows(void *user, size_t first, size_t count, const float *logits, size_t stride) {
  reading *r = user;
  bnc_foresight *f = r->found;
  for (size_t i = 0; i < count; i++) {
    const int32_t id = r->ids[first + i + 1];
    const bnc_distribution told = bnc_distribution_of(logits + i * stride, r->columns, NULL);
    const double loss = told.log_sum - (double)told.logits[id];
    add(&f->loss, loss);
    if (!r->reference) continue;
    const bnc_distribution expected = bnc_distribution_of(r->expected + (first + i) * r->columns, r->columns, r->weights);
    const double expected_loss = expected.log_sum - (double)expected.logits[id];
    const bnc_apartness difference = bnc_distribution_compare(&told, &expected, r->weights);
    add(&f->reference_loss, expected_loss);
    add(&f->more, loss - expected_loss);
    add(&f->same, told.likeliest == expected.likeliest);
    add(&f->divergence, difference.divergence);
    add(&f->distance, difference.distance);
    add(&f->cosine, difference.cosine);
  }
  f->tokens += count;
  return bnc_interrupted();
}

static int keep_rows(void *user, size_t first, size_t count, const float *logits, size_t stride) {
  reading *r = user;
  for (size_t i = 0; i < count; i++) memcpy(r->expected + (first + i) * r->columns, logits + i * stride, r->columns * sizeof *logits);
  return bnc_interrupted();
}

static int read_piece(reading *r, size_t count) {
  bnc_status status = r->reference ? bnc_session_append_each(r->reference, r->ids, count, keep_rows, r) : BNC_OK;
  if (status != BNC_OK) return bnc_work_fail(r->w, status, "the reference", bnc_session_error(r->reference));
  status = bnc_session_append_each(r->w->session, r->ids, count, add_rows, r);
  return status == BNC_OK ? BNC_EXIT_DONE : bnc_work_fail(r->w, status, NULL, bnc_session_error(r->w->session));
}

/* What is read, and not foreseen, in front of what is. */
static int read_front(reading *r, const int32_t *ids, size_t count) {
  bnc_session *const sessions[] = {r->reference, r->w->session};
  for (size_t i = 0; i < 2; i++) {
    bnc_session_reset(sessions[i]);
    const bnc_status status = sessions[i] && count ? bnc_session_append(sessions[i], ids, count) : BNC_OK;
    if (status != BNC_OK) return bnc_work_fail(r->w, status, NULL, bnc_session_error(sessions[i]));
  }
  return BNC_EXIT_DONE;
}

static int read_ids(reading *r, const int32_t *ids, size_t count) {
  const size_t window = r->found->window, front = r->found->skip ? r->found->skip - 1 : 0;
  int code = BNC_EXIT_DONE;
  r->w->whole = "reading the text";
  for (size_t at = 0; code == BNC_EXIT_DONE && at + front + 1 < count; at += window) {
    const size_t here = (count - at < window ? count - at : window) - 1;
    code = read_front(r, ids + at, front);
    for (size_t done = front, piece; code == BNC_EXIT_DONE && done < here; done += piece) {
      piece = !r->reference || here - done < PIECE ? here - done : PIECE;
      r->w->whole_done = (double)(at + done) / (double)count;
      r->ids = ids + at + done;
      code = read_piece(r, piece);
    }
  }
  return code;
}

static int open_reference(reading *r, const char *path) {
  bnc_model_info info = {.size = sizeof info};
  bnc_bus_guard(path);
  bnc_status status = bnc_model_open(r->w->context, path, &r->reference_model);
  if (status == BNC_OK) status = bnc_model_get_info(r->reference_model, &info);
  if (status == BNC_OK && info.vocabulary != r->w->info.vocabulary)
    return bnc_work_refuse(r->w, "%s: has a vocabulary of %u, expected %u as the model that it is compared with", path, info.vocabulary,
                           r->w->info.vocabulary);
  if (status == BNC_OK && info.prompt_limit < r->found->window) r->found->window = info.prompt_limit;
  if (status == BNC_OK) status = bnc_session_create(r->reference_model, &r->reference);
  if (status != BNC_OK) return bnc_work_fail(r->w, status, NULL, bnc_context_error(r->w->context));
  r->found->reference_bytes = info.file_bytes;
  r->expected = malloc(PIECE * r->columns * sizeof *r->expected);
  r->weights = malloc(r->columns * sizeof *r->weights);
  return r->expected && r->weights ? BNC_EXIT_DONE : bnc_work_refuse(r->w, "out of memory for %u x %zu logits", PIECE, r->columns);
}

static int read_text(bnc_work *w, const char *path, text *t) {
  FILE *file = fopen(path, "rb");
  t->bytes = file ? malloc(TEXT_LIMIT) : NULL;
  t->length = t->bytes ? fread(t->bytes, 1, TEXT_LIMIT, file) : 0;
  const bool whole = t->bytes && !ferror(file) && t->length < TEXT_LIMIT;
  if (file) fclose(file);
  if (!whole) return bnc_work_refuse(w, "%s: cannot be read as a text of less than %zu bytes", path, TEXT_LIMIT);
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

int bnc_foresee(bnc_work *w, const char *model, const bnc_foresee_options *o, bnc_foresight *found) {
  reading r = {.w = w, .found = found, .columns = w->info.vocabulary};
  text t = {0};
  int32_t *ids = NULL;
  size_t count = 0;
  const size_t window = o->window && o->window < w->info.prompt_limit ? (size_t)o->window : w->info.prompt_limit, skip = (size_t)o->skip;
  *found = (bnc_foresight){.window = window, .skip = skip, .bytes = w->info.file_bytes};
  found->layer_bits = 8.0 * (double)w->info.layer_bytes / (double)w->info.layer_weights;
  found->file_bits = 8.0 * (double)w->info.file_bytes / (double)w->info.weights;
  int code = read_text(w, o->text_file, &t);
  if (code == BNC_EXIT_DONE) code = tokenize(w, model, &t, &ids, &count);
  if (code == BNC_EXIT_DONE && (count < 2 || window < 2))
    code = bnc_work_refuse(w, "%s: has %zu tokens in windows of %zu, expected at least two", o->text_file, count, window);
  if (code == BNC_EXIT_DONE && (skip >= count || skip >= window))
    code = bnc_work_refuse(w, "%s: %zu tokens are left out of windows of %zu, of %zu tokens", o->text_file, skip, window, count);
  if (code == BNC_EXIT_DONE && o->reference) code = open_reference(&r, o->reference);
  if (code == BNC_EXIT_DONE) code = bnc_work_open_session(w);
  if (o->windows && o->windows < count / found->window) count = (size_t)o->windows * found->window;
  if (code == BNC_EXIT_DONE) code = read_ids(&r, ids, count);
  bnc_session_destroy(r.reference);
  bnc_model_close(r.reference_model);
  bnc_tokens_free(ids);
  free(r.expected);
  free(r.weights);
  free(t.bytes);
  return code;
}
