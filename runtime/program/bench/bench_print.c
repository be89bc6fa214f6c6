/* SPDX-License-Identifier: Apache-2.0 */
/* For people: tables in a terminal, or in Markdown to paste into an issue. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "runtime/program/bench/bench.h"

static void print_identity(const bnc_bench *b, const char *model, const char *machine, const char *end) {
  const bnc_bench_identity *id = &b->identity;
  char words[256];
  bnc_bench_machine_words(b, words, sizeof words);
  bnc_console_print("%s%s%s%s (%s)%s%s%s", model, b->model, id->model_name[0] ? ", " : "", id->model_name, id->fingerprint,
                    id->weights[0] ? ", weights " : "", id->weights, end);
  bnc_console_print("%s%s (%s, %llu CPUs), %s, level %s, linear layers %s%s", machine, id->cpu, id->uarch, (unsigned long long)id->cpus,
                    id->os, b->setting[0].about.cpu_level, b->setting[0].about.linear, end);
  if (words[0]) bnc_console_print("%s%s%s", machine, words, end);
}

static void print_meter(const bnc_bench *b, const char *front, const char *end) {
  const bnc_joules *j = &b->joules;
  bnc_console_print("%s%s%s%s", front, j->meter[0] ? j->meter : "none: ", j->meter[0] && j->note[0] ? "; " : "", j->note);
  const bnc_energy_report r = bnc_joules_report(j);
  if (r.readings)
    bnc_console_print("; %llu readings, %llu lost, took %.1f ms of CPU", (unsigned long long)r.readings, (unsigned long long)r.lost,
                      1e3 * r.meter_seconds);
  if (!isnan(r.idle_watts)) bnc_console_print("; at rest %.3g W over %.1f s", r.idle_watts, r.idle_seconds);
  bnc_console_print("%s", end);
}

/* Times have no exponents, on the screen and in Markdown; energy may be small. */
static bool is_energy(bnc_timing t) { return t >= BNC_TIMING_JOULES_PICTURE; }

static bool lacks_vision(const bnc_bench *b) { return b->work.info.image_rows && !b->image; }

static void print_setting(const bnc_bench *b, unsigned setting, double *values) {
  char doubt[200], head[32];
  snprintf(head, sizeof head, "%u thread%s", b->setting[setting].about.threads, b->setting[setting].about.threads == 1 ? "" : "s");
  bnc_console_print("\n%-24s %10s %10s %10s\n", head, "min", "median", "max");
  for (bnc_timing t = 0; t < BNC_TIMINGS; t++) {
    const size_t n = bnc_bench_sorted(b, setting, t, values);
    if (n)
      bnc_console_print(is_energy(t) ? "%-24s %10.3g %10.3g %10.3g\n" : "%-24s %10.3f %10.3f %10.3f\n", bnc_timing_words(t), values[0],
                        bnc_bench_median(values, n), values[n - 1]);
  }
  const size_t n = bnc_bench_sorted_tokens(b, setting, values);
  if (n) {
    bnc_console_print("%-24s %10s %10s %10s\n%-24s", "", "p50", "p90", "p99", "a token, ms");
    for (int i = 0; i < BNC_BENCH_PERCENTILES; i++) bnc_console_print(" %10.3f", 1e3 * bnc_bench_percentile(values, n, bnc_bench_share[i]));
    bnc_console_print("   of %zu\n", n);
  }
  if (bnc_bench_doubt(b, setting, doubt, sizeof doubt)) bnc_console_print("warning: %s\n", doubt);
}

int bnc_bench_print_text(bnc_bench *b, double *values) {
  print_identity(b, "model    ", "machine  ", "\n");
  for (unsigned i = 0; i < b->settings; i++) print_setting(b, i, values);
  bnc_console_print("\n");
  if (lacks_vision(b)) bnc_console_print("%-24s not measured: no --image\n", "vision");
  print_meter(b, "energy meter             ", "\n");
  bnc_console_print("%-24s %10.3f\n%-24s %10.1f (predicted %.1f)\n", "load, s", b->load, "peak memory, MB",
                    (double)bnc_bench_peak_rss() * 1e-6, (double)b->work.info.predicted_bytes * 1e-6);
  bnc_console_print("%-24s %10zu%s\n", "rounds", b->rounds / b->settings, b->settings > 1 ? ", interleaved" : "");
  return BNC_EXIT_DONE;
}

static void print_row(const bnc_bench *b, bnc_timing t, double *values) {
  bool known = false;
  for (unsigned i = 0; i < b->settings; i++) known = known || bnc_bench_sorted(b, i, t, values);
  if (!known) return;
  bnc_console_print("| %s |", bnc_timing_words(t));
  for (unsigned i = 0; i < b->settings; i++) {
    const size_t n = bnc_bench_sorted(b, i, t, values);
    if (n)
      bnc_console_print(is_energy(t) ? " %.3g (%.3g - %.3g)" : " %.3f (%.3f - %.3f)", bnc_bench_median(values, n), values[0],
                        values[n - 1]);
    bnc_console_print(" |");
  }
  bnc_console_print("\n");
}

int bnc_bench_print_markdown(bnc_bench *b, double *values) {
  char doubt[200];
  bnc_console_print("binocle %s, %s, `%s`\n\n", bnc_version(), b->identity.date, b->identity.command);
  print_identity(b, "- ", "- ", "\n");
  print_meter(b, "- energy: ", "\n");
  bnc_console_print("\n| median (least - most) of %zu%s rounds |", b->rounds / b->settings, b->settings > 1 ? " interleaved" : "");
  for (unsigned i = 0; i < b->settings; i++)
    bnc_console_print(" %u thread%s |", b->setting[i].about.threads, b->setting[i].about.threads == 1 ? "" : "s");
  bnc_console_print("\n| --- |");
  for (unsigned i = 0; i < b->settings; i++) bnc_console_print(" --- |");
  bnc_console_print("\n");
  for (bnc_timing t = 0; t < BNC_TIMINGS; t++) print_row(b, t, values);
  bnc_console_print("| a token, ms: p50, p90, p99 |");
  for (unsigned i = 0; i < b->settings; i++) {
    const size_t n = bnc_bench_sorted_tokens(b, i, values);
    for (int k = 0; n && k < BNC_BENCH_PERCENTILES; k++)
      bnc_console_print(k ? ", %.3f" : " %.3f", 1e3 * bnc_bench_percentile(values, n, bnc_bench_share[k]));
    bnc_console_print(" |");
  }
  if (lacks_vision(b)) bnc_console_print("\n\nVision is not measured: no --image.");
  bnc_console_print("\n\nLoad %.3f s, peak memory %.1f MB (predicted %.1f MB).\n", b->load, (double)bnc_bench_peak_rss() * 1e-6,
                    (double)b->work.info.predicted_bytes * 1e-6);
  for (unsigned i = 0; i < b->settings; i++)
    if (bnc_bench_doubt(b, i, doubt, sizeof doubt))
      bnc_console_print("\n**Warning**, %u thread%s: %s.\n", b->setting[i].about.threads, b->setting[i].about.threads == 1 ? "" : "s",
                        doubt);
  return BNC_EXIT_DONE;
}
