/* SPDX-License-Identifier: Apache-2.0 */
/* What a constraint on answers costs beside computing a token.
 *
 *   bench_constrain MODEL TOKENIZER THREADS REPEATS
 *
 * MODEL: of any weights, its vocabulary that of the folder TOKENIZER. Answers of several kinds are followed token by token: mask, logits,
 * state; first: the constraint has just been made; again: an answer of the same kind came before. Between them a token is computed.
 * CSV: microseconds per token, the median of the repeats; share: of the time of a token. */
#include <binocle/binocle.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "platforms/base/clock.h"
#include "runtime/api/session_private.h"

enum { PROMPT = 64, MOST_REPEATS = 99, MOST_TOKENS = 512 };

static const struct {
  const char *kind;
  bnc_constraint_kind how;
  const char *text, *answer;
} cases[] = {
    {"choice of 1", BNC_CONSTRAINT_CHOICE, "Main Street", "Main Street"},
    {"free text (.*)", BNC_CONSTRAINT_REGEX, "(.|\\n)*",
     "The picture shows a small harbour in the evening light. Several fishing boats are tied to a wooden pier, and behind them stand a few "
     "white houses with red roofs. In the foreground, a man in a blue jacket is mending a net while a dog lies beside him."},
    {"date (\\d{4}-...)", BNC_CONSTRAINT_REGEX, "\\d{4}-(0[1-9]|1[0-2])-([0-2][0-9]|3[01])", "2024-07-19"},
    {"list of objects", BNC_CONSTRAINT_JSON_SCHEMA,
     "{\"type\":\"array\",\"items\":{\"type\":\"object\",\"properties\":{\"name\":{\"type\":\"string\"},\"colour\":{\"enum\":[\"red\","
     "\"black\",\"green\",\"blue\",\"brown\"]},\"count\":{\"type\":\"integer\",\"minimum\":1},\"position\":{\"enum\":[\"left\",\"centre\","
     "\"right\"]}},\"required\":[\"name\",\"colour\",\"count\",\"position\"]}}",
     "[{\"name\": \"car\", \"colour\": \"red\", \"count\": 2, \"position\": \"left\"}, {\"name\": \"bicycle\", \"colour\": \"black\", "
     "\"count\": 1, \"position\": \"centre\"}, {\"name\": \"tree\", \"colour\": \"green\", \"count\": 5, \"position\": \"right\"}]"},
    {"strings of a length", BNC_CONSTRAINT_JSON_SCHEMA,
     "{\"type\":\"object\",\"properties\":{\"sign\":{\"type\":\"string\",\"maxLength\":120},\"why\":{\"type\":\"string\",\"minLength\":20,"
     "\"maxLength\":200}},\"required\":[\"sign\",\"why\"]}",
     "{\"sign\": \"Main Street\", \"why\": \"A white sign with green letters stands at the corner, and its second line is hidden.\"}"},
};

typedef struct bench {
  bnc_session *session;
  bnc_bpe *bpe;
  bnc_vocabulary *vocabulary;
  float *logits; /* [vocabulary] */
  size_t rows;
} bench;

static void must(bnc_status status, const char *why) {
  if (status == BNC_OK) return;
  fprintf(stderr, "bench_constrain: %s\n", why);
  exit(1);
}

