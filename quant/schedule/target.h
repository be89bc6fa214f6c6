/* SPDX-License-Identifier: Apache-2.0 */
/** @file target.h  The machine that a schedule is made for. Results do not depend on it, only how fast they come: a model file made for one
   machine runs on every other. */
#ifndef BINOCLE_QUANT_SCHEDULE_TARGET_H
#define BINOCLE_QUANT_SCHEDULE_TARGET_H

#include "platforms/cpu/cpu.h"

typedef struct bnc_target {
  char name[32];                       /* "pi5"; of this machine its kind of core, "Zen 3" */
  bnc_cpu_level level;                 /* kernels that it will run */
  unsigned cores;                      /* fast ones: as many threads as run by default */
  size_t l2_bytes, l3_bytes;           /* as one core sees them; l3_bytes 0: none */
  float l2_rate, l3_rate, memory_rate; /* bytes per cycle that one core reads while the others do the same */
} bnc_target;

/** Named machines; NULL behind the last, or where there is none of that name. Caches and cores are those of the boards' data sheets; rates
   are rough, and need only be right enough for what slab_cost.h decides with them. */
const bnc_target *bnc_target_at(size_t index);
const bnc_target *bnc_target_find(const char *name);
/** This machine, at the level that BINOCLE_CPU leaves it. Where the system does not tell a cache's size, that of a small core is taken. */
bnc_status bnc_target_detect(bnc_target *target, bnc_error *err);

#endif
