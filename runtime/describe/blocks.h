/* SPDX-License-Identifier: Apache-2.0 */
/** @file blocks.h  Who lives where in a program's arena, and when: found from what its ops read and write. */
#ifndef BINOCLE_RUNTIME_DESCRIBE_BLOCKS_H
#define BINOCLE_RUNTIME_DESCRIBE_BLOCKS_H

#include "runtime/model/model_file.h"

/** Bytes [offset, end) hold one value, or the parts of one, during ops [first, last). */
typedef struct bnc_arena_block {
  uint64_t offset, end;
  uint32_t first, last;
  uint32_t writer;   /* op that made it, the last one where it has parts; UINT32_MAX: the program's input */
  bnc_operand value; /* as the writer wrote it, or as the reader that joined its parts saw it */
} bnc_arena_block;

/** *blocks is a bnc_mem array; no two blocks share bytes during an op. */
bnc_status bnc_arena_blocks(const bnc_program *program, bnc_arena_block **blocks, size_t *count, bnc_error *err);

#endif
