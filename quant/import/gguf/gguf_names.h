/* SPDX-License-Identifier: Apache-2.0 */
/** @file gguf_names.h  The names that llama.cpp gives the tensors of a LLaMA-like model, of a CLIP tower and of LLaVA's projector. */
#ifndef BINOCLE_QUANT_IMPORT_GGUF_NAMES_H
#define BINOCLE_QUANT_IMPORT_GGUF_NAMES_H

#include "platforms/base/error.h"
#include "quant/import/source_tensor.h"

/**
 * Gives the tensors their canonical names (checkpoint.h) and takes those out of the list that no answer depends on. *names is the block
 * that the names lie in: the caller's (bnc_mem_free), also on failure.
 */
bnc_status bnc_gguf_name_tensors(bnc_source_list *list, char **names, bnc_error *err);

/** The tensor of that stored name, or NULL. */
bnc_source_tensor *bnc_gguf_stored(const bnc_source_list *list, const char *name);

#endif
