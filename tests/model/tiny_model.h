/* SPDX-License-Identifier: Apache-2.0 */
/** @file tiny_model.h  Compiles tiny random models for tests. */
#ifndef BINOCLE_TESTS_TINY_MODEL_H
#define BINOCLE_TESTS_TINY_MODEL_H

#include "runtime/model/format.h"
#include <binocle/compile.h>
#include <stdbool.h>
#include <stddef.h>

#define TINY_VOCABULARY 97

/** Writes a checkpoint of make_spec_small into folder. */
void tiny_checkpoint(const char *folder);
/** Compiles it to path (the checkpoint is made beside it). packed: with the weights packed for this machine. */
bnc_status tiny_compile(const char *checkpoint, const char *path, bnc_weights vision, bnc_weights text, bool packed);
/** group: of int4; 0: the default. */
bnc_status tiny_compile_group(const char *checkpoint, const char *path, bnc_weights vision, bnc_weights text, unsigned group, bool packed);
/** Both; int8 vision, int4 text. */
void tiny_model(const char *path, bool packed);

/** A model whose tower of one view has four heads of 64 and as many rows as levels lay out for; int8 vision, int4 text. */
enum { TINY_TOWER_LAYERS = 2, TINY_TOWER_ROWS = 145 };
void tiny_tower(const char *path, const char *checkpoint);

/** Opens a model with this cache folder, feeds it a few ids and a picture, and copies the logits. Returns the status and, on failure,
 * prints why. */
bnc_status tiny_logits(const char *model, const char *cache, float logits[TINY_VOCABULARY]);

/** The first section of that kind in the bytes of a sound model file, 64-byte aligned; aborts where there is none. */
bnc_file_section *model_section(uint8_t *bytes, bnc_section_kind kind);

#endif
