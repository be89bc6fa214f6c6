/* SPDX-License-Identifier: Apache-2.0 */
/** @file profile_roofs.h  What this machine can do at most right now, on the threads of the run: measured before it and behind it. */
#ifndef BINOCLE_RUNTIME_PROFILE_PROFILE_ROOFS_H
#define BINOCLE_RUNTIME_PROFILE_PROFILE_ROOFS_H

#include "ops/kernels.h"
#include "platforms/threads/threads.h"
#include "runtime/describe/op_cost.h"

typedef enum bnc_roof { BNC_ROOF_F32, BNC_ROOF_INT8, BNC_ROOF_BF16, BNC_ROOF_MEMORY, BNC_ROOF_L3, BNC_ROOF_L2, BNC_ROOFS } bnc_roof;
/** "f32 compute", "int8 compute", "bf16 compute", "memory", "L3", "L2". */
const char *bnc_roof_name(bnc_roof roof);
/** "GOP/s" of those that bound computing, else "GB/s". */
const char *bnc_roof_unit(bnc_roof roof);

typedef struct bnc_profile_roofs {
  /* Of all threads together: billions of operations (a multiply-add is two), or GB, per second. The best of a few runs; 0: no such cache.
   */
  double before[BNC_ROOFS], after[BNC_ROOFS];
  size_t l2_bytes, l3_bytes; /* of what all threads see together; 0: not known */
  bool measured;             /* before, that is */
} bnc_profile_roofs;

/** The first call fills in `before`, the second `after`. Some 300 ms. */
bnc_status bnc_profile_roofs_measure(bnc_profile_roofs *roofs, const bnc_kernels *kernels, bnc_pool *pool, bnc_error *err);
/** An inner level is no slower than what lies outside of it: where a busy machine measured it so, it gets the outer one's rate. */
void bnc_profile_roofs_order(double rate[BNC_ROOFS]);
/** The better of both. */
double bnc_profile_roofs_best(const bnc_profile_roofs *roofs, bnc_roof roof);

/** The least time, ns, that an op's work takes under the roofs, and which roof that is: min(compute, bandwidth * intensity) of the usual
   picture. compute: the roof over what it computes with. Bytes come from the smallest cache that holds them all; those of weights and of
   the KV cache (stored) from where `resident`, all that a run reads of them, fits. Where both take part, the roof is the one under which
   more of the time passes. */
double bnc_profile_roofs_bound(const bnc_profile_roofs *roofs, const bnc_op_cost *cost, bnc_roof compute, uint64_t resident,
                               bnc_roof *which);

#endif
