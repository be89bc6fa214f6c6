/* SPDX-License-Identifier: Apache-2.0 */
/** @file packed_cache.h  Finds a model's packed weights, or makes them: in the model file (compile --packed), else in a cache folder, else
 * in memory. */
#ifndef BINOCLE_RUNTIME_EXEC_PACKED_CACHE_H
#define BINOCLE_RUNTIME_EXEC_PACKED_CACHE_H

#include "ops/xnn/packed.h"
#include "platforms/base/context_private.h"
#include "runtime/model/model_file.h"

/**
 * *store holds every weight that the model's programs multiply with, for this machine; free it with bnc_packed_destroy, before the file is
 * closed.
 *
 * The cache folder is the context's, else $BINOCLE_CACHE, else $XDG_CACHE_HOME/binocle, else $HOME/.cache/binocle; "" means none. It is
 * made (0700) where it is missing. A model has one file per machine there, MODEL-MACHINE.bncpack, which appears complete or not at all;
 * processes that start together may each write it, and the last one stays. What is there is verified before it is used (ops/xnn/packed.h
 * says how) and made anew where that fails. Files that killed writers left are removed after a minute, and what other models and machines
 * packed is bounded (bnc_packed_folder_make_room).
 *
 * The canonical weights' checksum is verified when the model's file in the folder is made: once per model and machine. Later starts trust
 * it, also for the matrices that our own kernels read from the model file in place (that file may hold nothing else then), and so do starts
 * that find the machine's form in the model file itself. A folder that cannot be written or has too little room costs a warning: the
 * weights are then packed into memory, at every start.
 */
bnc_status bnc_packed_acquire(bnc_packed_store **store, const bnc_model_file *file, const bnc_context *context, bnc_error *err);

#endif
