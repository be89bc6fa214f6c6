/* SPDX-License-Identifier: Apache-2.0 */
/** @file profile_sums.h  What a record comes to: per op, per kind of op, per tile and per layer. */
#ifndef BINOCLE_RUNTIME_PROFILE_PROFILE_SUMS_H
#define BINOCLE_RUNTIME_PROFILE_PROFILE_SUMS_H

#include "runtime/profile/profile_record.h"

#define BNC_LABEL_SIZE 24

/** An op's place in the model, from its name: "crop0.layer3.mlp.fc1". */
typedef struct bnc_profile_label {
  char tile[BNC_LABEL_SIZE];  /* "crop0", "stride4", "DEM", "projector"; "": of a text program */
  char layer[BNC_LABEL_SIZE]; /* "layer3", "block0", "phase4"; "": of none */
} bnc_profile_label;

/** Of all ops of a program that the model has: labels [ops]. Behind the first op of DEM no op is a tile's, behind the projector's first
 * none is DEM's: what they do for a tile is theirs. */
void bnc_profile_labels(const bnc_model_file *file, bnc_program_id id, bnc_profile_label *labels);

/** The event behind those from `from` on that follow each other in one tile (layers: in one layer of it too). label: of the phase's
 * program. */
size_t bnc_profile_part_end(const bnc_profile *profile, const bnc_profile_phase *phase, const bnc_profile_label *label, size_t from,
                            bool layers);

/** An op's runs, or a kind's, a tile's, a layer's. */
typedef struct bnc_profile_sum {
  uint32_t program, op, kind; /* of an op; kind: of a kind too */
  bnc_profile_label label;    /* of an op, a tile or a layer */
  uint64_t calls, nanoseconds, cpu, least, most;
  uint64_t quartile[3], p99; /* of an op's nanoseconds: a quarter, half and three quarters of its runs took no more */
  /* Nanoseconds if each of an op's runs had taken the median, or the CPU time where that is known and less (an op always keeps a thread
     busy): what other programs took away is left out. */
  uint64_t typical;
  uint64_t macs, bytes;    /* of all calls */
  uint64_t rows, position; /* of an op's last run */
  double bound;            /* ns that all calls take at least under the roofs */
  double under[BNC_ROOFS]; /* of these, under which roof */
} bnc_profile_sum;

/** *sums is freed with bnc_mem_free. Per op of each program, dearest first. */
bnc_status bnc_profile_sum_ops(const bnc_profile *profile, bnc_profile_sum **sums, size_t *count, bnc_error *err);

typedef enum bnc_profile_by { BNC_BY_KIND, BNC_BY_TILE, BNC_BY_LAYER } bnc_profile_by;
/** Sums of sums: kinds, dearest first; tiles (of vision alone) and layers as they come in their program. calls: of ops. */
bnc_status bnc_profile_sum_by(bnc_profile_by by, const bnc_profile_sum *ops, size_t op_count, bnc_profile_sum **sums, size_t *count,
                              bnc_error *err);

/** The roof that bounds most of it, and what it typically reached of the roofs: 0.5 is half as fast as they allow; NaN where they were not
 * measured. */
bnc_roof bnc_profile_sum_roof(const bnc_profile_sum *sum);
double bnc_profile_sum_reached(const bnc_profile_sum *sum);

/** All runs of one program. */
typedef struct bnc_profile_runs {
  uint64_t runs, rows, nanoseconds, cpu;
  double joules; /* NaN: not known */
} bnc_profile_runs;
bnc_profile_runs bnc_profile_sum_runs(const bnc_profile *profile, bnc_program_id id);

/** "115x128x384": rows, columns, and those of a linear's result; "1x640x4x32": queries, keys, heads and their size. */
void bnc_profile_shape(const bnc_profile *profile, const bnc_profile_sum *op, char *text, size_t size);
/** "qd8 x int4 -> f32". */
void bnc_profile_dtype(const bnc_profile *profile, const bnc_profile_sum *op, char *text, size_t size);

#endif
