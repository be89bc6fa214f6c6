/* SPDX-License-Identifier: Apache-2.0 */
/** @file progress.h  A bar with an estimate on standard error; nothing where that is no terminal. */
#ifndef BINOCLE_RUNTIME_PROGRAM_PROGRESS_H
#define BINOCLE_RUNTIME_PROGRAM_PROGRESS_H

#include <stdbool.h>

typedef struct bnc_progress {
  bool on;    /* false: every call does nothing */
  bool shown; /* a bar stands in the terminal's line */
  char stage[48];
  double stage_start, last_draw; /* seconds of the monotonic clock */
  double fraction;
} bnc_progress;

/** quiet: never on. */
void bnc_progress_init(bnc_progress *progress, bool quiet);
/** A stage is `fraction` done, 0 to 1; 0 also begins it. Draws ten times a second at most, and each new stage at once. */
void bnc_progress_show(bnc_progress *progress, const char *stage, double fraction);
/** Takes the bar away: before anything else is written. */
void bnc_progress_clear(bnc_progress *progress);

/** Seconds of the monotonic clock. */
double bnc_seconds(void);

#endif
