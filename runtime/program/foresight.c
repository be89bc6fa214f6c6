/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/program/foresight.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/program/bus_guard.h"

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

/* Logarithm of the sum of exponentials, and where the largest is. */
static double log_sum(const float *logits, size_t count, size_t *largest) {
  double sum = 0;
  *largest = 0;
  for (size_t i = 1; i < count; i++)
    if (logits[i] > logits[*largest]) *largest = i;
  const double most = (double)logits[*largest];
  for (size_t i = 0; i < count; i++) sum += exp((double)logits[i] - most);
  return most + log(sum);
}

static void compare(bnc_foresight *f, const float *a, double a_sum, const float *b, double b_sum, size_t count) {
  double divergence = 0, a_mean = 0, b_mean = 0, aa = 0, bb = 0, ab = 0;
  for (size_t i = 0; i < count; i++) {
    const double p = (double)b[i] - b_sum, q = (double)a[i] - a_sum;
    divergence += exp(p) * (p - q);
    a_mean += (double)a[i] / (double)count;
    b_mean += (double)b[i] / (double)count;
  }
  for (size_t i = 0; i < count; i++) {
    const double x = (double)a[i] - a_mean, y = (double)b[i] - b_mean;
    aa += x * x;
    bb += y * y;
    ab += x * y;
  }
  add(&f->divergence, divergence);
  add(&f->distance, bb > 0 ? sqrt(fmax(aa + bb - 2 * ab, 0) / bb) : 0);
  add(&f->cosine, aa > 0 && bb > 0 ? ab / sqrt(aa * bb) : 0);
}

static int add_rows(void *user, size_t first, size_t count, const float *logits, size_t stride) {
  reading *r = user;
  bnc_foresight *f = r->found;
  for (size_t i = 0; i < count; i++) {
    size_t largest, expected;
    const float *row = logits + i * stride, *other = r->reference ? r->expected + (first + i) * r->columns : NULL;
    const int32_t id = r->ids[first + i + 1];
    const double sum = log_sum(row, r->columns, &largest), loss = sum - (double)row[id];
    add(&f->loss, loss);
    if (!other) continue;
    const double other_sum = log_sum(other, r->columns, &expected), other_loss = other_sum - (double)other[id];
    add(&f->reference_loss, other_loss);
    add(&f->more, loss - other_loss);
    add(&f->same, largest == expected);
    compare(f, row, sum, other, other_sum, r->columns);
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
  return r->expected ? BNC_EXIT_DONE : bnc_work_refuse(r->w, "out of memory for %u x %zu logits", PIECE, r->columns);
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

int bnc_foresee(bnc_work *w, const char *model, const char *text_file, const char *reference, size_t window, size_t skip,
                bnc_foresight *found) {
  reading r = {.w = w, .found = found, .columns = w->info.vocabulary};
  text t = {0};
  int32_t *ids = NULL;
  size_t count = 0;
  *found = (bnc_foresight){
      .window = window && window < w->info.prompt_limit ? window : w->info.prompt_limit, .skip = skip, .bytes = w->info.file_bytes};
  int code = read_text(w, text_file, &t);
  if (code == BNC_EXIT_DONE) code = tokenize(w, model, &t, &ids, &count);
  if (code == BNC_EXIT_DONE && (count < 2 || found->window < 2))
    code = bnc_work_refuse(w, "%s: has %zu tokens in windows of %zu, expected at least two", text_file, count, found->window);
  if (code == BNC_EXIT_DONE && (skip >= count || skip >= found->window))
    code = bnc_work_refuse(w, "%s: %zu tokens are left out of windows of %zu, of %zu tokens", text_file, skip, found->window, count);
  if (code == BNC_EXIT_DONE && reference) code = open_reference(&r, reference);
  if (code == BNC_EXIT_DONE) code = bnc_work_open_session(w);
  if (code == BNC_EXIT_DONE) code = read_ids(&r, ids, count);
  bnc_session_destroy(r.reference);
  bnc_model_close(r.reference_model);
  bnc_tokens_free(ids);
  free(r.expected);
  free(t.bytes);
  return code;
}
