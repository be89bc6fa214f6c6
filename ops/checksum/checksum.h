/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file checksum.h  XXH3-64, seed 0, of all of a range: what the blocks of model files and of packed weights carry against accidents. It is
 * xxHash's own code, which has a vector form for each level, compiled once for each: every start checks all the weights that it will use,
 * so that the compiler's basic instruction set would be most of a large model's load.
 */
#ifndef BINOCLE_OPS_CHECKSUM_CHECKSUM_H
#define BINOCLE_OPS_CHECKSUM_CHECKSUM_H

#include "ops/level.h"

BNC_KERNEL_GIVING(uint64_t, checksum_xxh3, const void *data, size_t size);

typedef struct bnc_checksum_ops {
  bnc_checksum_xxh3_fn *xxh3;
} bnc_checksum_ops;

/** The kernel of this machine's level, for who has no bnc_kernels: scalar's where the level cannot be told. The sums are the same. */
bnc_checksum_xxh3_fn *bnc_checksum_here(void);

#endif
