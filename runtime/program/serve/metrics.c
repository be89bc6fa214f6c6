/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/program/serve/metrics.h"

#include <binocle/version.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char *const paths[BNC_METRICS_PATHS] = {"/", "/health", "/metrics", "/v1/models", "/v1/chat/completions", "other"};
static const double bounds[BNC_METRICS_BUCKETS] = {0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 60, 120, 300, 900};
static const char *const ends[BNC_ANSWER_ENDS] = {"stop", "length", "cancelled", "error"};

void bnc_metrics_begin(bnc_metrics *metrics) {
  *metrics = (bnc_metrics){.started = (double)time(NULL)};
  pthread_mutex_init(&metrics->lock, NULL);
}

void bnc_metrics_end(bnc_metrics *metrics) { pthread_mutex_destroy(&metrics->lock); }

static size_t path_index(const char *path) {
  size_t i = 0;
  while (strcmp(paths[i], "other") != 0 && strcmp(paths[i], path) != 0) i++;
  return i;
}

void bnc_metrics_request(bnc_metrics *m, const char *path, int status) {
  pthread_mutex_lock(&m->lock);
  for (size_t i = 0; i < BNC_METRICS_CODES; i++) {
    if (m->code[i].status && m->code[i].status != status) continue;
    m->code[i].status = status;
    m->code[i].count[path_index(path)]++;
    break;
  }
  pthread_mutex_unlock(&m->lock);
}

static void observe(bnc_histogram *h, double value) {
  for (size_t i = 0; i < BNC_METRICS_BUCKETS; i++)
    if (value <= bounds[i]) {
      h->bucket[i]++;
      break;
    }
  h->count++;
  h->sum += value;
}

void bnc_metrics_answer(bnc_metrics *m, bnc_answer_end end, const bnc_chat_usage *u) {
  pthread_mutex_lock(&m->lock);
  m->answers[end]++;
  m->sums.prompt_tokens += u->prompt_tokens;
  m->sums.cached_tokens += u->cached_tokens;
  m->sums.answer_tokens += u->answer_tokens;
  m->sums.pictures += u->pictures;
  m->sums.pictures_reused += u->pictures_reused;
  m->sums.vision_seconds += u->vision_seconds;
  m->sums.prefill_seconds += u->prefill_seconds;
  m->sums.decode_seconds += u->decode_seconds;
  if (isfinite(u->joules)) m->sums.joules += u->joules;
  observe(&m->queue, u->queue_seconds);
  observe(&m->answer, u->seconds);
  pthread_mutex_unlock(&m->lock);
}

double bnc_metrics_mean_seconds(bnc_metrics *m) {
  pthread_mutex_lock(&m->lock);
  const double mean = m->answer.count ? m->answer.sum / (double)m->answer.count : 1;
  pthread_mutex_unlock(&m->lock);
  return mean;
}

static void head(bnc_byte_buffer *out, const char *name, const char *type, const char *help) {
  bnc_byte_buffer_print(out, "# HELP binocle_%s %s\n# TYPE binocle_%s %s\n", name, help, name, type);
}

static void number(bnc_byte_buffer *out, const char *name, const char *type, const char *help, double value) {
  head(out, name, type, help);
  bnc_byte_buffer_print(out, "binocle_%s %.17g\n", name, value);
}

static void put_histogram(bnc_byte_buffer *out, const char *name, const char *help, const bnc_histogram *h) {
  uint64_t below = 0;
  head(out, name, "histogram", help);
  for (size_t i = 0; i < BNC_METRICS_BUCKETS; i++) {
    below += h->bucket[i];
    bnc_byte_buffer_print(out, "binocle_%s_bucket{le=\"%g\"} %" PRIu64 "\n", name, bounds[i], below);
  }
  bnc_byte_buffer_print(out, "binocle_%s_bucket{le=\"+Inf\"} %" PRIu64 "\nbinocle_%s_sum %.17g\nbinocle_%s_count %" PRIu64 "\n", name,
                        h->count, name, h->sum, name, h->count);
}

