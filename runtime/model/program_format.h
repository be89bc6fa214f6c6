/* SPDX-License-Identifier: Apache-2.0 */
/** @file program_format.h  A program section of a .bnc file: a head, then a flat list of ops over matrices at fixed arena offsets, then
 * probes. */
#ifndef BINOCLE_RUNTIME_MODEL_PROGRAM_FORMAT_H
#define BINOCLE_RUNTIME_MODEL_PROGRAM_FORMAT_H

#include <stdint.h>

#include "ops/qd8.h"

typedef enum bnc_space { BNC_SPACE_NONE = 0, BNC_SPACE_ARENA = 1, BNC_SPACE_CONSTANT = 2 } bnc_space;
typedef enum bnc_element { BNC_ELEMENT_F32 = 0, BNC_ELEMENT_U8 = 1, BNC_ELEMENT_QD8 = 2 } bnc_element;

/** A matrix in the arena or among the constants. QD8 holds (rows + BNC_QD8_EXTRA) params, padding to 64, then rows * cols int8 and
    BNC_QD8_EXTRA bytes that are only read. */
typedef struct bnc_operand {
  uint8_t space, element, varying, reserved;
  uint32_t rows, cols, stride; /* stride in elements; QD8: stride == cols */
  uint64_t offset;             /* bytes */
} bnc_operand;
_Static_assert(sizeof(bnc_operand) == 24, "operand");

typedef enum bnc_op_kind {
  BNC_OP_NORMALIZE = 0, /* in: picture u8 [p,3], lut [3,256]                                   out: f32 [p,3] */
  BNC_OP_RESAMPLE,      /* in: x [h*w,c]; table y: rows h' (in h), x: rows w' (in w)           out: [h'*w',c] */
  BNC_OP_PATCHES,       /* in: x [h*w,3]; tables y, x of one tap per row (side <- h, side <- w); a[0] = patch  out: [grid*grid,3pp] */
  BNC_OP_PATCHES_U8,    /* in: picture u8, lut; the same, but out: f32, qd8 (either may be absent; with qd8, the lut ascends) */
  BNC_OP_GATHER,        /* in: x; table                                                         out: [rows,c] */
  BNC_OP_COPY,          /* in: x                                                                out: the same shape */
  BNC_OP_LINEAR, /* in: x (f32 or qd8); weight, rows [a[0], a[0] + a[1]) of it           out: f32 [rows,a[1]]; QG4: a[0] starts a panel */
  BNC_OP_LAYER_NORM,      /* in: x, gamma, beta; f[0] = eps                                       out: f32, qd8 (either may be absent) */
  BNC_OP_RMS_NORM,        /* in: x, gamma; f[0] = eps                                             out: f32, qd8 */
  BNC_OP_ADD,             /* in: a, b                                                             out: a + b */
  BNC_OP_ADD_LAYER_NORM,  /* in: a, b, gamma, beta                                                out: a + b, f32 norm, qd8 norm */
  BNC_OP_ADD_RMS_NORM,    /* in: a, b, gamma                                                      out: a + b, f32 norm, qd8 norm */
  BNC_OP_MEAN,            /* in: a, b                                                             out: (a + b) / 2 */
  BNC_OP_GELU,            /* in: x                                                                out: f32, qd8 */
  BNC_OP_QUICK_GELU,      /* in: x                                                                out: f32, qd8 */
  BNC_OP_SILU_MUL,        /* in: gate, up                                                         out: f32, qd8 */
  BNC_OP_QUANTIZE,        /* in: f32                                                              out: qd8 */
  BNC_OP_ATTENTION,       /* in: q, k, v; a = heads, kv_heads; f[0] = scale                       out: [rows,heads*d] */
  BNC_OP_ROPE,            /* in: x; a[0] = heads                                                  out: alike, may be x itself */
  BNC_OP_KV_APPEND,       /* in: k, v; a = layer, kv_heads */
  BNC_OP_CACHE_ATTENTION, /* in: q; a = heads, kv_heads, layer; f[0] = scale                      out: [rows,heads*d] */
  BNC_OP_LAST_ROW,        /* in: x (varying)                                                      out: [1,c] */
  BNC_OP_ATTENTION_I8,    /* BNC_OP_ATTENTION, rounded to int8 on the way (ops/attention/attention.h) */
  BNC_OP_KINDS
} bnc_op_kind;

#define BNC_OP_INPUTS 4
#define BNC_OP_OUTPUTS 3

typedef struct bnc_file_op {
  uint16_t kind, flags;
  uint32_t name;   /* strings */
  uint32_t weight; /* UINT32_MAX: none */
  uint32_t a[4];
  float f[1];
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
