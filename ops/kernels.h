/* SPDX-License-Identifier: Apache-2.0 */
/** @file kernels.h  All kernels of one level. Tables of different levels can live side by side. */
#ifndef BINOCLE_OPS_KERNELS_H
#define BINOCLE_OPS_KERNELS_H

#include "ops/activate/activate.h"
#include "ops/add/add.h"
#include "ops/attention/attention.h"
#include "ops/checksum/checksum.h"
#include "ops/embed/embed.h"
#include "ops/gather/gather.h"
#include "ops/hadamard/hadamard.h"
#include "ops/kv_append/kv_append.h"
#include "ops/limits/limits.h"
#include "ops/matmul/matmul.h"
#include "ops/norm/norm.h"
#include "ops/outer/outer.h"
#include "ops/patches/patches.h"
#include "ops/quantize/quantize.h"
#include "ops/resample/resample.h"
#include "ops/rope/rope.h"

typedef struct bnc_kernels {
  bnc_cpu_level level;
  bnc_norm_ops norm;
  bnc_quantize_ops quantize;
  bnc_activate_ops activate;
  bnc_add_ops add;
  bnc_attention_ops attention;
  bnc_rope_ops rope;
  bnc_gather_ops gather;
  bnc_hadamard_ops hadamard;
  bnc_patches_ops patches;
  bnc_embed_ops embed;
  bnc_kv_append_ops kv_append;
  bnc_matmul_ops matmul;
  bnc_resample_ops resample;
  bnc_limits_ops limits;
  bnc_checksum_ops checksum;
  bnc_outer_ops outer;
} bnc_kernels;

/** Fills every slot with the best kernel that `level` may use (bnc_cpu.level of platforms/cpu/cpu.h). */
void bnc_kernels_init(bnc_kernels *kernels, bnc_cpu_level level);
/** The same of this machine's level: scalar's where it cannot be told. */
void bnc_kernels_here(bnc_kernels *kernels);

/** The name of the kernel in the slot at `offset` of a bnc_kernels: "matmul_i8"; NULL: there is no such slot. */
const char *bnc_kernels_name(size_t offset);
/** The level whose code that slot holds: what a level has no kernel of its own for, it takes from one below. */
bnc_cpu_level bnc_kernels_level_of(const bnc_kernels *kernels, size_t offset);

#endif
