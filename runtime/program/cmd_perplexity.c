/* SPDX-License-Identifier: Apache-2.0 */
/* How well a model foresees a text: exp of the mean negative log probability of each token, given those before it in its window. Its
 * standard error is that of the mean, as if what is lost at one token said nothing about the next. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/program/bus_guard.h"
#include "runtime/program/commands.h"
#include "runtime/program/json_object.h"
#include "runtime/program/work.h"

#define TEXT_LIMIT ((size_t)64 << 20)

typedef struct sums {
  const int32_t *ids; /* of this window: id i + 1 is foreseen behind id i */
  size_t columns;
  double loss, squares; /* nats */
  uint64_t tokens;
} sums;

/* mark: bytes of a byte order mark in front, which is no part of the text. */
static int read_text(bnc_work *w, const char *path, char **text, size_t *length, size_t *mark) {
  FILE *file = fopen(path, "rb");
  *text = file ? malloc(TEXT_LIMIT) : NULL;
  *length = *text ? fread(*text, 1, TEXT_LIMIT, file) : 0;
  const bool whole = *text && !ferror(file) && *length < TEXT_LIMIT;
  if (file) fclose(file);
  if (whole) {
    *mark = *length >= 3 && memcmp(*text, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
    return BNC_EXIT_DONE;
  }
  return bnc_work_refuse(w, "%s: cannot be read as a text of less than %zu bytes", path, TEXT_LIMIT);
}

static double loss_of(const float *logits, size_t count, int32_t id) {
  double most = (double)logits[0], sum = 0;
  for (size_t i = 1; i < count; i++) most = (double)logits[i] > most ? (double)logits[i] : most;
  for (size_t i = 0; i < count; i++) sum += exp((double)logits[i] - most);
  return most + log(sum) - (double)logits[id];
}

static int add_rows(void *user, size_t first, size_t count, const float *logits, size_t stride) {
  sums *s = user;
  for (size_t i = 0; i < count; i++) {
    const double loss = loss_of(logits + i * stride, s->columns, s->ids[first + i + 1]);
    s->loss += loss;
    s->squares += loss * loss;
  }
  s->tokens += count;
  return bnc_interrupted();
}

/* Windows of `window` ids side by side; the first id of each is given, not foreseen. */
static int measure(bnc_work *w, const int32_t *ids, size_t count, size_t window, sums *s) {
  s->columns = w->info.vocabulary;
  w->whole = "reading the text";
  for (size_t at = 0; at + 1 < count; at += window) {
    const size_t here = count - at < window ? count - at : window;
    w->whole_done = (double)at / (double)count;
    s->ids = ids + at;
    bnc_session_reset(w->session);
    if (here < 2) break;
    const bnc_status status = bnc_session_append_each(w->session, ids + at, here - 1, add_rows, s);
    if (status != BNC_OK) return bnc_work_fail(w, status, NULL, bnc_session_error(w->session));
  }
  return BNC_EXIT_DONE;
}

static int report(bnc_work *w, const sums *s, size_t window) {
  const double n = (double)s->tokens, mean = s->loss / n, variance = s->squares / n - mean * mean;
  const double perplexity = exp(mean), error = n > 1 && variance > 0 ? sqrt(variance / (n - 1)) : 0;
  if (!w->json) {
    bnc_console_print("perplexity %.4f +- %.4f over %llu tokens in windows of %zu\n", perplexity, perplexity * error,
                      (unsigned long long)s->tokens, window);
    return BNC_EXIT_DONE;
  }
  bnc_json_object o;
  bnc_json_begin(&o, w->context);
  bnc_json_real(&o, "perplexity", perplexity);
  bnc_json_real(&o, "perplexity_error", perplexity * error);
  bnc_json_real(&o, "nats_per_token", mean);
  bnc_json_real(&o, "nats_per_token_error", error);
  bnc_json_count(&o, "tokens", s->tokens);
  bnc_json_count(&o, "context", window);
  const bnc_status status = bnc_json_end(&o);
  return status == BNC_OK ? BNC_EXIT_DONE : bnc_work_fail(w, status, NULL, bnc_context_error(w->context));
}

static int evaluate(bnc_work *w, const char *model, const char *path, const char *text, size_t length, size_t window) {
  bnc_tokenizer *tokenizer;
  int32_t *ids = NULL;
  size_t count = 0;
  sums s = {0};
  bnc_bus_guard(model);
  bnc_status status = bnc_tokenizer_open(w->context, model, &tokenizer);
  if (status == BNC_OK) {
    status = bnc_tokenizer_encode(tokenizer, text, length, &ids, &count);
    bnc_tokenizer_close(tokenizer);
  }
  if (status != BNC_OK) return bnc_work_fail(w, status, NULL, bnc_context_error(w->context));
  if (window == 0 || window > w->info.prompt_limit) window = w->info.prompt_limit;
  int code = count < 2 || window < 2
                 ? bnc_work_refuse(w, "%s: has %zu tokens in windows of %zu, expected at least two", path, count, window)
                 : BNC_EXIT_DONE;
  if (code == BNC_EXIT_DONE) code = bnc_work_open_session(w);
  if (code == BNC_EXIT_DONE) code = measure(w, ids, count, window, &s);
  bnc_tokens_free(ids);
  return code == BNC_EXIT_DONE ? report(w, &s, window) : code;
}

static int run(const bnc_command *command, int argc, char **argv) {
  bnc_work work = {0};
  const char *operand[2] = {NULL, NULL};
  uint64_t window = 0;
  char *text = NULL;
  size_t length = 0, mark = 0;
  const bnc_option options[] = {
      {.name = "context",
       .value = "N",
       .help = "tokens per window; default and most: the model's longest prompt",
       .count = &window,
       .least = 2,
       .most = 1u << 24},
      BNC_WORK_JSON(work, "print one JSON object"),
      BNC_WORK_THREADS(work),
      BNC_WORK_LINEAR(work),
      BNC_WORK_QUIET(work),
  };
  const bnc_arguments arguments = {(const char *const[]){"MODEL", "TEXTFILE", NULL}, operand, options, BNC_COUNT_OF(options)};
  int code = bnc_options_parse(command, &arguments, argc, argv);
  if (code != BNC_PARSED) return code;
  code = bnc_work_begin(&work);
  if (code == BNC_EXIT_DONE) code = read_text(&work, operand[1], &text, &length, &mark);
  if (code == BNC_EXIT_DONE) code = bnc_work_open_model(&work, operand[0]);
  if (code == BNC_EXIT_DONE) code = evaluate(&work, operand[0], operand[1], text + mark, length - mark, (size_t)window);
  free(text);
  return bnc_work_end(&work, code);
}

const bnc_command bnc_cmd_perplexity = {
    .name = "perplexity",
    .synopsis = "MODEL TEXTFILE [--context N] [--json] [options]",
    .summary = "tells how well a model foresees a text",
    .examples = "  binocle perplexity model.bnc wiki.txt --context 512\n",
    .run = run,
};
