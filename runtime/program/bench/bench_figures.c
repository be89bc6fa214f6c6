/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "runtime/program/bench/bench.h"

const double bnc_bench_share[BNC_BENCH_PERCENTILES] = {0.5, 0.9, 0.99};
const char *const bnc_bench_share_name[BNC_BENCH_PERCENTILES] = {"p50", "p90", "p99"};

static const struct {
  const char *name, *words;
} timings[BNC_TIMINGS] = {
    {"vision_s", "vision, s"},
    {"prefill_tokens_per_s", "prefill, tokens/s"},
    {"decode_tokens_per_s", "decode, tokens/s"},
    {"time_to_first_token_s", "time to first token, s"},
    {"joules_per_picture", "energy, J/picture"},
    {"joules_per_prompt_token", "energy, J/prompt token"},
    {"joules_per_generated_token", "energy, J/answer token"},
    {"net_joules_per_picture", "beyond rest, J/picture"},
    {"net_joules_per_prompt_token", "beyond rest, J/prompt t."},
    {"net_joules_per_generated_token", "beyond rest, J/answer t."},
};

const char *bnc_timing_name(bnc_timing timing) { return timings[timing].name; }
const char *bnc_timing_words(bnc_timing timing) { return timings[timing].words; }

static int ascending(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return x < y ? -1 : x > y;
}

size_t bnc_bench_sorted(const bnc_bench *b, unsigned setting, bnc_timing timing, double *values) {
  size_t count = 0;
  for (size_t i = 0; i < b->rounds; i++)
    if (b->round[i].setting == setting && !isnan(b->round[i].value[timing])) values[count++] = b->round[i].value[timing];
  qsort(values, count, sizeof *values, ascending);
  return count;
}

size_t bnc_bench_sorted_tokens(const bnc_bench *b, unsigned setting, double *values) {
  size_t count = 0;
  for (size_t i = 0; i < b->rounds; i++)
    for (size_t k = 0; b->round[i].setting == setting && k < b->round[i].tokens; k++)
      values[count++] = (double)b->token[b->round[i].token + k];
  qsort(values, count, sizeof *values, ascending);
  return count;
}

double bnc_bench_median(const double *sorted, size_t n) {
  if (n == 0) return (double)NAN;
  return n % 2 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
}

double bnc_bench_percentile(const double *sorted, size_t n, double share) {
  if (n == 0) return (double)NAN;
  const size_t rank = (size_t)ceil(share * (double)n);
  return sorted[rank ? rank - 1 : 0];
}

bool bnc_bench_doubt(const bnc_bench *b, unsigned setting, char *text, size_t size) {
  bnc_machine_state none = {.size = sizeof none}, sum = {.size = sizeof sum};
  for (size_t i = 0; i < b->rounds; i++) {
    const bnc_bench_round *r = &b->round[i];
    if (r->setting != setting) continue;
    sum.wall_s += r->after.wall_s - r->before.wall_s;
    sum.cpu_s += r->after.cpu_s - r->before.cpu_s;
    sum.waited_s += r->after.waited_s - r->before.waited_s;
    sum.pages_read += r->after.pages_read - r->before.pages_read;
    sum.throttled |= r->after.throttled;
    if (r->after.throttle_events > r->before.throttle_events) sum.throttle_events++;
  }
  return bnc_machine_doubt(&none, &sum, text, size) != 0;
}

void bnc_bench_machine_words(const bnc_bench *b, char *text, size_t size) {
  const bnc_machine_state *first = &b->round[0].before, *last = &b->round[b->rounds - 1].after;
  size_t used = 0;
  text[0] = '\0';
  if (!isnan(first->load)) used += (size_t)snprintf(text, size, "load %.2f before and %.2f behind", first->load, last->load);
  if (!isnan(first->celsius) && used < size)
    used += (size_t)snprintf(text + used, size - used, "%s%.1f and %.1f C", used ? ", " : "", first->celsius, last->celsius);
  if (first->mhz && used < size)
    used += (size_t)snprintf(text + used, size - used, "%s%" PRIu32 " and %" PRIu32 " MHz", used ? ", " : "", first->mhz, last->mhz);
  if (first->governor[0] && used < size) snprintf(text + used, size - used, "%sgovernor %s", used ? ", " : "", first->governor);
}

uint64_t bnc_bench_peak_rss(void) {
  struct rusage usage;
  return getrusage(RUSAGE_SELF, &usage) == 0 ? (uint64_t)usage.ru_maxrss * 1024 : 0;
}

size_t bnc_bench_room(const bnc_bench *b) { return b->tokens + 8 * b->rounds + 4 * b->watch.count + 1; }
