/* SPDX-License-Identifier: Apache-2.0 */
/** @file memory.h  How much memory there is, and how much of it this process may still take. Looked up anew at each call: others take and
 * give back. */
#ifndef BINOCLE_PLATFORMS_MACHINE_MEMORY_H
#define BINOCLE_PLATFORMS_MACHINE_MEMORY_H

#include <stdint.h>

#include "platforms/base/error.h"

/** Bytes of the machine, and those that it could give without swapping; 0 where it does not say. */
void bnc_memory_read(uint64_t *total, uint64_t *available);

typedef struct bnc_memory_room {
  uint64_t bytes;    /* at most half of the address space */
  const char *bound; /* what leaves no more: "this machine", "the control group", "the limit on the address space" ... */
} bnc_memory_room;

/** The least of what the machine has available, of what the control groups (v1 and v2) grant, caches that can be given up counted as free,
    and of what the limits on address space and data (RLIMIT_AS, RLIMIT_DATA) leave. */
bnc_memory_room bnc_memory_room_left(void);

/** The same without the limits of the process: what files that are mapped already may take. */
bnc_memory_room bnc_memory_room_for_maps(void);

/** BNC_ERROR_LIMIT with what `what` needs and what there is where it is too much. Asking for more would end the process, or others, rather
 * than fail. */
bnc_status bnc_memory_check(uint64_t needed, const char *what, bnc_error *err);

#endif
