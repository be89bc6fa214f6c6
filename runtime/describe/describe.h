/* SPDX-License-Identifier: Apache-2.0 */
/** @file describe.h  What an opened model file holds and what it will need, for people and for programs. All of it follows from the file
   alone: the same file gives the same bytes on every machine. Strings are the caller's, freed with bnc_mem_free. */
#ifndef BINOCLE_RUNTIME_DESCRIBE_DESCRIBE_H
#define BINOCLE_RUNTIME_DESCRIBE_DESCRIBE_H

#include "runtime/model/model_file.h"

/** The object of `binocle inspect --json`. */
bnc_status bnc_describe_json(const bnc_model_file *file, char **json, bnc_error *err);
/** One screen for people. */
bnc_status bnc_describe_text(const bnc_model_file *file, char **text, bnc_error *err);
/** A line per op: what it computes from what, and where that lies. */
bnc_status bnc_describe_schedule(const bnc_model_file *file, char **text, bnc_error *err);
/** The memory plan of each program as an SVG picture: ops from left to right, the arena from bottom to top, a block per value. */
bnc_status bnc_describe_memory_svg(const bnc_model_file *file, char **svg, bnc_error *err);

/** Resident memory of a process that answers a question, in bytes. int4 weights are mapped from the file as they are; f32 and int8 ones are
   those packed for XNNPACK, mapped from the cache: at their size they do not depend on the machine by more than the rounding to its
   kernels' tiles. The file's own are not read then, but for the rows of token embeddings that a prompt names. */
typedef struct bnc_memory_prediction {
  uint64_t weights;        /* that layers multiply with */
  uint64_t vision_weights; /* of them, those of vision: they are put away behind a picture */
  uint64_t arena;
  uint64_t kv_cache; /* of `rows` rows: pages of the cache that no row has reached cost nothing */
  uint64_t other;    /* the program itself, its tokenizer, operators, tables, picture rows and touched embeddings */
  uint64_t total;
  uint64_t rows;                      /* a picture, a question and a short answer */
  uint64_t kv_cache_full, total_full; /* when the context is full */
} bnc_memory_prediction;

bnc_memory_prediction bnc_predict_memory(const bnc_model_file *file);

#endif
