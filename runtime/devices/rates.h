/* SPDX-License-Identifier: Apache-2.0 */
/** @file rates.h  What this machine can do, measured in a few seconds. */
#ifndef BINOCLE_RUNTIME_DEVICES_RATES_H
#define BINOCLE_RUNTIME_DEVICES_RATES_H

#include "platforms/base/context_private.h"
#include "runtime/devices/estimate.h"

/** Runs ops/limits on the context's number of threads, for less than five seconds on machines that are not emulated. Computing is timed by
 * the threads' own CPU time: what other programs take meanwhile does not count, but is told. Watts are those of the best meter, if there is
 * one. BNC_ERROR_CANCELLED: the progress callback asked. */
bnc_status bnc_rates_measure(bnc_rates *rates, bnc_context *context, bnc_error *err);

#endif
