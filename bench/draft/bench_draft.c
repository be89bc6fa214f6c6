/* SPDX-License-Identifier: Apache-2.0 */
/* What guessing ahead (--draft lookup) is worth, in two parts that are multiplied: how many tokens a step brings on answers of several
 * kinds, whose words and marks stand for tokens here (about what LLaMA-3's tokenizer makes of English), and what steps of several rows cost
 * on a model, whatever its weights.
 *
 *   bench_draft MODEL THREADS REPEATS   CSV: milliseconds at the least; gain: time without guesses over time with them */
#include <binocle/binocle.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "platforms/base/clock.h"
#include "runtime/api/session_private.h"
#include "runtime/text/lookup_draft.h"

enum { MOST_TOKENS = 1024, PROMPT = 256 };

static const struct {
  const char *kind, *prompt, *answer;
} cases[] = {
    {"short answer", "What is on the sign? Answer with a single word or phrase.", "Main Street"},
    {"question in a sentence", "What colour is the bus that stands in front of the red brick building, and how many people wait beside it?",
     "The bus that stands in front of the red brick building is yellow, and four people wait beside it."},
    {"caption", "Describe this picture in detail.",
     "The picture shows a small harbour in the evening light. Several fishing boats are tied to a wooden pier, and behind them stand a few "
     "white houses with red roofs. In the foreground, a man in a blue jacket is mending a net while a dog lies beside him. The sky is "
     "partly "
     "cloudy, and the water of the harbour reflects the houses. A second man stands on one of the boats and looks at the pier."},
    {"JSON", "List every object in the picture as JSON with the keys \"name\", \"colour\", \"count\" and \"position\".",
     "[{\"name\": \"car\", \"colour\": \"red\", \"count\": 2, \"position\": \"left\"}, {\"name\": \"bicycle\", \"colour\": \"black\", "
     "\"count\": 1, "
     "\"position\": \"centre\"}, {\"name\": \"tree\", \"colour\": \"green\", \"count\": 5, \"position\": \"right\"}, {\"name\": "
     "\"person\", \"colour\": "
     "\"blue\", \"count\": 3, \"position\": \"centre\"}, {\"name\": \"bench\", \"colour\": \"brown\", \"count\": 1, \"position\": "
     "\"left\"}]"},
};

static void fail(const char *why) {
  fprintf(stderr, "bench_draft: %s\n", why);
  exit(1);
}

/* A word with the space in front of it, or one mark, becomes a number. */
static size_t cut(const char *text, int32_t *ids, size_t count) {
  while (*text && count < MOST_TOKENS) {
    uint32_t hash = 2166136261u;
    const char *from = text++;
    if (*from == ' ' || isalnum((unsigned char)*from))
      while (isalnum((unsigned char)*text)) text++;
    for (; from < text; from++) hash = (hash ^ (unsigned char)*from) * 16777619u;
    ids[count++] = (int32_t)(hash >> 1);
  }
  return count;
}

/* Milliseconds: one token as decode has it, the body for so many rows, the tail of one. */
typedef struct costs {
  double decode, body[BNC_EACH_ROWS + 1], tail;
} costs;

static double least(double a, double b) { return a < b ? a : b; }

static costs measure(bnc_session *s, int repeats) {
  costs c = {.decode = 1e9, .tail = 1e9};
  bnc_error err;
  int32_t ids[PROMPT];
  const size_t most = bnc_executor_each_rows(s->executor);
  for (int i = 0; i < PROMPT; i++) ids[i] = i * 37 % 500;
  if (bnc_session_append(s, ids, PROMPT) != BNC_OK) fail(bnc_session_error(s));
  for (size_t n = 1; n <= most; n++) c.body[n] = 1e9;
  for (int i = 0; i < repeats; i++) {
    for (size_t n = 0; n <= most; n++) {
      bnc_executor_embed(s->executor, ids, n ? n : 1, bnc_executor_input(s->executor, n ? BNC_PROGRAM_PREFILL : BNC_PROGRAM_DECODE));
      const uint64_t start = bnc_clock_ns();
      const bnc_status status = n ? bnc_executor_run_each(s->executor, n, PROMPT, &err)
                                  : bnc_executor_run(s->executor, BNC_PROGRAM_DECODE, 1, PROMPT, NULL, &err);
      const uint64_t middle = bnc_clock_ns();
      if (status != BNC_OK || (n && bnc_executor_finish_row(s->executor, 0, PROMPT, &err) != BNC_OK)) fail(err.text);
      double *at = n ? &c.body[n] : &c.decode;
      *at = least(*at, (double)(middle - start) * 1e-6);
      if (n) c.tail = least(c.tail, (double)(bnc_clock_ns() - middle) * 1e-6);
    }
  }
  return c;
}

static void play(size_t at, const costs *c, size_t rows, const char *model) {
  int32_t ids[MOST_TOKENS], guess[BNC_EACH_ROWS];
  const size_t asked = cut(cases[at].prompt, ids, 0), count = cut(cases[at].answer, ids, asked), answered = count - asked;
  bnc_lookup_draft d = bnc_lookup_draft_begin();
  size_t steps = 0, guessed = 0, right = 0;
  double time = 0;
  for (size_t i = asked; i + 1 < count;) { /* the token i is due; what follows it is guessed */
    const size_t wanted = count - i, most = wanted < rows ? wanted : rows, n = bnc_lookup_draft_guess(&d, ids, i + 1, guess, most - 1);
    size_t came = 0;
    while (came < n && i + 1 + came < count && guess[came] == ids[i + 1 + came]) came++;
    bnc_lookup_draft_learn(&d, n, came);
    time += n ? c->body[n + 1] + (double)(came + 1) * c->tail : c->decode;
    steps++;
    guessed += n;
    right += came;
    i += came + 1;
  }
  const double plain = (double)(answered - 1) * c->decode;
  printf("%s,%s,%zu,%zu,%zu,%zu,%.3g\n", model, cases[at].kind, answered, steps, guessed, right, steps ? plain / time : 1.0);
}

int main(int argc, char **argv) {
  bnc_context_settings settings;
  bnc_context *context;
  bnc_model *model;
  bnc_session *session = NULL;
  if (argc != 4) fail("usage: bench_draft MODEL THREADS REPEATS");
  bnc_context_settings_init(&settings);
  settings.threads = (unsigned)atoi(argv[2]);
  if (bnc_context_create(&settings, &context) != BNC_OK) fail("no context");
  if (bnc_model_open(context, argv[1], &model) != BNC_OK || bnc_session_create(model, &session) != BNC_OK) fail(bnc_context_error(context));
  const char *slash = strrchr(argv[1], '/'), *name = slash ? slash + 1 : argv[1];
  const costs c = measure(session, atoi(argv[3]));
  const size_t rows = bnc_executor_each_rows(session->executor);
  printf("model,what,decode_ms,tail_ms");
  for (size_t n = 1; n <= rows; n++) printf(",rows_%zu_ms", n);
  printf("\n%s,costs of %u threads,%.4g,%.4g", name, settings.threads, c.decode, c.tail);
  for (size_t n = 1; n <= rows; n++) printf(",%.4g", c.body[n]);
  printf("\nmodel,answer,tokens,steps,guessed,right,gain\n");
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) play(i, &c, rows, name);
  bnc_session_destroy(session);
  bnc_model_close(model);
  bnc_context_destroy(context);
  return 0;
}
