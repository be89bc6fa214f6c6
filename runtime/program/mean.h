/* SPDX-License-Identifier: Apache-2.0 */
/** @file mean.h  Means with their standard errors. */
#ifndef BINOCLE_RUNTIME_PROGRAM_MEAN_H
#define BINOCLE_RUNTIME_PROGRAM_MEAN_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** A mean over tokens or rows. Its standard error counts as if what is found at one said nothing about the next. */
typedef struct bnc_mean {
  double sum, squares;
} bnc_mean;

static inline void bnc_mean_add(bnc_mean *m, double value) {
  m->sum += value;
  m->squares += value * value;
}

static inline double bnc_mean_of(const bnc_mean *m, uint64_t n) { return m->sum / (double)n; }

static inline double bnc_mean_error(const bnc_mean *m, uint64_t n) {
  const double mean = bnc_mean_of(m, n), variance = m->squares / (double)n - mean * mean;
  return n > 1 && variance > 0 ? sqrt(variance / (double)(n - 1)) : 0;
}

#endif
