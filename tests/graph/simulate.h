/* SPDX-License-Identifier: Apache-2.0 */
/** @file simulate.h  Runs a schedule over tags instead of numbers: every element of the arena knows which element of which value was
   written there last. A step that reads anything but what its inputs say, because two blocks overlap, something was overwritten too early
   or a view points elsewhere, fails the test. */
#ifndef BINOCLE_TESTS_SIMULATE_H
#define BINOCLE_TESTS_SIMULATE_H

#include "quant/schedule/schedule.h"

/** label: for messages. */
void simulate_schedule(const bnc_schedule *schedule, const char *label);
/** No two blocks that live at one step overlap, none leaves the arena, and the arena is at least what lives at once. */
void check_plan(const bnc_schedule *schedule, const char *label);

/** A tensor source of zeros and other cheap values. */
bnc_status simulated_read(void *context, const char *name, size_t first, size_t count, float *out, bnc_error *err);

#endif
