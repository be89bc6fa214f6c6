/* SPDX-License-Identifier: Apache-2.0 */
/** @file wilson.h  How sure a share of right answers is. */
#ifndef BINOCLE_RUNTIME_PROGRAM_EVAL_WILSON_H
#define BINOCLE_RUNTIME_PROGRAM_EVAL_WILSON_H

#include <stdint.h>

typedef struct bnc_interval {
  double low, high;
} bnc_interval;

/** The 95 % score interval of a share of which `right` of `count` were seen (E. B. Wilson, 1927, "Probable inference, the law of
   succession, and statistical inference"); 0 to 1 where nothing was. */
bnc_interval bnc_wilson(uint64_t right, uint64_t count);

#endif
