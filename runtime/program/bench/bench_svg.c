/* SPDX-License-Identifier: Apache-2.0 */
/* What a sustained run was like: throughput, temperature, clock and power above one axis of time. */
#include <binocle/plot.h>
#include <math.h>
#include <stdio.h>

#include "runtime/program/bench/bench.h"

#define LINES 3u
#define NOTES 6u

/* Takes the next `count` doubles of a scratch array. */
static double *take(double **room, size_t count) {
  double *values = *room;
  *room += count;
  return values;
}

/* Percent of what the first tenth of the rounds had: where a machine slows down, all lines sink. */
static bnc_plot_line relative(const bnc_bench *b, bnc_timing t, const char *name, char *legend, size_t size, double *x, double **room) {
  bnc_plot_line line = {.name = legend, .x = x};
  double *y = take(room, b->rounds);
  const bool seconds = t == BNC_TIMING_VISION;
  for (size_t i = 0; i < b->rounds; i++) {
    const double value = b->round[i].value[t];
    y[i] = seconds ? 1 / value : value;
    if (!isnan(y[i])) line.count = b->rounds;
  }
  const size_t begin = (b->rounds + 9) / 10;
  double start = 0, end = 0;
  for (size_t i = 0; i < begin; i++) {
    start += y[i] / (double)begin;
    end += y[b->rounds - 1 - i] / (double)begin;
  }
  for (size_t i = 0; i < b->rounds; i++) y[i] *= 100 / start;
  if (seconds)
    snprintf(legend, size, "%s: %.3g s, then %.3g s", name, 1 / start, 1 / end);
  else
    snprintf(legend, size, "%s: %.*f, then %.*f tokens/s", name, start < 100 ? 1 : 0, start, end < 100 ? 1 : 0, end);
  line.y = y;
  return line;
}

/* Below the title. Returns how many. */
static size_t write_notes(const bnc_bench *b, char text[NOTES][400], const char *note[NOTES]) {
  const bnc_bench_identity *id = &b->identity;
  char words[256];
  size_t n = 0;
  snprintf(text[n++], sizeof text[0], "model %.160s%s%s (%s), weights %s", b->model, id->model_name[0] ? ", " : "", id->model_name,
           id->fingerprint, id->weights);
  snprintf(text[n++], sizeof text[0], "%s (%s, %llu CPUs), %s, %u threads, level %s, binocle %s, %s", id->cpu, id->uarch,
           (unsigned long long)id->cpus, id->os, b->setting[0].about.threads, b->setting[0].about.cpu_level, bnc_version(), id->date);
  bnc_bench_machine_words(b, words, sizeof words);
  snprintf(text[n++], sizeof text[0], "%llu prompt and %llu answer tokens%s in each repetition", (unsigned long long)b->prompt_tokens,
           (unsigned long long)b->gen_tokens, b->image ? " behind a picture" : "");
  if (words[0]) snprintf(text[n++], sizeof text[0], "%s", words);
  if (b->joules.note[0]) snprintf(text[n++], sizeof text[0], "energy: %s", b->joules.note);
  if (bnc_bench_doubt(b, 0, words, sizeof words)) snprintf(text[n++], sizeof text[0], "warning: %s", words);
  for (size_t i = 0; i < n; i++) note[i] = text[i];
  return n;
}

int bnc_bench_save_svg(bnc_bench *b, double *values) {
  char legend[LINES][96], text[NOTES][400], title[96], *svg = NULL;
  const char *note[NOTES];
  const size_t looks = b->watch.count;
  double *room = values, *at = take(&room, b->rounds), *watts = take(&room, b->rounds), *looked = take(&room, looks);
  double *celsius = take(&room, looks), *mhz = take(&room, looks), *load = take(&room, looks);
  for (size_t i = 0; i < b->rounds; i++) {
    at[i] = b->round[i].at;
    watts[i] = b->round[i].joules / (b->round[i].after.wall_s - b->round[i].before.wall_s);
  }
  for (size_t i = 0; i < looks; i++) {
    const bnc_machine_state *s = &b->watch.state[i];
    looked[i] = fmax(0, s->wall_s - b->origin);
    celsius[i] = s->celsius;
    mhz[i] = s->mhz ? s->mhz : (double)NAN;
    load[i] = s->load;
  }
  const bnc_plot_line speed[LINES] = {
      relative(b, BNC_TIMING_DECODE, "decode", legend[0], sizeof legend[0], at, &room),
      relative(b, BNC_TIMING_PREFILL, "prefill", legend[1], sizeof legend[1], at, &room),
      relative(b, BNC_TIMING_VISION, "a picture", legend[2], sizeof legend[2], at, &room),
  };
  const bnc_plot_line heat = {"hottest zone", looked, celsius, looks}, clock = {"fastest CPU", looked, mhz, looks},
                      power = {b->joules.meter, at, watts, b->joules.meter[0] ? b->rounds : 0},
                      crowd = {"mean of a minute", looked, load, looks};
  const bnc_plot_panel panels[] = {
      {"throughput, % of the first tenth of the run", NULL, speed, LINES, 1},
      {"temperature, \xc2\xb0"
       "C",
       "this machine tells no temperature", &heat, 1, 0},
      {"clock, MHz", "this machine tells no clock", &clock, 1, 1},
      {"power, W", "this machine has no energy meter", &power, 1, 1},
      {"load of the machine, processes", "this machine tells no load", &crowd, 1, 1},
  };
  snprintf(title, sizeof title, "binocle bench: %.3g minutes under load", b->minutes);
  const bnc_plot plot = {sizeof plot, title, note, write_notes(b, text, note), panels, BNC_COUNT_OF(panels)};
  bnc_status status = bnc_plot_svg(b->work.context, &plot, &svg);
  if (status == BNC_OK) status = bnc_text_save(b->work.context, b->svg, svg);
  bnc_string_free(svg);
  return status == BNC_OK ? BNC_EXIT_DONE : bnc_work_fail(&b->work, status, NULL, bnc_context_error(b->work.context));
}
