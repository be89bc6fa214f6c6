/* SPDX-License-Identifier: Apache-2.0 */
/* What recording costs, beside what reading a clock does, once for each op: sessions of one model answer in turn, unrecorded, unrecorded
 * again, and recorded, with the sampler at its usual pace. The second unrecorded one says what the measurement itself is worth.
 *
 *   bench_profile MODEL THREADS ROUNDS   CSV: microseconds at the least and in the median; ratio: the median of the rounds' own ratios to
 * the first, so that a slow moment meets all three */
#include <binocle/binocle.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/timing.h"
#include "platforms/base/tick_clock.h"

enum { WAYS = 3, PROMPT = 128, TOKENS = 32, MOST = 1000 };

static void fail(const char *why) {
  fprintf(stderr, "bench_profile: %s\n", why);
  exit(1);
}

/* The thread's own CPU time: what others take away is no cost of recording. For one thread alone. */
static double now(unsigned threads) {
  struct timespec t;
  clock_gettime(threads == 1 ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e6 + (double)t.tv_nsec * 1e-3;
}

typedef struct sample {
  double prefill, token; /* microseconds */
} sample;

static sample once(bnc_session *session, unsigned threads) {
  bnc_sampling sampling;
  int32_t ids[PROMPT];
  sample s;
  bnc_session_reset(session);
  for (int i = 0; i < PROMPT; i++) ids[i] = i * 37 % 500;
  bnc_sampling_init(&sampling);
  sampling.max_tokens = TOKENS;
  sampling.ignore_stop = 1;
  const double start = now(threads);
  if (bnc_session_append(session, ids, PROMPT) != BNC_OK) fail(bnc_session_error(session));
  const double middle = now(threads);
  if (bnc_session_generate(session, &sampling, NULL, NULL, NULL) != BNC_OK) fail(bnc_session_error(session));
  s.prefill = middle - start;
  s.token = (now(threads) - middle) / (TOKENS - 1);
  return s;
}

static double median(double *values, size_t count) {
  qsort(values, count, sizeof *values, bench_ascending);
  return (values[(count - 1) / 2] + values[count / 2]) / 2;
}

/* Of one reading of each clock, the least that an op's time can cost; ops: how often a token reads it. */
static void print_clocks(const char *model, unsigned threads, double ops) {
  enum { READS = 200000 };
  bnc_tick_clock ticks;
  uint64_t sum = 0;
  static double each[2][9];
  bnc_tick_clock_begin(&ticks);
  bnc_tick_clock_end(&ticks);
  for (int k = 0; k < 9; k++) {
    const double start = now(threads);
    for (int i = 0; i < READS; i++) sum += bnc_clock_ns();
    const double middle = now(threads);
    for (int i = 0; i < READS; i++) sum += bnc_tick_clock_ns(&ticks);
    each[0][k] = ops * (middle - start) / (double)READS;
    each[1][k] = ops * (now(threads) - middle) / (double)READS;
  }
  static const char *const clocks[2] = {"clock_gettime", "the counter"};
  for (int c = 0; c < 2; c++) {
    const double usual = median(each[c], 9);
    printf("%s,%u,a token's %.0f readings,%s,%.2f,%.2f,\n", model, threads, ops, c && !ticks.factor ? "no counter" : clocks[c], each[c][0],
           usual);
  }
  if (sum == 1) puts("");
}

/* Of the decode program. */
static double ops_of(bnc_session *session) {
  char *text;
  double ops = 0;
  if (bnc_session_profile(session, BNC_PROFILE_CSV, &text) != BNC_OK) fail(bnc_session_error(session));
  for (const char *line = text; (line = strstr(line, "\ndecode,")) != NULL; line++) ops++;
  bnc_string_free(text);
  return ops;
}

static void print(const char *model, unsigned threads, const char *what, double (*value)[MOST], size_t rounds) {
  static const char *const ways[WAYS] = {"unrecorded", "unrecorded again", "recorded"};
  static double ratio[MOST];
  for (int w = WAYS - 1; w >= 0; w--) {
    for (size_t i = 0; i < rounds; i++) ratio[i] = value[w][i] / value[0][i];
    const double middle = median(ratio, rounds);
    if (w > 0) {
      memcpy(ratio, value[w], rounds * sizeof *ratio);
      const double usual = median(ratio, rounds);
      printf("%s,%u,%s,%s,%.2f,%.2f,%.4f\n", model, threads, what, ways[w], ratio[0], usual, middle);
    }
  }
}

int main(int argc, char **argv) {
  static double prefill[WAYS][MOST], token[WAYS][MOST];
  bnc_context_settings settings;
  bnc_context *context;
  bnc_model *model;
  bnc_session *session[WAYS];
  if (argc != 4) fail("usage: bench_profile MODEL THREADS ROUNDS");
  const size_t rounds = strtoul(argv[3], NULL, 10);
  if (rounds < 1 || rounds > MOST) fail("ROUNDS: expected 1 to 1000");
  bnc_context_settings_init(&settings);
  settings.threads = (unsigned)strtoul(argv[2], NULL, 10);
  if (bnc_context_create(&settings, &context) != BNC_OK) fail("no context");
  if (bnc_model_open(context, argv[1], &model) != BNC_OK) fail(bnc_context_error(context));
  for (int w = 0; w < WAYS; w++)
    if (bnc_session_create(model, &session[w]) != BNC_OK) fail(bnc_context_error(context));
  if (bnc_session_profile_begin(session[WAYS - 1], NULL) != BNC_OK) fail(bnc_session_error(session[WAYS - 1]));
  for (size_t i = 0; i <= rounds; i++)
    for (int k = 0; k < WAYS; k++) {
      const int w = (int)((i + (size_t)k) % WAYS); /* each is first, second and third equally often */
      const sample s = once(session[w], settings.threads);
      if (i == 0) continue; /* maps the weights, and the record's first pages */
      prefill[w][i - 1] = s.prefill;
      token[w][i - 1] = s.token;
    }
  const char *slash = strrchr(argv[1], '/'), *name = slash ? slash + 1 : argv[1];
  printf("model,threads,what,way,least_us,median_us,ratio\n");
  print(name, settings.threads, "prefill of 128 rows", prefill, rounds);
  print(name, settings.threads, "token", token, rounds);
  print_clocks(name, settings.threads, ops_of(session[WAYS - 1]));
  for (int w = 0; w < WAYS; w++) bnc_session_destroy(session[w]);
  bnc_model_close(model);
  bnc_context_destroy(context);
  return 0;
}
