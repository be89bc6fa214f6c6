/* SPDX-License-Identifier: Apache-2.0 */
/** @file packed_folder.h  The folder of packed weights. */
#ifndef BINOCLE_RUNTIME_EXEC_PACKED_FOLDER_H
#define BINOCLE_RUNTIME_EXEC_PACKED_FOLDER_H

#include "ops/xnn/packed.h"
#include "platforms/base/context_private.h"

/** The file of a model and machine; *path is NULL where there is to be no cache, else freed with bnc_mem_free. */
bnc_status bnc_packed_folder_path(const bnc_context *context, const bnc_packed_identity *identity, char **path, bnc_error *err);
/** The same for the kept rows of a preamble (runtime/api/preamble.h). */
bnc_status bnc_packed_folder_rows_path(const bnc_context *context, const bnc_packed_identity *identity, char **path, bnc_error *err);
/** The same for weights that are laid out (laid_weights.h). */
bnc_status bnc_packed_folder_laid_path(const bnc_context *context, const bnc_packed_identity *identity, char **path, bnc_error *err);
/** Makes path's folder (0700) and those above it, where they are missing. BNC_ERROR_IO where it cannot be written to,
   BNC_ERROR_UNSUPPORTED where others could write to it too. */
bnc_status bnc_packed_folder_prepare(const char *path, bnc_error *err);
/** Removes what killed writers left beside path. */
void bnc_packed_folder_clean(const char *path);

/** How much other models and machines may leave in the folder. */
typedef struct bnc_packed_limits {
  uint64_t unused_seconds; /* a file that no process has opened for so long goes */
  uint64_t bytes;          /* of all files, the new one included; those longest unused go first */
} bnc_packed_limits;

/** 60 days and 64 GiB. */
extern const bnc_packed_limits bnc_packed_limits_default;

/** Before path becomes a file of `needed` bytes: removes files of its kind (packed weights, kept rows, or weights laid out) beside it that
   are beyond the limits, and, where the disk lacks room, those longest unused until it has enough. path itself and files that a process has
   open stay. Logs what it removes. BNC_ERROR_IO, and nothing removed for it, where there is too little room even so. */
bnc_status bnc_packed_folder_make_room(const char *path, uint64_t needed, const bnc_packed_limits *limits, const bnc_context *context,
                                       bnc_error *err);

#endif
