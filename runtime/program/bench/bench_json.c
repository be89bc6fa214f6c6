/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "runtime/program/bench/bench.h"

static void print_identity(const bnc_bench *b, bnc_json_object *o) {
  const bnc_bench_identity *id = &b->identity;
  bnc_json_words(o, "model_name", id->model_name);
  bnc_json_words(o, "fingerprint", id->fingerprint);
  bnc_json_words(o, "weights", id->weights);
  bnc_json_open(o, "machine", "{");
  bnc_json_words(o, "cpu", id->cpu);
  bnc_json_words(o, "uarch", id->uarch);
  bnc_json_count(o, "cpus", id->cpus);
  bnc_json_count(o, "memory_bytes", id->memory_bytes);
  bnc_json_words(o, "os", id->os);
  bnc_json_words(o, "kernel", id->kernel);
  bnc_json_close(o, "}");
  bnc_json_words(o, "version", bnc_version());
  bnc_json_words(o, "date", id->date);
  bnc_json_words(o, "command", id->command);
}

static void print_state(bnc_json_object *o, const char *name, const bnc_machine_state *s) {
  bnc_json_open(o, name, "{");
  bnc_json_real(o, "load", s->load);
  bnc_json_real(o, "celsius", s->celsius);
  if (s->mhz)
    bnc_json_count(o, "mhz", s->mhz);
  else
    bnc_json_raw(o, "mhz", "null");
  bnc_json_words(o, "governor", s->governor[0] ? s->governor : NULL);
  bnc_json_bool(o, "throttled", s->throttled != 0);
  bnc_json_close(o, "}");
}

static void print_list(const bnc_bench *b, bnc_json_object *o, unsigned setting, bnc_timing timing) {
  bnc_json_open(o, bnc_timing_name(timing), "[");
  for (size_t i = 0; i < b->rounds; i++)
    if (b->round[i].setting == setting) bnc_json_real(o, NULL, b->round[i].value[timing]);
  bnc_json_close(o, "]");
}

/* Every sample; latencies of single tokens are too many in a sustained run. */
static void print_samples(const bnc_bench *b, bnc_json_object *o, unsigned setting) {
  bnc_json_open(o, "samples", "{");
  for (bnc_timing t = 0; t < BNC_TIMINGS; t++) print_list(b, o, setting, t);
  bnc_json_open(o, "rounds", "[");
  for (size_t i = 0; i < b->rounds; i++) {
    const bnc_bench_round *r = &b->round[i];
    if (r->setting != setting) continue;
    bnc_json_open(o, NULL, "{");
    bnc_json_real(o, "at_s", r->at);
    bnc_json_count(o, "repetitions", r->repetitions);
    bnc_json_real(o, "wall_s", r->after.wall_s - r->before.wall_s);
    bnc_json_real(o, "cpu_s", r->after.cpu_s - r->before.cpu_s);
    bnc_json_real(o, "joules", r->joules);
    print_state(o, "machine", &r->after);
    bnc_json_open(o, "token_s", "[");
    for (size_t k = 0; b->minutes == 0 && k < r->tokens; k++) bnc_json_real(o, NULL, (double)b->token[r->token + k]);
    bnc_json_close(o, "]");
    bnc_json_close(o, "}");
  }
  bnc_json_close(o, "]");
  bnc_json_close(o, "}");
}

