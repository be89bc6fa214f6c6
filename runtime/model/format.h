/* SPDX-License-Identifier: Apache-2.0 */
/** @file format.h  The .bnc model file: what its bytes mean. Little-endian; every section starts at a multiple of 64 bytes, with zeros in
   between, and carries an XXH3-64 checksum; the large ones carry one per block instead. Structures here are the file's own: fixed-width
   fields, no padding, sizes held by static assertions. A reader trusts nothing before runtime/model/validate.c has passed it.

      header | section table | sections ...

    Programs are described in runtime/model/program_format.h. */
#ifndef BINOCLE_RUNTIME_MODEL_FORMAT_H
#define BINOCLE_RUNTIME_MODEL_FORMAT_H

#include <stdint.h>

#define BNC_FORMAT_MAGIC                                                                                                                   \
  "\x89"                                                                                                                                   \
  "BNC\r\n\x1a\n"             /* catches text-mode transfers, as PNG's does */
#define BNC_FORMAT_VERSION 5u /* files without BF16 are written as the version before, so that older programs still read them */
#define BNC_FORMAT_BEFORE_BF16 4u
#define BNC_FORMAT_OLDEST 3u /* the same without QC4 */
#define BNC_FORMAT_ALIGNMENT 64u
#define BNC_FORMAT_BLOCK ((size_t)256 << 10) /* of DATA, that has hashes of its own */
#define BNC_SECTIONS_MAX 64u

typedef struct bnc_file_header {
  char magic[8];
  uint32_t version;
  uint32_t sections;
  uint64_t file_size;
  uint64_t table_checksum; /* XXH3-64 of the section table */
  uint8_t reserved[24];
  uint64_t header_checksum; /* XXH3-64 of the bytes before this field */
} bnc_file_header;
_Static_assert(sizeof(bnc_file_header) == 64, "file header");

typedef enum bnc_section_kind {
  BNC_SECTION_META = 1,      /* one bnc_file_meta */
  BNC_SECTION_STRINGS = 2,   /* NUL-terminated strings; the last byte is NUL */
  BNC_SECTION_TOKENIZER = 3, /* runtime/text's compact form; absent without a tokenizer */
  BNC_SECTION_WEIGHTS = 4,   /* bnc_file_weight[] */
  BNC_SECTION_CONSTANTS = 5, /* f32 constants and tables of taps, at 64-byte multiples */
  BNC_SECTION_VISION = 6,    /* a program */
  BNC_SECTION_PREFILL = 7,
  BNC_SECTION_DECODE = 8,
  BNC_SECTION_REPORT = 9, /* what each pass saved: JSON, as compile --report writes it */
  BNC_SECTION_DATA = 10,  /* the weights; by far the largest */
  BNC_SECTION_PACKED =
      11, /* optional: f32 and int8 weights as one machine's XNNPACK wants them (ops/xnn/packed.h); other machines pass over it */
  BNC_SECTION_BLOCKS = 12, /* bnc_file_block[]: the hashes of DATA */
  BNC_SECTION_KINDS
} bnc_section_kind;

typedef struct bnc_file_section {
  uint32_t kind;
  uint32_t reserved;
  uint64_t offset, size;
  uint64_t checksum; /* XXH3-64; 0 for DATA, which has BLOCKS, and for PACKED, whose blocks have checksums inside it */
} bnc_file_section;
_Static_assert(sizeof(bnc_file_section) == 32, "section entry");

/** What BLOCKS knows of a block of DATA: BNC_FORMAT_BLOCK bytes, the last one maybe fewer. */
typedef struct bnc_file_block {
  uint64_t checksum;  /* XXH3-64 */
  uint8_t digest[32]; /* BLAKE2b-256 */
} bnc_file_block;
_Static_assert(sizeof(bnc_file_block) == 40, "block");

/** What a session needs to know beyond its programs. Counts that do not apply are 0. */
typedef struct bnc_file_meta {
  uint32_t vocabulary, hidden, layers, heads, kv_heads, head_dim, ffn;
  uint32_t context;         /* rows of the KV cache */
  uint32_t reference_limit; /* rows to which the reference cuts a joined sequence (tokenizer_model_max_length), at most context */
  uint32_t tied_embeddings;
  float rms_eps, rope_theta;
  uint32_t vision_width, vision_layers, vision_layers_used, vision_heads, vision_mlp, patch, grid, tile_side;
  uint32_t tiles_per_side; /* n; 1: one view, no DEM */
  uint32_t input_side;     /* pixels per side of what the picture is resized to */
  uint32_t image_rows;     /* embeddings per picture */
  uint32_t tile_encodes, tile_encodes_reference;
  uint32_t pad_colour;      /* 0xRRGGBB */
  uint32_t prompt_template; /* runtime/text/prompt.h */
  int32_t bos;              /* -1: none */
  uint32_t stops;
  int32_t stop[8];           /* token ids that end an answer */
  uint32_t embedding;        /* weight id of the token embeddings */
  uint32_t rope_frequencies; /* CONSTANTS offset / 64 of f32 [head_dim / 2] */
  uint32_t name;             /* strings */
  uint32_t kv_dtype;         /* bnc_kv_dtype */
  uint32_t target;           /* strings: the machine that the schedule was made for; 0: not told */
  uint32_t target_l2_kib, target_l3_kib, target_cores;
  uint32_t slab_matrices; /* matrices that run in column slabs ... */
  uint32_t slab_kib;      /* ... of at most so much */
  uint32_t system;        /* strings: the system text of a conversation that names none; 0: the prompt template's own */
  uint8_t reserved[64];
} bnc_file_meta;
_Static_assert(sizeof(bnc_file_meta) == 256, "meta");

