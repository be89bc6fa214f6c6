/* SPDX-License-Identifier: Apache-2.0 */
/** @file gguf_file.h  GGUF files as checkpoints: a language model, and the vision side of a LLaVA ("mmproj"). */
#ifndef BINOCLE_QUANT_IMPORT_GGUF_FILE_H
#define BINOCLE_QUANT_IMPORT_GGUF_FILE_H

#include "quant/import/config.h"
#include "quant/import/gguf/gguf.h"
#include "quant/import/shard_set.h"

/** What stays open of a file beside its tensors. Zero-initialised is closed. */
typedef struct bnc_gguf_file {
  bnc_gguf keys;
  char *names;         /* the tensors' canonical ones */
  float *rope_factors; /* [head_dim / 2], or NULL */
} bnc_gguf_file;

/** Opens a language model of the architectures "llama" and "qwen2": its tensors, and what its keys say. */
bnc_status bnc_gguf_open_text(bnc_gguf_file *file, bnc_shard_set *set, bnc_import_config *config, const char *path, bnc_error *err);
/** Opens a CLIP tower with LLaVA's projector, and adds what it says to the language model's config. */
bnc_status bnc_gguf_open_vision(bnc_gguf_file *file, bnc_shard_set *set, bnc_import_config *config, bnc_tower_config *tower,
                                const char *path, bnc_error *err);
/** The set is closed by its own function, first. */
void bnc_gguf_file_close(bnc_gguf_file *file);

/** Parts of the two: the keys of a language model, of a vision tower. */
bnc_status bnc_gguf_text_config(bnc_import_config *config, const bnc_gguf *keys, const bnc_source_list *tensors, bnc_error *err);
bnc_status bnc_gguf_vision_config(bnc_import_config *config, bnc_tower_config *tower, const bnc_gguf *keys, const bnc_source_list *tensors,
                                  bnc_error *err);

#endif
