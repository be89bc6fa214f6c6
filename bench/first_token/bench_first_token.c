/* SPDX-License-Identifier: Apache-2.0 */
/* What loading takes, each weight checked: opening the model and making a session, the first time and again ("rest"). What it brings that
 * the rows of template and system text are kept on disk: prompts by turns with all rows computed, and with those taken from the cache
 * folder first; what is read and checked for that is part of the time.
 *
 *   bench_first_token MODEL THREADS REPEATS   CSV: medians of wall and CPU time, and of the ratios of neighbours; REPEATS 0: loading alone
 */
#include <binocle/binocle.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/timing.h"
#include "runtime/api/preamble.h"

enum { MOST_REPEATS = 100, MOST_ROWS = 1024 };

/* LLaMA-3's template with its own system text has 45 rows; an instruction of a page has some 400; a picture 576. */
static const struct {
  const char *what;
  size_t preamble, rows;
} cases[] = {{"template, a question", 45, 65},
             {"a system text of a page, a question", 400, 420},
             {"template, a picture, a question", 45, 45 + 576 + 20}};

static void fail(const char *why) {
  fprintf(stderr, "bench_first_token: %s\n", why);
  exit(1);
}

typedef struct cost {
  double wall, cpu;
} cost;

static cost read_prompt(bnc_session *s, const bnc_ids *prompt, const bnc_ids *kept) {
  bnc_session_reset(s);
  const cost start = {bench_seconds(CLOCK_MONOTONIC), bench_seconds(CLOCK_PROCESS_CPUTIME_ID)};
  if (kept && !bnc_preamble_take(s, kept)) fail("the kept rows are not taken");
  if (bnc_session_append(s, prompt->data, prompt->count) != BNC_OK) fail(bnc_session_error(s));
  return (cost){bench_seconds(CLOCK_MONOTONIC) - start.wall, bench_seconds(CLOCK_PROCESS_CPUTIME_ID) - start.cpu};
}

static void measure(bnc_session *s, size_t at, int repeats, const char *name, unsigned threads) {
  double all_wall[MOST_REPEATS], all_cpu[MOST_REPEATS], rest_wall[MOST_REPEATS], rest_cpu[MOST_REPEATS], ratio[MOST_REPEATS];
  int32_t ids[MOST_ROWS];
  for (int32_t i = 0; i < MOST_ROWS; i++) ids[i] = (i * 37 + 11 * (int32_t)at) % 500;
  const bnc_ids preamble = {ids, cases[at].preamble, 0}, prompt = {ids, cases[at].rows, 0};
  read_prompt(s, &preamble, NULL);
  bnc_preamble_keep(s, &preamble, preamble.count);
  for (int i = 0; i < repeats; i++) {
    const cost all = read_prompt(s, &prompt, NULL), rest = read_prompt(s, &prompt, &preamble);
    all_wall[i] = all.wall;
    all_cpu[i] = all.cpu;
    rest_wall[i] = rest.wall;
    rest_cpu[i] = rest.cpu;
    ratio[i] = all.cpu / rest.cpu;
  }
  printf("%s,%u,\"%s\",%zu,%zu,%.4g,%.4g,%.4g,%.4g,%.3g\n", name, threads, cases[at].what, cases[at].rows, cases[at].preamble,
         bench_median(all_wall, (size_t)repeats), bench_median(all_cpu, (size_t)repeats), bench_median(rest_wall, (size_t)repeats),
         bench_median(rest_cpu, (size_t)repeats), bench_median(ratio, (size_t)repeats));
  fflush(stdout);
}

typedef struct loaded {
  bnc_model *model;
  bnc_session *session;
} loaded;

static cost load(bnc_context *context, const char *path, loaded *l) {
  const cost start = {bench_seconds(CLOCK_MONOTONIC), bench_seconds(CLOCK_PROCESS_CPUTIME_ID)};
  if (bnc_model_open(context, path, &l->model) != BNC_OK || bnc_session_create(l->model, &l->session) != BNC_OK)
    fail(bnc_context_error(context));
  return (cost){bench_seconds(CLOCK_MONOTONIC) - start.wall, bench_seconds(CLOCK_PROCESS_CPUTIME_ID) - start.cpu};
}

static void unload(const loaded *l) {
  bnc_session_destroy(l->session);
  bnc_model_close(l->model);
}

int main(int argc, char **argv) {
  bnc_context_settings settings;
  bnc_context *context;
  loaded l = {NULL, NULL};
  if (argc != 4) fail("usage: bench_first_token MODEL THREADS REPEATS");
  const int repeats = atoi(argv[3]);
  if (repeats < 0 || repeats > MOST_REPEATS) fail("REPEATS is 0 to 100");
  bnc_context_settings_init(&settings);
  settings.threads = (unsigned)atoi(argv[2]);
  if (bnc_context_create(&settings, &context) != BNC_OK) fail("no context");
  const char *slash = strrchr(argv[1], '/'), *name = slash ? slash + 1 : argv[1];
  printf("model,threads,prompt,rows,kept,all_s,all_cpu_s,rest_s,rest_cpu_s,cpu_gain\n");
  const cost first = load(context, argv[1], &l);
  unload(&l);
  const cost again = load(context, argv[1], &l);
  printf("%s,%u,loading,0,0,%.4g,%.4g,%.4g,%.4g,%.3g\n", name, settings.threads, first.wall, first.cpu, again.wall, again.cpu,
         first.cpu / again.cpu);
  fflush(stdout);
  for (size_t i = 0; repeats && i < sizeof cases / sizeof *cases; i++) measure(l.session, i, repeats, name, settings.threads);
  unload(&l);
  bnc_context_destroy(context);
  return 0;
}
