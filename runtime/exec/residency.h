/* SPDX-License-Identifier: Apache-2.0 */
/** @file residency.h  Which mapped weights stay in memory. All of them do where there is room. Where there is not, each program keeps as
   many as fit, the same ones each time, and streams the others: they are fetched a part ahead and put away behind the op that read them. A
   system left to itself gives up what was read longest ago, and that is what a program in a circle needs next: it would read all of them
   anew each time. */
#ifndef BINOCLE_RUNTIME_EXEC_RESIDENCY_H
#define BINOCLE_RUNTIME_EXEC_RESIDENCY_H

#include "runtime/exec/executor_private.h"

typedef struct bnc_residency bnc_residency;

/** After the executor's linear layers are made. `room` bytes of mapped weights may stay. scarce: the machine has no more; else it may well
 * keep in its caches what leaves this process. */
bnc_status bnc_residency_create(bnc_residency **residency, const bnc_executor *ex, uint64_t room, bool scarce, bnc_error *err);
void bnc_residency_destroy(bnc_residency *residency);

/** Before op `op` of a run. */
void bnc_residency_step(bnc_residency *residency, bnc_program_id id, uint32_t op);
/** Behind a run's last op. */
void bnc_residency_end(bnc_residency *residency, bnc_program_id id);
/** The program will not run for a while: none of its weights need stay. */
void bnc_residency_leave(const bnc_residency *residency, bnc_program_id id);

/** Bytes that a run of the program streams. */
uint64_t bnc_residency_streamed(const bnc_residency *residency, bnc_program_id id);

#endif
