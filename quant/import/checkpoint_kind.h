/* SPDX-License-Identifier: Apache-2.0 */
/** @file checkpoint_kind.h  What people name as a checkpoint by mistake, and what to do with it. */
#ifndef BINOCLE_QUANT_IMPORT_CHECKPOINT_KIND_H
#define BINOCLE_QUANT_IMPORT_CHECKPOINT_KIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "platforms/base/error.h"

typedef enum bnc_checkpoint_kind { BNC_CHECKPOINT_FOLDER, BNC_CHECKPOINT_GGUF } bnc_checkpoint_kind;

/** What path is, where that can be a checkpoint; else one line that says what it is and what was expected. */
bnc_status bnc_checkpoint_kind_find(const char *path, bnc_checkpoint_kind *kind, bnc_error *err);

/** Whether a file is the note that Git leaves in place of a large file that was not fetched. */
bool bnc_is_lfs_pointer(const uint8_t *data /* [size] */, size_t size);

#endif
