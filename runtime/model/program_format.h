/* SPDX-License-Identifier: Apache-2.0 */
/** @file program_format.h  A program section of a .bnc file: a head, then a flat list of ops over matrices at fixed arena offsets, then
 * probes. */
#ifndef BINOCLE_RUNTIME_MODEL_PROGRAM_FORMAT_H
#define BINOCLE_RUNTIME_MODEL_PROGRAM_FORMAT_H

#include <stdint.h>

#include "ops/qd8.h"
#include "runtime/model/op_table.h"

typedef enum bnc_space { BNC_SPACE_NONE = 0, BNC_SPACE_ARENA = 1, BNC_SPACE_CONSTANT = 2 } bnc_space;
/** What activations are made of, in graphs and in the file. */
typedef enum bnc_element {
  BNC_ELEMENT_F32 = 0,
  BNC_ELEMENT_U8 = 1,
  BNC_ELEMENT_QD8 = 2,  /* int8 rows with a scale and a zero point per row, found while running */
  BNC_ELEMENT_STATE = 3 /* one layer of the KV cache: in graphs alone, no operand in a file */
} bnc_element;

/** A matrix in the arena or among the constants. QD8 holds (rows + BNC_QD8_EXTRA) params, padding to 64, then rows * cols int8 and
    BNC_QD8_EXTRA bytes that are only read. */
typedef struct bnc_operand {
  uint8_t space, element, varying, reserved;
  uint32_t rows, cols, stride; /* stride in elements; QD8: stride == cols */
  uint64_t offset;             /* bytes */
} bnc_operand;
_Static_assert(sizeof(bnc_operand) == 24, "operand");

/** What an op needs to know beyond its operands, by the family of its kind (op_table.h); families that are not named here need nothing. */
typedef union bnc_op_attributes {
  struct {
    uint32_t patch; /* pixels per side */
  } patches;
  struct {
    uint32_t from, count; /* rows of the weight: columns of the result; of an int4 or bf16 weight, `from` starts a panel */
  } linear;
  struct {
    uint32_t reserved[4];
    float eps;
  } norm;
  struct {
    uint32_t heads, kv_heads;
    uint32_t layer; /* of the KV cache; only cache_attention's */
    uint32_t reserved;
    float scale;
  } attention; /* and cache_attention */
  struct {
    uint32_t heads;
  } rope;
  struct {
    uint32_t layer, kv_heads;
  } kv_append;
} bnc_op_attributes;
_Static_assert(sizeof(bnc_op_attributes) == 20, "attributes");

/** Shapes that operands must have to fit each other: valid_FAMILY in validate_op.c. */
typedef struct bnc_file_op {
  uint16_t kind; /* bnc_op_kind */
  uint16_t flags;
  uint32_t name;   /* strings */
  uint32_t weight; /* UINT32_MAX: none */
  bnc_op_attributes attr;
  bnc_operand in[BNC_OP_INPUTS], out[BNC_OP_OUTPUTS];
  bnc_operand table[2]; /* constants: a bnc_file_taps header at offset; rows = its rows, cols = its input's rows */
  uint64_t macs;
} bnc_file_op;
_Static_assert(sizeof(bnc_file_op) == 256, "op");

/** A table of taps among the constants: this header, then start u32 [rows+1], index u32 [taps], weight f32 [taps]. */
typedef struct bnc_file_taps {
  uint32_t rows, in_rows, taps, gather; /* gather: each row is one tap of weight 1 */
} bnc_file_taps;

typedef enum bnc_stage { BNC_STAGE_PIXELS = 0, BNC_STAGE_TILES = 1, BNC_STAGE_DEM = 2, BNC_STAGE_PROJECTOR = 3, BNC_STAGES } bnc_stage;

typedef struct bnc_file_probe {
  uint32_t stage, name;
  uint32_t op; /* valid after this op */
  uint32_t reserved;
  bnc_operand value; /* f32 */
} bnc_file_probe;
_Static_assert(sizeof(bnc_file_probe) == 40, "probe");

/** Head of a program section; ops and probes follow. */
typedef struct bnc_file_program {
  uint32_t ops, probes;
  uint64_t arena_bytes;
  uint64_t live_bytes; /* the largest set that is live at once: the lower bound of arena_bytes */
  uint64_t macs;
  uint64_t reserved[2];
  bnc_operand input, output;
  uint8_t padding[32];
} bnc_file_program;
_Static_assert(sizeof(bnc_file_program) == 128, "program");

/** Bytes before a QD8 operand's int8 rows. */
static inline uint64_t bnc_qd8_data_offset(uint64_t rows) { return ((rows + BNC_QD8_EXTRA) * 8 + 63) & ~(uint64_t)63; }
/** Bytes of an operand, the last row counted without its stride's rest. */
static inline uint64_t bnc_operand_bytes(const bnc_operand *o) {
  if (o->rows == 0 || o->cols == 0) return 0;
  if (o->element == BNC_ELEMENT_QD8) return bnc_qd8_data_offset(o->rows) + (uint64_t)o->rows * o->cols + BNC_QD8_EXTRA;
  return ((uint64_t)(o->rows - 1) * o->stride + o->cols) * (o->element == BNC_ELEMENT_F32 ? 4 : 1);
}

#endif
