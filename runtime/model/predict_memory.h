/* SPDX-License-Identifier: Apache-2.0 */
/** @file predict_memory.h  How much memory a model will take. */
#ifndef BINOCLE_RUNTIME_MODEL_PREDICT_MEMORY_H
#define BINOCLE_RUNTIME_MODEL_PREDICT_MEMORY_H

#include "runtime/model/model_file.h"

/** Resident memory of a process that answers a question, in bytes. Weights are mapped, from the file as they are or as packed for
   XNNPACK from the cache (linear_choice.h): at their size they do not depend on the machine by more than the rounding to its kernels'
   tiles. Those of the file that are packed are not read then, but for the rows of token embeddings that a prompt names. */
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
