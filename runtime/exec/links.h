/* SPDX-License-Identifier: Apache-2.0 */
/** @file links.h  How an op hands its result on to the next one where nothing else reads that, and kernels gain by it. Worked out over the
 * programs' places in the arena when an executor is made; the bits are the same. */
#ifndef BINOCLE_RUNTIME_EXEC_LINKS_H
#define BINOCLE_RUNTIME_EXEC_LINKS_H

#include "runtime/exec/executor_private.h"

typedef enum bnc_link {
  BNC_LINK_NONE,  /* the result lies in the arena */
  BNC_LINK_HEADS, /* a layer of queries, keys and values, which runs together with its attention, head by head (pairs.h) */
  BNC_LINK_TILES  /* qd8 rows, which go straight into the executor's tiles, as the layer behind reads them (straight.h) */
} bnc_link;

/** Finds the links of all programs, for the executor's kernels, threads and rounds. */
bnc_status bnc_links_create(bnc_executor *ex, bnc_error *err);
void bnc_links_destroy(bnc_executor *ex);

/** That of op i, of a run that nobody observes op by op. */
static inline bnc_link bnc_link_of(const bnc_executor *ex, bnc_program_id id, uint32_t i) {
  return ex->on_op ? BNC_LINK_NONE : (bnc_link)ex->link_of[id][i];
}

#endif
