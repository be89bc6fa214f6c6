/* SPDX-License-Identifier: Apache-2.0 */
/** @file metrics.h  What the server counts, in the text format of Prometheus (version 0.0.4). */
#ifndef BINOCLE_RUNTIME_PROGRAM_SERVE_METRICS_H
#define BINOCLE_RUNTIME_PROGRAM_SERVE_METRICS_H

#include <pthread.h>

#include "runtime/program/serve/chat_reply.h"

#define BNC_METRICS_PATHS 8
#define BNC_METRICS_CODES 20
#define BNC_METRICS_BUCKETS 12

typedef struct bnc_histogram {
  uint64_t bucket[BNC_METRICS_BUCKETS], count; /* bucket: not cumulative; what lies above the last counts in count alone */
  double sum;
} bnc_histogram;

typedef enum bnc_answer_end { BNC_ANSWER_STOP, BNC_ANSWER_LENGTH, BNC_ANSWER_CANCELLED, BNC_ANSWER_FAILED, BNC_ANSWER_ENDS } bnc_answer_end;

typedef struct bnc_metrics {
  pthread_mutex_t lock;
  double started; /* seconds since 1970 */
  struct {
    int status;
    uint64_t count[BNC_METRICS_PATHS];
  } code[BNC_METRICS_CODES];
  uint64_t answers[BNC_ANSWER_ENDS];
  bnc_chat_usage sums; /* of all answers */
  bnc_histogram queue, answer;
} bnc_metrics;

/** What is true now, for bnc_metrics_put. */
typedef struct bnc_gauges {
  const char *model, *cpu_level;
  size_t queue, running, connections, buffered, threads;
} bnc_gauges;

void bnc_metrics_begin(bnc_metrics *metrics);
void bnc_metrics_end(bnc_metrics *metrics);
/** A request was replied to. path: as it was asked; unknown ones count together. */
void bnc_metrics_request(bnc_metrics *metrics, const char *path, int status);
/** An answer is over; usage is as far as it came. */
void bnc_metrics_answer(bnc_metrics *metrics, bnc_answer_end end, const bnc_chat_usage *usage);
/** Seconds of an answer so far, on average; 1 before the first. */
double bnc_metrics_mean_seconds(bnc_metrics *metrics);
void bnc_metrics_put(bnc_metrics *metrics, const bnc_gauges *gauges, bnc_byte_buffer *out);

#endif
