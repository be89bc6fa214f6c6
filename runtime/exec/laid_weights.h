/* SPDX-License-Identifier: Apache-2.0 */
/** @file laid_weights.h  Vision's int8 weights as a level lays them out to multiply with (ops/matmul/matmul_i8.h), kept where memory is
 * ample: a run that lays a matrix out leaves it, and later ones read it so. All sessions of a model share them. */
#ifndef BINOCLE_RUNTIME_EXEC_LAID_WEIGHTS_H
#define BINOCLE_RUNTIME_EXEC_LAID_WEIGHTS_H

#include "ops/level.h"
#include "runtime/model/model_file.h"

typedef struct bnc_laid_weights bnc_laid_weights;

/** Takes addresses for all of them, and memory only as they are laid out. *laid is NULL where they would be more than `room` bytes, or the
 * level reads all weights as they lie. */
bnc_status bnc_laid_weights_create(bnc_laid_weights **laid, const bnc_model_file *file, bnc_cpu_level level, uint64_t room, bnc_error *err);
void bnc_laid_weights_destroy(bnc_laid_weights *laid);
/** Bytes of all that are kept or will be; laid may be NULL. */
uint64_t bnc_laid_weights_bytes(const bnc_laid_weights *laid);

/** Where a weight is laid out (*is_laid), or is to be by the caller, who then says so with bnc_laid_weights_end. NULL: it is not kept, or
 * another session is about it; laid may be NULL, too. */
int8_t *bnc_laid_weights_begin(bnc_laid_weights *laid, uint32_t weight, bool *is_laid);
void bnc_laid_weights_end(bnc_laid_weights *laid, uint32_t weight);

#endif
