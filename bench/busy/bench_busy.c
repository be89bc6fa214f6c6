/* SPDX-License-Identifier: Apache-2.0 */
/* What a picture, a prompt and an answer cost in a row of many, in time and in CPU time: for machines that other programs keep busy.
 *
 *   bench_busy MODEL PICTURE THREADS SECONDS   a line of CSV for each of the three, measured for SECONDS each; PICTURE "-": no picture
 *   bench_busy spin THREADS SECONDS            work per second of so many threads that never wait for each other
 */
#include <binocle/binocle.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/timing.h"

enum { PROMPT = 64, ANSWER = 16, MOST = 1 << 16 };

static void fail(const char *why) {
  fprintf(stderr, "bench_busy: %s\n", why);
  exit(1);
}

typedef struct busy {
  bnc_session *session;
  const char *picture;
  int32_t ids[PROMPT];
} busy;

static void must(const busy *b, bnc_status status) {
  if (status != BNC_OK) fail(bnc_session_error(b->session));
}

static void look(busy *b) {
  bnc_session_reset(b->session);
  must(b, bnc_session_add_image_file(b->session, b->picture));
}
static void read_prompt(busy *b) {
  bnc_session_reset(b->session);
  must(b, bnc_session_append(b->session, b->ids, PROMPT));
}
static void answer(busy *b) {
  bnc_sampling sampling;
  bnc_sampling_init(&sampling);
  sampling.max_tokens = ANSWER;
  sampling.ignore_stop = 1;
  read_prompt(b);
  must(b, bnc_session_generate(b->session, &sampling, NULL, NULL, NULL));
}

/* Seconds of each kind of work so far, and how much of it. */
typedef struct totals {
  double vision, prefill, decode;
} totals;
static totals sum(const busy *b) {
  bnc_statistics s = {.size = sizeof s};
  bnc_session_get_statistics(b->session, &s);
  return (totals){s.vision_seconds, s.prefill_seconds, s.decode_seconds};
}
static double vision_of(totals t) { return t.vision; }
static double prefill_of(totals t) { return t.prefill; }
static double decode_of(totals t) { return t.decode; }

static void measure(busy *b, const char *what, void (*work)(busy *), double (*seconds_of)(totals), const char *threads, double seconds) {
  static double sample[MOST];
  size_t n = 0;
  work(b);
  const double start = bench_seconds(CLOCK_MONOTONIC), first = seconds_of(sum(b)), cpu = bench_seconds(CLOCK_PROCESS_CPUTIME_ID);
  while (n < MOST && (n == 0 || bench_seconds(CLOCK_MONOTONIC) - start < seconds)) {
    const double before = seconds_of(sum(b));
    work(b);
    sample[n++] = seconds_of(sum(b)) - before;
  }
  const double mean = (seconds_of(sum(b)) - first) / (double)n, used = (bench_seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu) / (double)n;
  qsort(sample, n, sizeof *sample, bench_ascending);
  printf("%s,%s,%zu,%.6g,%.6g,%.6g,%.6g\n", what, threads, n, mean, sample[n / 2], sample[n - 1], used);
}

static _Atomic bool over;
static _Atomic uint64_t turns;
/* Independent chains, so that CPUs that share arithmetic units show it. */
static void *spin(void *unused) {
  float x[256];
  uint64_t mine = 0;
  (void)unused;
  for (int i = 0; i < 256; i++) x[i] = 1.0f;
  for (; !atomic_load_explicit(&over, memory_order_relaxed); mine++)
    for (int k = 0; k < 100; k++)
      for (int i = 0; i < 256; i++) x[i] = x[i] * 0.999f + 0.001f;
  atomic_fetch_add(&turns, mine);
  return x[7] > 2.0f ? NULL : &over;
}

static int granted(size_t threads, double seconds) {
  pthread_t id[64];
  if (threads > 64) fail("at most 64 threads");
  const double start = bench_seconds(CLOCK_MONOTONIC);
  for (size_t i = 0; i < threads; i++)
    if (pthread_create(&id[i], NULL, spin, NULL) != 0) fail("cannot start a thread");
  const struct timespec wait = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};
  nanosleep(&wait, NULL);
  atomic_store(&over, true);
  for (size_t i = 0; i < threads; i++) pthread_join(id[i], NULL);
  printf("%.6g\n", (double)atomic_load(&turns) / (bench_seconds(CLOCK_MONOTONIC) - start));
  return 0;
}

int main(int argc, char **argv) {
  bnc_context_settings settings;
  bnc_context *context;
  bnc_model *model;
  busy b = {0};
  if (argc == 4 && strcmp(argv[1], "spin") == 0) return granted((size_t)atoi(argv[2]), atof(argv[3]));
  if (argc != 5) fail("usage: bench_busy MODEL PICTURE THREADS SECONDS | spin THREADS SECONDS");
  b.picture = argv[2];
  for (int i = 0; i < PROMPT; i++) b.ids[i] = i * 37 % 500;
  bnc_context_settings_init(&settings);
  settings.threads = (unsigned)atoi(argv[3]);
  if (bnc_context_create(&settings, &context) != BNC_OK) fail("no context");
  if (bnc_model_open(context, argv[1], &model) != BNC_OK || bnc_session_create(model, &b.session) != BNC_OK)
    fail(bnc_context_error(context));
  printf("what,threads,count,mean_s,median_s,most_s,cpu_s\n");
  if (strcmp(b.picture, "-") != 0) measure(&b, "vision", look, vision_of, argv[3], atof(argv[4]));
  measure(&b, "prefill", read_prompt, prefill_of, argv[3], atof(argv[4]));
  measure(&b, "decode", answer, decode_of, argv[3], atof(argv[4]));
  bnc_session_destroy(b.session);
  bnc_model_close(model);
  bnc_context_destroy(context);
  return 0;
}
