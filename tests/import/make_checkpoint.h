/* SPDX-License-Identifier: Apache-2.0 */
/** @file make_checkpoint.h  Small random checkpoints in the released layout, for tests: the same seed gives the same values on every
 * machine, in every dtype (rounded) and whatever the sharding. */
#ifndef BINOCLE_TESTS_MAKE_CHECKPOINT_H
#define BINOCLE_TESTS_MAKE_CHECKPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "quant/import/geometry.h"
#include "quant/import/safetensors.h"

/** A tensor that is about to be written; an edit callback may change what is said about it. */
typedef struct make_tensor {
  char name[160]; /* as in the file */
  char dtype[16];
  size_t rank, shape[BNC_SOURCE_MAX_RANK];
  size_t bytes;
  size_t shard;  /* counted from 0 */
  uint8_t *data; /* [bytes] */
} make_tensor;

/** Returns false to leave the tensor out. */
typedef bool (*make_edit)(void *context, make_tensor *tensor);

typedef struct make_spec {
  bnc_geometry geometry; /* what to write; layers_used is told as a negative mm_vision_select_layer */
  bool linear_projector; /* mm_projector_type "linear" (geometry says depth 1) */
  bool tower_apart;      /* no tower in the checkpoint: make_tower writes it */
  bnc_source_dtype dtype;
  size_t shards; /* 0: model.safetensors alone; else model-0000N-of-... with an index */
  uint64_t seed;
  const char *config_members; /* JSON members to begin config.json with ("\"a\": 1,"), which win over those that follow; or NULL */
  make_edit edit;             /* or NULL */
  void *context;
} make_spec;

/** INF-LLaVA, tiny: H 64, 2 layers, 4 heads of which 2 KV, vocabulary 97; C 64, 3 layers of which 2 used, 4 tokens a side; n = 3; bf16. */
make_spec make_spec_small(void);

/** Writes config.json and the weights into dir, which is made if it is not there. 0, or -1 with a line on stderr. */
int make_checkpoint(const char *dir, const make_spec *spec);
/** Writes the vision tower as a CLIP model's folder: config.json (heads, activation ...) and model.safetensors (vision_model.*). */
int make_tower(const char *dir, const make_spec *spec);

/** The value of element i of a canonical tensor, before rounding to the dtype. */
float make_value(const make_spec *spec, const char *canonical_name, size_t rank, const size_t *shape, size_t i);
/** Rounds to dtype (nearest even) and back. */
float make_rounded(bnc_source_dtype dtype, float value);

/** A file of these bytes: header length, header text, data of zeros. */
int make_raw_safetensors(const char *path, uint64_t header_length, const char *header, size_t data_bytes);
int make_file(const char *path, const void *data, size_t size);

#endif
