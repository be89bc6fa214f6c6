/* SPDX-License-Identifier: Apache-2.0 */
/** @file pairs.h  A linear layer of queries, keys and values and the attention behind it, run as one (BNC_LINK_HEADS, links.h): a thread
 * computes those of a head and attends with them while they are in its cache, in place of writing all heads' to memory and fetching them
 * again. The same bits: a column of a layer depends on no other, and a head on no other. */
#ifndef BINOCLE_RUNTIME_EXEC_PAIRS_H
#define BINOCLE_RUNTIME_EXEC_PAIRS_H

#include "runtime/exec/executor_private.h"

/** Bytes of scratch of each thread for a pair with this attention. */
uint64_t bnc_pair_scratch(const bnc_file_op *attention);

/** Runs the pair that begins with run->op. With a clock, *share is the layer's part of the threads' time. */
bnc_status bnc_run_pair(const bnc_op_run *run, const bnc_tick_clock *clock, double *share);

#endif
