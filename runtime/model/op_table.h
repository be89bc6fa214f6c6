/* SPDX-License-Identifier: Apache-2.0 */
/** @file op_table.h  Every kind of op, a row each: what more than one part of the tree must know about a kind stands here and nowhere else.
   The file's numbering, names, validation, live rows, aliasing, costs, descriptions and the executor's dispatch are made from these rows.
   What a new op takes: runtime/README.md. */
#ifndef BINOCLE_RUNTIME_MODEL_OP_TABLE_H
#define BINOCLE_RUNTIME_MODEL_OP_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BNC_OP_INPUTS 4
#define BNC_OP_OUTPUTS 3

/** What an operand is to its op. */
typedef enum bnc_role {
  BNC_ROLE_NONE = 0, /* absent */
  /* Inputs */
  BNC_ROLE_ROWS,    /* f32; row r of the results comes from row r of it, and from no other row */
  BNC_ROLE_INPLACE, /* ROWS whose place the first result may take */
  BNC_ROLE_LAYER,   /* like ROWS, but f32 or qd8: the weight's type says which */
  BNC_ROLE_WHOLE,   /* f32; any row may be read */
  BNC_ROLE_LAST,    /* f32 with as many rows as the run; its last one is read */
  BNC_ROLE_VECTOR,  /* f32 [1, columns of the first input] */
  BNC_ROLE_PIXELS,  /* u8 [pixels, 3]; row by row as ROWS */
  BNC_ROLE_PICTURE, /* u8 [pixels, 3]; any row may be read */
  BNC_ROLE_LEVELS,  /* constant f32 [3, 256]: what the bytes of each channel stand for */
  /* Results */
  BNC_ROLE_RESULT,  /* f32 */
  BNC_ROLE_SUM,     /* f32, always written: the op itself reads it */
  BNC_ROLE_F32,     /* f32, absent where nobody reads it */
  BNC_ROLE_QD8,     /* qd8 */
  BNC_ROLE_QD8_TWIN /* the f32 result quantised to qd8, absent where nobody reads it */
} bnc_role;

/** Kinds that pictures and tables show as one. */
typedef enum bnc_op_group {
  BNC_GROUP_PICTURE,
  BNC_GROUP_LINEAR,
  BNC_GROUP_ATTENTION,
  BNC_GROUP_NORM,
  BNC_GROUP_ACTIVATION,
  BNC_GROUP_SUM,
  BNC_GROUP_MOVE,
  BNC_GROUPS
} bnc_op_group;

/** How multiply-accumulates follow from an op's sizes. */
typedef enum bnc_macs_rule {
  BNC_MACS_NONE,    /* not counted: a few operations per element */
  BNC_MACS_PRODUCT, /* rows * cols * depth, depth being the columns of x */
  BNC_MACS_KEYS,    /* 2 * rows * cols * depth, depth being the keys */
  BNC_MACS_TAPS,    /* taps[0] * cols */
  BNC_MACS_TAPS_2D  /* taps[0] * taps[1] * cols */
} bnc_macs_rule;

/*
 * The table. A row's place is the kind's number in model files: new kinds go to the end.
 *
 * Kinds of one family share attributes (bnc_op_attributes), a validator (valid_FAMILY in validate_op.c) and a runner (bnc_run_FAMILY in
 * runtime/exec); a row whose family lacks one of them does not compile or link.
 *
 * ATTENTION_I8 is ATTENTION, rounded to int8 on the way (ops/attention/attention.h). PATCHES unfolds an f32 picture, PATCHES_U8 an 8-bit
 * one whose LEVELS ascend where it quantises. KV_APPEND writes rows of the KV cache.
 * HADAMARD's second input is the constant by which blocks are mixed (ops/hadamard/hadamard.h).
 */
