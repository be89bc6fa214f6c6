/* SPDX-License-Identifier: Apache-2.0 */
/** @file laid_weights.h  Vision's int8 weights as AMX multiplies with them (matmul_lay, ops/matmul/matmul_i8.h), laid out once per machine
 * and mapped from the cache folder, where memory is ample. All sessions of a model share them. */
#ifndef BINOCLE_RUNTIME_EXEC_LAID_WEIGHTS_H
#define BINOCLE_RUNTIME_EXEC_LAID_WEIGHTS_H

#include "ops/kernels.h"
#include "ops/xnn/packed.h"
#include "platforms/base/context_private.h"
#include "runtime/model/model_file.h"

/** Bytes of a file's weights for a level; 0: it has none, or the level reads all as they lie. */
bnc_status bnc_laid_weights_bytes(const bnc_model_file *file, bnc_cpu_level level, uint64_t *bytes, bnc_error *err);

/** *laid holds them; free it with bnc_packed_destroy, before the file is closed. NULL: there are none, or no cache folder that can be
 * written; all works without. The file in the folder is CONTENT-MACHINE.bnclaid, kept, trusted and checked as that of packed weights is
 * (packed_cache.h). BNC_ERROR_CANCELLED, BNC_ERROR_MEMORY; whatever else keeps them from being there is logged. */
bnc_status bnc_laid_weights_acquire(bnc_packed_store **laid, const bnc_model_file *file, const bnc_kernels *kernels, bnc_pool *pool,
                                    const bnc_context *context, bnc_error *err);

/** All of a weight; NULL: it is not among them. laid may be NULL. */
const int8_t *bnc_laid_weights_find(const bnc_packed_store *laid, const bnc_model_file *file, uint32_t weight);

#endif
