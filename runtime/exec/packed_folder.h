/* SPDX-License-Identifier: Apache-2.0 */
/** @file packed_folder.h  The folder of packed weights. */
#ifndef BINOCLE_RUNTIME_EXEC_PACKED_FOLDER_H
#define BINOCLE_RUNTIME_EXEC_PACKED_FOLDER_H

#include "ops/xnn/packed.h"
#include "platforms/context_private.h"

/** The file of a model and machine; *path is NULL where there is to be no cache, else freed with bnc_mem_free. */
bnc_status bnc_packed_folder_path(const bnc_context *context, const bnc_packed_identity *identity, char **path, bnc_error *err);
/** Makes path's folder and those above it, where they are missing. BNC_ERROR_IO where it cannot be written to. */
bnc_status bnc_packed_folder_prepare(const char *path, bnc_error *err);
/** Removes what killed writers left beside path. */
void bnc_packed_folder_clean(const char *path);

#endif
