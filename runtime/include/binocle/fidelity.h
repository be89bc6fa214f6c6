/* SPDX-License-Identifier: Apache-2.0 */
/** @file fidelity.h  What it takes to compare a model with another of the same checkpoint: what its layers compute, and the ids of an
 * answer that is given. */
#ifndef BINOCLE_FIDELITY_H
#define BINOCLE_FIDELITY_H

#include <binocle/session.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What a layer has computed: the sum that the next one reads. A rotated text model's rows are rotated. */
typedef struct bnc_layer_values {
  const char *name;    /**< "layer3" of the text model, "crop0.layer3" of vision's first tile, "dem", "projector" */
  const float *values; /**< [rows, cols]; valid during the call */
  size_t rows;         /**< rows that the program computes: behind a prompt the last text layer has one, of bnc_session_append_each all */
  size_t cols;         /**< of a row */
  size_t stride;       /**< elements from a row to the next */
  uint64_t weights;    /**< elements of the layer's matrices */
  uint64_t bytes;      /**< that those take in the model, scales included */
} bnc_layer_values;

/** A layer is done, on the session's thread. */
typedef void (*bnc_on_layer)(void *user, const bnc_layer_values *layer);
/** From now on the layers of whatever this session computes are told, in their order; on_layer NULL: no more. Prompts are told in chunks.
 */
BNC_API void bnc_session_observe(bnc_session *session, bnc_on_layer on_layer, void *user);

/** What a matrix of int8 weights has read. */
typedef struct bnc_matrix_inputs {
  const char *matrix; /**< name of the checkpoint's tensor that its first rows are */
  size_t rows;        /**< that it has read */
  size_t cols;        /**< of a row */
  const void *data;   /**< for bnc_matrix_inputs_row, during the call */
} bnc_matrix_inputs;

/** out [cols] = what row `row` stands for: its int8 values, less their zero point, times its scale. */
BNC_API void bnc_matrix_inputs_row(const bnc_matrix_inputs *inputs, size_t row, float *out);

/** A matrix of vision is multiplied, on the session's thread. */
typedef void (*bnc_on_inputs)(void *user, const bnc_matrix_inputs *inputs);
/** From now on what vision's int8 matrices read is told, in the order of their work; on_inputs NULL: no more. */
BNC_API void bnc_session_observe_inputs(bnc_session *session, bnc_on_inputs on_inputs, void *user);

/** Ids that `answer` is behind a question of this session's template, and those of the text that ends it. *ids is freed with
 * bnc_tokens_free. BNC_ERROR_UNSUPPORTED: the model has no tokenizer. */
BNC_API bnc_status bnc_session_answer_ids(bnc_session *session, const char *answer, int32_t **ids, size_t *count);

#ifdef __cplusplus
}
#endif
#endif