static void print_timings(const bnc_bench *b, bnc_json_object *o, unsigned setting, double *values) {
  char name[64], doubt[200];
  for (bnc_timing t = 0; t < BNC_TIMINGS; t++) {
    const size_t n = bnc_bench_sorted(b, setting, t, values);
    const double figure[3] = {n ? values[0] : bnc_bench_median(values, n), bnc_bench_median(values, n),
                              n ? values[n - 1] : bnc_bench_median(values, n)};
    static const char *const which[3] = {"min", "median", "max"};
    bnc_json_real(o, bnc_timing_name(t), figure[1]);
    for (int i = 0; i < 3; i++) {
      snprintf(name, sizeof name, "%s_%s", bnc_timing_name(t), which[i]);
      bnc_json_real(o, name, figure[i]);
    }
  }
  const size_t n = bnc_bench_sorted_tokens(b, setting, values);
  for (int i = 0; i < BNC_BENCH_PERCENTILES; i++) {
    snprintf(name, sizeof name, "token_s_%s", bnc_bench_share_name[i]);
    bnc_json_real(o, name, bnc_bench_percentile(values, n, bnc_bench_share[i]));
  }
  bnc_json_count(o, "token_latencies", n);
  double wall = 0, cpu = 0;
  for (size_t i = 0; i < b->rounds; i++) {
    if (b->round[i].setting != setting) continue;
    wall += b->round[i].after.wall_s - b->round[i].before.wall_s;
    cpu += b->round[i].after.cpu_s - b->round[i].before.cpu_s;
  }
  bnc_json_real(o, "wall_s", wall);
  bnc_json_real(o, "cpu_s", cpu);
  bnc_json_words(o, "warning", bnc_bench_doubt(b, setting, doubt, sizeof doubt) ? doubt : NULL);
}

static void print_setting(const bnc_bench *b, bnc_json_object *o, unsigned setting, double *values) {
  const bnc_statistics *s = &b->setting[setting].about;
  bnc_json_count(o, "threads", s->threads);
  print_timings(b, o, setting, values);
  bnc_json_count(o, "arena_bytes", s->arena_bytes);
  bnc_json_count(o, "kv_bytes", s->kv_bytes);
  bnc_json_count(o, "packed_bytes", s->packed_bytes);
  bnc_json_words(o, "cpu_level", s->cpu_level);
  bnc_json_words(o, "linear", s->linear);
  print_samples(b, o, setting);
}

static void print_watch(const bnc_bench *b, bnc_json_object *o) {
  bnc_json_open(o, "watch", "[");
  for (size_t i = 0; i < b->watch.count; i++) {
    const bnc_machine_state *s = &b->watch.state[i];
    bnc_json_open(o, NULL, "{");
    bnc_json_real(o, "at_s", s->wall_s - b->origin);
    print_state(o, "machine", s);
    bnc_json_close(o, "}");
  }
  bnc_json_close(o, "]");
}

int bnc_bench_print_json(bnc_bench *b, double *values) {
  bnc_json_object o;
  bnc_json_begin(&o, b->work.context);
  bnc_json_words(&o, "model", b->model);
  print_identity(b, &o);
  bnc_json_real(&o, "load_s", b->load);
  print_setting(b, &o, 0, values);
  bnc_joules_describe(&b->joules, &o);
  bnc_joules_describe_power(&b->work, b->setting[0].session, &o);
  bnc_json_count(&o, "peak_rss_bytes", bnc_bench_peak_rss());
  bnc_json_count(&o, "predicted_bytes", b->work.info.predicted_bytes);
  bnc_json_count(&o, "repeat", b->minutes > 0 ? b->rounds / b->settings : b->repeat);
  bnc_json_count(&o, "warm_up", b->warm_up);
  bnc_json_count(&o, "prompt_tokens", b->prompt_tokens);
  bnc_json_count(&o, "gen_tokens", b->gen_tokens);
  bnc_json_words(&o, "cooldown", b->cooldown_text);
  bnc_json_real(&o, "minutes", b->minutes);
  bnc_json_bool(&o, "cut_short", b->cut_short);
  print_state(&o, "machine_before", &b->round[0].before);
  print_state(&o, "machine_after", &b->round[b->rounds - 1].after);
  if (b->settings > 1) {
    bnc_json_open(&o, "sweep", "[");
    for (unsigned i = 0; i < b->settings; i++) {
      bnc_json_open(&o, NULL, "{");
      print_setting(b, &o, i, values);
      bnc_json_close(&o, "}");
    }
    bnc_json_close(&o, "]");
  }
  if (b->watch.count) print_watch(b, &o);
  bnc_json_count(&o, "token_latencies_left_out", b->tokens_left_out);
  const bnc_status status = bnc_json_end(&o);
  return status == BNC_OK ? BNC_EXIT_DONE : bnc_work_fail(&b->work, status, NULL, bnc_context_error(b->work.context));
}
