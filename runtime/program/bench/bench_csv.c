/* SPDX-License-Identifier: Apache-2.0 */
/* A line per round, each with all that it needs to be understood by itself. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/program/bench/bench.h"

static void put_text(FILE *out, const char *text) {
  fputc('"', out);
  for (; *text; text++) {
    if (*text == '"') fputc('"', out);
    fputc((unsigned char)*text < ' ' ? ' ' : *text, out);
  }
  fputs("\",", out);
}

static void put_real(FILE *out, double value) {
  if (isfinite(value)) fprintf(out, "%.6g", value);
  fputc(',', out);
}

static void put_count(FILE *out, uint64_t value) { fprintf(out, "%" PRIu64 ",", value); }

static void put_head(FILE *out) {
  fputs("date,version,model,model_name,fingerprint,weights,cpu,uarch,cpus,os,kernel,command,energy_meter,energy_estimated,cpu_level,linear,"
        "threads,round,at_s,repetitions,prompt_tokens,gen_tokens,load_s,",
        out);
  for (bnc_timing t = 0; t < BNC_TIMINGS; t++) fprintf(out, "%s,", bnc_timing_name(t));
  for (int i = 0; i < BNC_BENCH_PERCENTILES; i++) fprintf(out, "token_s_%s,", bnc_bench_share_name[i]);
  fputs("token_latencies,wall_s,cpu_s,watts,load,celsius,mhz,governor,throttled,warning\n", out);
}

static void put_identity(FILE *out, const bnc_bench *b) {
  const bnc_bench_identity *id = &b->identity;
  put_text(out, id->date);
  put_text(out, bnc_version());
  put_text(out, b->model);
  put_text(out, id->model_name);
  put_text(out, id->fingerprint);
  put_text(out, id->weights);
  put_text(out, id->cpu);
  put_text(out, id->uarch);
  put_count(out, id->cpus);
  put_text(out, id->os);
  put_text(out, id->kernel);
  put_text(out, id->command);
  put_text(out, b->joules.meter);
  put_count(out, b->joules.watts > 0);
}

static void put_tokens(FILE *out, const bnc_bench *b, size_t round, double *values) {
  bnc_bench one = *b; /* a bench of this round alone */
  one.round = &b->round[round];
  one.rounds = 1;
  const size_t n = bnc_bench_sorted_tokens(&one, b->round[round].setting, values);
  for (int i = 0; i < BNC_BENCH_PERCENTILES; i++) put_real(out, bnc_bench_percentile(values, n, bnc_bench_share[i]));
  put_count(out, n);
}

static void put_round(FILE *out, const bnc_bench *b, size_t i, double *values) {
  const bnc_bench_round *r = &b->round[i];
  const bnc_statistics *s = &b->setting[r->setting].about;
  const double wall = r->after.wall_s - r->before.wall_s;
  char doubt[200] = "";
  put_identity(out, b);
  put_text(out, s->cpu_level);
  put_text(out, s->linear);
  put_count(out, s->threads);
  put_count(out, i / b->settings + 1);
  put_real(out, r->at);
  put_count(out, r->repetitions);
  put_count(out, b->prompt_tokens);
  put_count(out, b->gen_tokens);
  put_real(out, b->load);
  for (bnc_timing t = 0; t < BNC_TIMINGS; t++) put_real(out, r->value[t]);
  put_tokens(out, b, i, values);
  put_real(out, wall);
  put_real(out, r->after.cpu_s - r->before.cpu_s);
  put_real(out, r->joules / wall);
  put_real(out, r->after.load);
  put_real(out, r->after.celsius);
  put_real(out, r->after.mhz ? r->after.mhz : (double)NAN);
  put_text(out, r->after.governor);
  put_count(out, r->after.throttled != 0);
  bnc_machine_doubt(&r->before, &r->after, doubt, sizeof doubt);
  fprintf(out, "\"%s\"\n", doubt);
}

int bnc_bench_save_csv(bnc_bench *b, double *values) {
  char *text = NULL;
  size_t size = 0;
  FILE *out = open_memstream(&text, &size);
  if (out) {
    put_head(out);
    for (size_t i = 0; i < b->rounds; i++) put_round(out, b, i, values);
  }
  int code = BNC_EXIT_DONE;
  if (!out || ferror(out) || fclose(out) != 0) {
    code = bnc_work_refuse(&b->work, "out of memory for %zu lines", b->rounds);
  } else {
    const bnc_status status = bnc_text_save(b->work.context, b->csv, text);
    if (status != BNC_OK) code = bnc_work_fail(&b->work, status, NULL, bnc_context_error(b->work.context));
  }
  free(text);
  return code;
}
