/* SPDX-License-Identifier: Apache-2.0 */
/** @file profile_compare.h  Which differences between two profiles are more than noise. */
#ifndef BINOCLE_RUNTIME_PROFILE_PROFILE_COMPARE_H
#define BINOCLE_RUNTIME_PROFILE_PROFILE_COMPARE_H

#include "platforms/file/page.h"
#include "runtime/profile/profile_saved.h"

typedef enum bnc_verdict { BNC_SAME, BNC_FASTER, BNC_SLOWER, BNC_TOO_FEW } bnc_verdict;

/** b against a, in nanoseconds: medians, and what chance alone may make of their difference. */
typedef struct bnc_difference {
  const char *program, *name, *kind;
  size_t calls[2];
  double median[2];
  double noise; /* differences up to it are no difference */
  bnc_verdict verdict;
} bnc_difference;

/** The noise of a median of n runs whose quartiles are 25 % and 75 %: its standard error is 1.2533 sigma / sqrt(n), where sigma is (p75 -
 * p25) / 1.349, as of normal values: outliers do not count. A difference counts beyond four standard errors of both (some hundred ops are
 * compared at once) and beyond `least` of a's median: that much, processes of one program differ by where memory happens to lie. Below five
 * runs of either, nothing can be said. */
bnc_difference bnc_difference_of(const bnc_saved_runs *a, const bnc_saved_runs *b, double least);
/** The least relative difference that is believed: 0.03, or 0.1 where either machine was busy. */
double bnc_difference_least(const bnc_saved_profile *a, const bnc_saved_profile *b);

/** A table for people, or one JSON object. names: of the files. */
bnc_status bnc_compare_print(const bnc_saved_profile *a, const bnc_saved_profile *b, const char *const names[2], bool json, char **text,
                             bnc_error *err);

#endif
