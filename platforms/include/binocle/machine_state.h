/* SPDX-License-Identifier: Apache-2.0 */
/** @file machine_state.h  How the machine is while something is measured on it, and whether that spoils the measurement. */
#ifndef BINOCLE_MACHINE_STATE_H
#define BINOCLE_MACHINE_STATE_H

#include <stddef.h>
#include <stdint.h>

#include <binocle/export.h>
#include <binocle/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A look at the machine. What counts up counts from some fixed moment: take the difference of two looks. */
typedef struct bnc_machine_state {
  size_t size;             /**< see binocle.h: set it before the call */
  double wall_s;           /**< a clock that only moves forward, seconds */
  double cpu_s;            /**< computed by all threads of this process, seconds */
  double waited_s;         /**< that the calling thread was ready and had no CPU, seconds; 0 where the system does not tell */
  uint64_t pages_read;     /**< page faults of this process that were read from a disk */
  double load;             /**< processes that run or wait to, averaged over a minute; NaN: not known */
  double celsius;          /**< of the hottest zone; NaN: not known */
  uint32_t mhz;            /**< clock of the fastest CPU; 0: not known */
  uint32_t throttled;      /**< not 0: firmware or kernel say that it holds itself back now */
  int64_t throttle_events; /**< times that some core was slowed since boot; -1: not told */
  char governor[32];       /**< of the first CPU's clock: "schedutil"; "": not known */
} bnc_machine_state;
/** Looks; on a Raspberry Pi it takes milliseconds, as its firmware is asked through a program. Fails with BNC_ERROR_ARGUMENT alone. */
BNC_API bnc_status bnc_machine_look(bnc_machine_state *state);

/** What makes times doubtful that were taken between two looks of one thread: "the machine was busy: 57 s of CPU in 394 s", that it waited
 * for the disk, or that it was throttled; a sentence without full stop in text [size]. Returns 1 where there is something, else 0. */
BNC_API int bnc_machine_doubt(const bnc_machine_state *before, const bnc_machine_state *after, char *text, size_t size);

#ifdef __cplusplus
}
#endif
#endif
