/* SPDX-License-Identifier: Apache-2.0 */
/* How well a model foresees a text: exp of the mean negative log probability of each token, given those before it in its window. */
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
  double loss; /* nats */
  uint64_t tokens;
} sums;

static int read_text(bnc_work *w, const char *path, char **text, size_t *length) {
  FILE *file = fopen(path, "rb");
  *text = file ? malloc(TEXT_LIMIT) : NULL;
  *length = *text ? fread(*text, 1, TEXT_LIMIT, file) : 0;
  const bool whole = *text && !ferror(file) && *length < TEXT_LIMIT;
  if (file) fclose(file);
  if (whole) return BNC_EXIT_DONE;
  return bnc_work_refuse(w, "%s: cannot be read as a text of less than %zu bytes", path, TEXT_LIMIT);
}

static double loss_of(const float *logits, size_t count, int32_t id) {
  double most = (double)logits[0], sum = 0;
  for (size_t i = 1; i < count; i++) most = (double)logits[i] > most ? (double)logits[i] : most;
  for (size_t i = 0; i < count; i++) sum += exp((double)logits[i] - most);
  return most + log(sum) - (double)logits[id];
}

/* Windows of `window` ids side by side; the first id of each is given, not foreseen. */
static int measure(bnc_work *w, const int32_t *ids, size_t count, size_t window, sums *s) {
  for (size_t i = 0; i + 1 < count; i++) {
    const float *logits;
    size_t columns;
    if (i % window == 0) bnc_session_reset(w->session);
    if ((i + 1) % window == 0) continue; /* what follows opens the next window */
    bnc_status status = bnc_session_append(w->session, &ids[i], 1);
    if (status == BNC_OK) status = bnc_session_logits(w->session, &logits, &columns);
    if (status != BNC_OK) return bnc_work_fail(w, status, NULL, bnc_session_error(w->session));
    s->loss += loss_of(logits, columns, ids[i + 1]);
    s->tokens++;
    bnc_progress_show(&w->progress, "reading the text", (double)i / (double)count);
    if (bnc_interrupted()) return BNC_EXIT_INTERRUPTED;
  }
  return BNC_EXIT_DONE;
}

static int report(bnc_work *w, const sums *s, size_t window) {
  const double perplexity = exp(s->loss / (double)s->tokens);
  if (!w->json) {
    bnc_console_print("%.4f over %llu tokens in windows of %zu\n", perplexity, (unsigned long long)s->tokens, window);
    return BNC_EXIT_DONE;
  }
  bnc_json_object o;
  bnc_json_begin(&o, w->context);
  bnc_json_real(&o, "perplexity", perplexity);
  bnc_json_real(&o, "nats_per_token", s->loss / (double)s->tokens);
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
  size_t length = 0;
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
  if (code == BNC_EXIT_DONE) code = read_text(&work, operand[1], &text, &length);
  if (code == BNC_EXIT_DONE) code = bnc_work_open_model(&work, operand[0]);
  if (code == BNC_EXIT_DONE) code = evaluate(&work, operand[0], operand[1], text, length, (size_t)window);
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