static int by_size(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double median(double *values, size_t count) {
  qsort(values, count, sizeof *values, by_size);
  return values[count / 2];
}

static double token_us(bench *b) {
  bnc_error err;
  const int32_t id = 17;
  bnc_executor_embed(b->session->executor, &id, 1, bnc_executor_input(b->session->executor, BNC_PROGRAM_DECODE));
  const uint64_t start = bnc_clock_ns();
  must(bnc_executor_run(b->session->executor, BNC_PROGRAM_DECODE, 1, PROMPT, NULL, &err), err.text);
  return (double)(bnc_clock_ns() - start) * 1e-3;
}

/* Follows an answer; microseconds per token. */
static double follow_us(bench *b, bnc_constraint *c, const bnc_ids *ids) {
  bnc_error err;
  const uint32_t *mask;
  const uint64_t start = bnc_clock_ns();
  must(bnc_constraint_begin(c, MOST_TOKENS, true, &err), err.text);
  for (size_t i = 0; i < ids->count; i++) {
    must(bnc_constraint_mask(c, MOST_TOKENS - i, &mask, &err), err.text);
    bnc_constraint_apply(c, mask, b->logits);
    must(bnc_constraint_take(c, ids->data[i], &err), err.text);
  }
  return (double)(bnc_clock_ns() - start) * 1e-3 / (double)ids->count;
}

static void measure(bench *b, size_t at, size_t repeats, const char *model) {
  double made[MOST_REPEATS], first[MOST_REPEATS], again[MOST_REPEATS], token[MOST_REPEATS];
  bnc_error err;
  bnc_ids ids = {0};
  size_t bytes = 0;
  must(bnc_bpe_encode_plain(b->bpe, cases[at].answer, strlen(cases[at].answer), false, &ids, &err), err.text);
  for (size_t i = 0; i < repeats; i++) {
    bnc_constraint *c;
    token[i] = token_us(b);
    const uint64_t start = bnc_clock_ns();
    must(bnc_constraint_create(&c, b->vocabulary, b->rows, cases[at].how, &cases[at].text, 1, &err), err.text);
    made[i] = (double)(bnc_clock_ns() - start) * 1e-6;
    first[i] = follow_us(b, c, &ids);
    again[i] = follow_us(b, c, &ids);
    bytes = bnc_constraint_bytes(c);
    bnc_constraint_free(c);
  }
  const double token_median = median(token, repeats), first_median = median(first, repeats), again_median = median(again, repeats);
  printf("%s,%s,%zu,%.3g,%.3g,%.3g,%.4g,%.2g,%.2g,%.3g\n", model, cases[at].kind, ids.count, median(made, repeats), first_median,
         again_median, token_median * 1e-3, first_median / token_median * 100, again_median / token_median * 100, (double)bytes * 0x1p-20);
  bnc_ids_free(&ids);
}

int main(int argc, char **argv) {
  bnc_context_settings settings;
  bnc_context *context;
  bnc_model *model;
  bnc_error err;
  bench b = {0};
  if (argc != 5) must(BNC_ERROR_ARGUMENT, "usage: bench_constrain MODEL TOKENIZER THREADS REPEATS");
  bnc_context_settings_init(&settings);
  settings.threads = (unsigned)atoi(argv[3]);
  must(bnc_context_create(&settings, &context), "no context");
  must(bnc_model_open(context, argv[1], &model), bnc_context_error(context));
  must(bnc_session_create(model, &b.session), bnc_context_error(context));
  must(bnc_bpe_from_dir(&b.bpe, argv[2], &err), err.text);
  const bnc_file_meta *m = &model->file.meta;
  b.rows = m->vocabulary;
  uint64_t start = bnc_clock_ns();
  must(bnc_vocabulary_create(&b.vocabulary, b.bpe, b.rows, m->stop, m->stops, &err), err.text);
  const double vocabulary_ms = (double)(bnc_clock_ns() - start) * 1e-6;
  int32_t ids[PROMPT];
  for (int i = 0; i < PROMPT; i++) ids[i] = i * 37 % 500;
  must(bnc_session_append(b.session, ids, PROMPT), bnc_session_error(b.session));
  const float *logits;
  size_t count;
  must(bnc_session_logits(b.session, &logits, &count), bnc_session_error(b.session));
  b.logits = malloc(count * sizeof *b.logits);
  if (!b.logits) must(BNC_ERROR_MEMORY, "no memory");
  memcpy(b.logits, logits, count * sizeof *b.logits);
  size_t repeats = (size_t)atoi(argv[4]);
  if (repeats < 1 || repeats > MOST_REPEATS) repeats = MOST_REPEATS;
  const char *slash = strrchr(argv[1], '/'), *name = slash ? slash + 1 : argv[1];
  printf("model,answer,tokens,made_ms,first_us,again_us,token_ms,first_share_%%,again_share_%%,MiB\n");
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) measure(&b, i, repeats, name);
  printf("%s,\"vocabulary of %zu tokens, %zu nodes, once per model\",,%.3g,,,,,,\n", name, b.vocabulary->ids, b.vocabulary->nodes,
         vocabulary_ms);
  free(b.logits);
  bnc_vocabulary_free(b.vocabulary);
  bnc_bpe_free(b.bpe);
  bnc_session_destroy(b.session);
  bnc_model_close(model);
  bnc_context_destroy(context);
  return 0;
}
