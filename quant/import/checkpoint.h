/* SPDX-License-Identifier: Apache-2.0 */
/** @file checkpoint.h  Checkpoints, of Hugging Face (config.json and safetensors) and GGUF: validated, described, and read as float32 a
 * piece at a time.
 */
#ifndef BINOCLE_QUANT_IMPORT_CHECKPOINT_H
#define BINOCLE_QUANT_IMPORT_CHECKPOINT_H

#include <stddef.h>
#include <stdint.h>

#include "platforms/base/error.h"
#include "quant/import/geometry.h"
#include "quant/import/gguf/gguf.h"
#include "quant/import/source_tensor.h"

typedef struct bnc_checkpoint bnc_checkpoint;

/**
 * Opens the checkpoint in the folder dir: config.json, generation_config.json where there is one, and the tensors of
 * model.safetensors.index.json's shards, else of model.safetensors, else of all *.safetensors. Everything but the weights' values is
 * validated here: afterwards each tensor that the geometry calls for is there, in its shape, as bf16, f16 or f32, and no tensor is
 * left that nobody knows. Understood are LLaVA-LLaMA with the DEM (INF-LLaVA) or without (LLaVA-1.5), and the language models LLaMA,
 * Mistral and Qwen2.
 *
 * The CLIP vision tower is taken from vision_tower_dir where that is given (a CLIP model or a CLIP vision model in a folder of
 * its own), else from the checkpoint. What no config.json says about the tower follows from its shapes; heads of 64,
 * quick_gelu and epsilon 1e-5 are assumed then, as all of OpenAI's towers have them.
 *
 * Or opens the GGUF file dir: a language model of the architectures "llama" and "qwen2" with its geometry in its keys, in any of the types
 * of gguf_blocks.h; vision_tower_dir is then the GGUF file of a LLaVA-1.5's vision side (llama.cpp's "mmproj").
 *
 * Errors name the folder or file, the tensor or key, what was found and what was expected. *checkpoint is NULL on failure.
 */
bnc_status bnc_checkpoint_open(bnc_checkpoint **checkpoint, const char *dir, const char *vision_tower_dir, bnc_error *err);
void bnc_checkpoint_close(bnc_checkpoint *checkpoint);

const bnc_geometry *bnc_checkpoint_geometry(const bnc_checkpoint *checkpoint);

/**
 * The tensor of that canonical name, or NULL; it belongs to the checkpoint. Canonical are, independent of the source: the released names
 * for language model, DEM and projector (model.layers.0.self_attn.q_proj.weight, model.spatial_embed.ln_fuse.bias,
 * model.mm_projector.2.weight; a "linear" projector is model.mm_projector.0), and vision_model.* for the tower
 * (vision_model.encoder.layers.0.mlp.fc1.weight). Only tensors that the model uses are found: no post_layernorm, no lm_head where the head
 * is tied.
 */
const bnc_source_tensor *bnc_checkpoint_find(const bnc_checkpoint *checkpoint, const char *name);

/** The keys of a GGUF file; NULL for a folder. */
const bnc_gguf *bnc_checkpoint_gguf(const bnc_checkpoint *checkpoint);

/** How many there are. */
size_t bnc_checkpoint_tensor_count(const bnc_checkpoint *checkpoint);

/**
 * Writes elements [first_element, first_element + count), exactly converted, to out [count]. NaN and infinite values are
 * BNC_ERROR_FORMAT, naming tensor and element. Pages that were read are handed back to the system, so reading a whole
 * checkpoint front to back keeps no more of it resident than one piece.
 */
bnc_status bnc_checkpoint_read_f32(const bnc_source_tensor *tensor, size_t first_element, size_t count, float *out, bnc_error *err);

#endif