/* clang-format off */
#define BNC_OP_TABLE(OP) \
  /* kind            name             family           group       macs      inputs                            results */ \
  OP(NORMALIZE,      normalize,       normalize,       PICTURE,    NONE,     PIXELS,  LEVELS,  NONE,   NONE,   RESULT, NONE,     NONE) \
  OP(RESAMPLE,       resample,        resample,        PICTURE,    TAPS_2D,  WHOLE,   NONE,    NONE,   NONE,   RESULT, NONE,     NONE) \
  OP(PATCHES,        patches,         patches,         PICTURE,    NONE,     WHOLE,   NONE,    NONE,   NONE,   RESULT, NONE,     NONE) \
  OP(PATCHES_U8,     patches_u8,      patches,         PICTURE,    NONE,     PICTURE, LEVELS,  NONE,   NONE,   F32,    QD8_TWIN, NONE) \
  OP(GATHER,         gather,          gather,          MOVE,       TAPS,     WHOLE,   NONE,    NONE,   NONE,   RESULT, NONE,     NONE) \
  OP(COPY,           copy,            copy,            MOVE,       NONE,     ROWS,    NONE,    NONE,   NONE,   RESULT, NONE,     NONE) \
  OP(LINEAR,         linear,          linear,          LINEAR,     PRODUCT,  LAYER,   NONE,    NONE,   NONE,   RESULT, NONE,     NONE) \
  OP(LAYER_NORM,     layer_norm,      norm,            NORM,       NONE,     ROWS,    VECTOR,  VECTOR, NONE,   F32,    QD8_TWIN, NONE) \
  OP(RMS_NORM,       rms_norm,        norm,            NORM,       NONE,     ROWS,    VECTOR,  NONE,   NONE,   F32,    QD8_TWIN, NONE) \
  OP(ADD,            add,             add,             SUM,        NONE,     INPLACE, INPLACE, NONE,   NONE,   RESULT, NONE,     NONE) \
  OP(ADD_LAYER_NORM, add_layer_norm,  norm,            NORM,       NONE,     INPLACE, INPLACE, VECTOR, VECTOR, SUM,    F32,      QD8_TWIN) \
  OP(ADD_RMS_NORM,   add_rms_norm,    norm,            NORM,       NONE,     INPLACE, INPLACE, VECTOR, NONE,   SUM,    F32,      QD8_TWIN) \
  OP(MEAN,           mean,            add,             SUM,        NONE,     ROWS,    ROWS,    NONE,   NONE,   RESULT, NONE,     NONE) \
  OP(GELU,           gelu,            activate,        ACTIVATION, NONE,     ROWS,    NONE,    NONE,   NONE,   F32,    QD8_TWIN, NONE) \
  OP(QUICK_GELU,     quick_gelu,      activate,        ACTIVATION, NONE,     ROWS,    NONE,    NONE,   NONE,   F32,    QD8_TWIN, NONE) \
  OP(SILU_MUL,       silu_mul,        activate,        ACTIVATION, NONE,     ROWS,    ROWS,    NONE,   NONE,   F32,    QD8_TWIN, NONE) \
  OP(QUANTIZE,       quantize,        quantize,        NORM,       NONE,     ROWS,    NONE,    NONE,   NONE,   QD8,    NONE,     NONE) \
  OP(ATTENTION,      attention,       attention,       ATTENTION,  KEYS,     ROWS,    WHOLE,   WHOLE,  NONE,   RESULT, NONE,     NONE) \
  OP(ROPE,           rope,            rope,            MOVE,       NONE,     INPLACE, NONE,    NONE,   NONE,   RESULT, NONE,     NONE) \
  OP(KV_APPEND,      kv_append,       kv_append,       MOVE,       NONE,     WHOLE,   WHOLE,   NONE,   NONE,   NONE,   NONE,     NONE) \
  OP(CACHE_ATTENTION,cache_attention, cache_attention, ATTENTION,  KEYS,     ROWS,    NONE,    NONE,   NONE,   RESULT, NONE,     NONE) \
  OP(LAST_ROW,       last_row,        last_row,        MOVE,       NONE,     LAST,    NONE,    NONE,   NONE,   RESULT, NONE,     NONE) \
  OP(ATTENTION_I8,   attention_i8,    attention,       ATTENTION,  KEYS,     ROWS,    WHOLE,   WHOLE,  NONE,   RESULT, NONE,     NONE) \
  OP(HADAMARD,       hadamard,        hadamard,        ACTIVATION, NONE,     INPLACE, WHOLE,   NONE,   NONE,   RESULT, NONE,     NONE)
/* clang-format on */

#define BNC_OP_ENUM(kind, ...) BNC_OP_##kind,
typedef enum bnc_op_kind { BNC_OP_TABLE(BNC_OP_ENUM) BNC_OP_KINDS } bnc_op_kind;
#undef BNC_OP_ENUM

typedef struct bnc_op_info {
  const char *name; /* "add_rms_norm" */
  bnc_op_group group;
  bnc_macs_rule macs;
  bnc_role in[BNC_OP_INPUTS], out[BNC_OP_OUTPUTS];
} bnc_op_info;

/** A kind's row; for a number that is no kind, one that is called "?" and has no operands. */
const bnc_op_info *bnc_op_info_of(uint32_t kind);

/** True where row r of the results is computed from row r of an input (and no other row of it). */
static inline bool bnc_role_is_rowwise(bnc_role role) {
  return role == BNC_ROLE_ROWS || role == BNC_ROLE_INPLACE || role == BNC_ROLE_LAYER || role == BNC_ROLE_PIXELS;
}

/** What the rules for multiply-accumulates need; members that a rule does not name may be anything. */
typedef struct bnc_op_sizes {
  uint64_t rows, cols; /* of the first result */
  uint64_t depth;
  uint64_t taps[2];
} bnc_op_sizes;

uint64_t bnc_op_macs(uint32_t kind, const bnc_op_sizes *sizes);

#endif