/* Label values escape what would end them. */
static void put_label(bnc_byte_buffer *out, const char *name, const char *value) {
  bnc_byte_buffer_print(out, "%s=\"", name);
  for (; *value; value++) {
    if (*value == '"' || *value == '\\') bnc_byte_buffer_text(out, "\\");
    if (*value == '\n')
      bnc_byte_buffer_text(out, "\\n");
    else
      bnc_byte_buffer_add(out, value, 1);
  }
  bnc_byte_buffer_text(out, "\"");
}

static double resident_bytes(void) {
  unsigned long size, resident = 0;
  FILE *file = fopen("/proc/self/statm", "r");
  if (!file) return 0;
  if (fscanf(file, "%lu %lu", &size, &resident) != 2) resident = 0;
  fclose(file);
  return (double)resident * (double)sysconf(_SC_PAGESIZE);
}

static void put_counters(const bnc_metrics *m, bnc_byte_buffer *out) {
  head(out, "http_requests_total", "counter", "Requests that were replied to.");
  for (size_t i = 0; i < BNC_METRICS_CODES && m->code[i].status; i++)
    for (size_t p = 0; p <= path_index("other"); p++)
      if (m->code[i].count[p])
        bnc_byte_buffer_print(out, "binocle_http_requests_total{path=\"%s\",status=\"%d\"} %" PRIu64 "\n", paths[p], m->code[i].status,
                              m->code[i].count[p]);
  head(out, "answers_total", "counter", "Answers that ended, by how.");
  for (size_t i = 0; i < BNC_ANSWER_ENDS; i++)
    bnc_byte_buffer_print(out, "binocle_answers_total{finish=\"%s\"} %" PRIu64 "\n", ends[i], m->answers[i]);
  const bnc_chat_usage *s = &m->sums;
  number(out, "prompt_tokens_total", "counter", "Rows of prompts, those of pictures included.", (double)s->prompt_tokens);
  number(out, "cached_prompt_tokens_total", "counter", "Of them, those that were not computed again.", (double)s->cached_tokens);
  number(out, "generated_tokens_total", "counter", "Tokens of answers.", (double)s->answer_tokens);
  number(out, "pictures_total", "counter", "Pictures that vision ran for.", (double)s->pictures);
  number(out, "pictures_reused_total", "counter", "Pictures that were known already.", (double)s->pictures_reused);
  number(out, "vision_seconds_total", "counter", "Time in vision.", s->vision_seconds);
  number(out, "prefill_seconds_total", "counter", "Time in prompts.", s->prefill_seconds);
  number(out, "decode_seconds_total", "counter", "Time in answers.", s->decode_seconds);
  number(out, "joules_total", "counter", "Energy of the machine while it answered; 0 without a meter.", s->joules);
  put_histogram(out, "queue_seconds", "Waiting for a turn.", &m->queue);
  put_histogram(out, "answer_seconds", "From a turn's begin to the answer's end.", &m->answer);
}

void bnc_metrics_put(bnc_metrics *m, const bnc_gauges *gauges, bnc_byte_buffer *out) {
  head(out, "info", "gauge", "What runs here.");
  bnc_byte_buffer_text(out, "binocle_info{");
  put_label(out, "version", bnc_version());
  bnc_byte_buffer_text(out, ",");
  put_label(out, "model", gauges->model);
  bnc_byte_buffer_text(out, ",");
  put_label(out, "cpu_level", gauges->cpu_level);
  bnc_byte_buffer_text(out, "} 1\n");
  pthread_mutex_lock(&m->lock);
  put_counters(m, out);
  number(out, "start_time_seconds", "gauge", "Since 1970.", m->started);
  pthread_mutex_unlock(&m->lock);
  number(out, "threads", "gauge", "That compute an answer.", (double)gauges->threads);
  number(out, "queue_length", "gauge", "Questions that wait.", (double)gauges->queue);
  number(out, "answers_running", "gauge", "Questions that are being answered.", (double)gauges->running);
  number(out, "connections", "gauge", "Open connections.", (double)gauges->connections);
  number(out, "buffered_bytes", "gauge", "Bodies that are coming in and replies that were not taken yet.", (double)gauges->buffered);
  number(out, "resident_memory_bytes", "gauge", "Memory of the process, the model's file included.", resident_bytes());
}