/** How a matrix is stored, from the graph compiler to the kernels. */
typedef enum bnc_weight_dtype {
  BNC_WEIGHT_F32 = 0,
  BNC_WEIGHT_QC8 = 1,  /* int8, one f32 scale per output row, range [-127, 127] */
  BNC_WEIGHT_QG4 = 2,  /* int4 in groups along k, one bf16 scale per group, value = nibble - 8 */
  BNC_WEIGHT_QC4 = 3,  /* int4 in groups of 16 along k, an integer step of 1 to 16 per group under one f32 scale per output row */
  BNC_WEIGHT_BF16 = 4, /* bfloat16: the upper half of an f32, rounded to nearest even */
  BNC_WEIGHT_DTYPES
} bnc_weight_dtype;
#define BNC_QC4_GROUP 16u
typedef enum bnc_kv_dtype { BNC_KV_F32 = 0, BNC_KV_F16 = 1, BNC_KV_INT8 = 2 } bnc_kv_dtype;

static inline int bnc_weight_is_int4(uint32_t dtype) { return dtype == BNC_WEIGHT_QG4 || dtype == BNC_WEIGHT_QC4; }
/** Layers read f32; those of other types read qd8. */
static inline int bnc_weight_is_float(uint32_t dtype) { return dtype == BNC_WEIGHT_F32 || dtype == BNC_WEIGHT_BF16; }

/** y = x W^T + b with W [n, k]. F32: [n][k]. QC8: int8 [n][k], scales f32 [n]. QG4: as the kernels read it (ops/matmul/matmul.h), in panels
   of 8 rows, the last one filled up with rows of zeros (p = panels): two values a byte (nibble - 8) [p][k/32][4][8][4], where byte (c, i,
   j) of a panel's 32 columns holds columns 8 c + j (low) and 8 c + 4 + j (high) of row i; scales bf16 [p][k/group][8]; offsets f32 [p][8],
   each row's sum of its values times their scales. QC4: panels of 8 rows likewise, each its nibbles and behind them its steps
   (ops/matmul/matmul_c4.h); group is 16; scales f32 [p][8]; offsets int32 [p][8], each row's sum of (nibble - 8) step. BF16: panels of
   16 rows, the last one filled up likewise, [p][(k + 1) / 2][16][2]: column 2 c + j of row i at (c, i, j) (ops/matmul/matmul_bf16.h).
   Places count from the start of DATA. */
typedef struct bnc_file_weight {
  uint32_t dtype, n, k, group;
  uint64_t data, scales, offsets, bias; /* bias: f32 [n]. UINT64_MAX: none, as scales of F32 and BF16 and offsets of all but QG4 and QC4 */
  uint32_t name, reserved;
} bnc_file_weight;
_Static_assert(sizeof(bnc_file_weight) == 56, "weight");

/** Bytes of a weight's parts; 0: it has none. Shapes up to those that runtime/model/validate.c lets pass. */
typedef struct bnc_weight_sizes {
  uint64_t data, scales, offsets, bias;
} bnc_weight_sizes;

static inline bnc_weight_sizes bnc_weight_sizes_of(const bnc_file_weight *w) {
  const uint64_t n = w->n, k = w->k, rows = (n + 7) / 8 * 8, bias = w->bias == UINT64_MAX ? 0 : n * 4;
  switch (w->dtype) {
    case BNC_WEIGHT_F32: return (bnc_weight_sizes){n * k * 4, 0, 0, bias};
    case BNC_WEIGHT_BF16: return (bnc_weight_sizes){(n + 15) / 16 * 16 * ((k + 1) / 2 * 2) * 2, 0, 0, bias};
    case BNC_WEIGHT_QC8: return (bnc_weight_sizes){n * k, n * 4, 0, bias};
    case BNC_WEIGHT_QC4: return (bnc_weight_sizes){rows * k / 2 + rows * (k / 32), rows * 4, rows * 4, bias};
    default: return (bnc_weight_sizes){rows * k / 2, rows * (k / w->group) * 2, rows * 4, bias};
  }
}

/** All of them together. */
static inline uint64_t bnc_weight_bytes(const bnc_file_weight *w) {
  const bnc_weight_sizes sizes = bnc_weight_sizes_of(w);
  return sizes.data + sizes.scales + sizes.offsets + sizes.bias;
}

#endif
