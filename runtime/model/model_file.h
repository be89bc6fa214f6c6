/* SPDX-License-Identifier: Apache-2.0 */
/** @file model_file.h  An opened .bnc file: mapped, its sections' checksums verified, everything in it validated. Read-only, shared by
 * sessions. */
#ifndef BINOCLE_RUNTIME_MODEL_MODEL_FILE_H
#define BINOCLE_RUNTIME_MODEL_MODEL_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "platforms/base/digest.h"
#include "platforms/base/error.h"
#include "platforms/file/file.h"
#include "runtime/model/format.h"
#include "runtime/model/linear_choice.h"
#include "runtime/model/program_format.h"

typedef enum bnc_program_id { BNC_PROGRAM_VISION, BNC_PROGRAM_PREFILL, BNC_PROGRAM_DECODE, BNC_PROGRAMS } bnc_program_id;

/** "vision", "prefill", "decode". */
const char *bnc_program_name(bnc_program_id id);

/** Pointers into memory of the file's own. head is NULL for a program that the model lacks (vision of a text-only model). */
typedef struct bnc_program {
  const bnc_file_program *head;
  const bnc_file_op *op;       /* [head->ops] */
  const bnc_file_probe *probe; /* [head->probes] */
} bnc_program;

typedef struct bnc_blob {
  const uint8_t *data;
  size_t size;
} bnc_blob;

/** Only `data` and `packed` point into the map: bulk numbers, which change results at most. All else was copied before it was validated,
   so that nobody who writes to the file later changes what was found good. */
typedef struct bnc_model_file {
  bnc_file_map map;
  bnc_file_watch watch; /* tells whether the file is still what it was */
  char *path;           /* for messages */
  uint8_t *tables;      /* the copied sections, each 64-byte aligned */
  bnc_file_header header;
  bnc_file_section section[BNC_SECTIONS_MAX]; /* [header.sections] */
  bnc_file_meta meta;
  bnc_blob strings, tokenizer, constants, report, data, packed; /* absent: data NULL, size 0 */
  const bnc_file_block *block;                                  /* [blocks] of DATA; NULL for a file that is still being written */
  size_t blocks;
  bool sparing;                  /* memory is short: what is checked is put away at once */
  bool data_checked;             /* DATA was small enough for open */
  bnc_digest content;            /* names what the model holds (data_blocks.h); computed, not read */
  const bnc_file_weight *weight; /* [weights] */
  size_t weights;
  uint32_t text_from, text_to; /* the weights that the text multiplies with lie in [text_from, text_to): bnc_model_file_find_text */
  bnc_linear_choice linears;   /* who multiplies with them here: BINOCLE_LINEAR's choice, until a model's context makes another */
  bnc_program program[BNC_PROGRAMS];
} bnc_model_file;

/** DATA up to this size is checked when the file is opened; beyond it by bnc_packed_acquire, as PACKED always is: before the first run. All
   other sections are checked at once. */
#define BNC_CHECK_AT_OPEN ((size_t)64 << 20)

bnc_status bnc_model_file_open(bnc_model_file *file, const char *path, bnc_error *err);
/** The same for a file's bytes in memory, 64-byte aligned (fuzzing, tests), of which `data` and `packed` stay in use. */
bnc_status bnc_model_file_parse(bnc_model_file *file, const uint8_t *data, size_t size, bnc_error *err);
void bnc_model_file_close(bnc_model_file *file);
/** The content's name in short, for messages and files that somebody may mix up; it withstands accidents, not an enemy. */
uint64_t bnc_model_file_fingerprint(const bnc_model_file *file);

/** What no checksum covers, the bytes between the sections, must be zero. */
bnc_status bnc_model_file_check_gaps(const bnc_model_file *file, bnc_error *err);
/** BNC_ERROR_IO if the file was written to or cut since it was opened: what was computed from it meanwhile may be wrong. */
bnc_status bnc_model_file_unchanged(const bnc_model_file *file, bnc_error *err);

/** Sets text_from and text_to by the programs. */
void bnc_model_file_find_text(bnc_model_file *file);

/** Points a program at the bytes of its section, which are well-formed. */
void bnc_program_view(bnc_program *program, const uint8_t *section);

/** A name of the file; "?" for an offset outside. */
const char *bnc_model_file_string(const bnc_model_file *file, uint32_t offset);

/** Matrices whose names begin with `prefix`: their elements, and the bytes that those take, scales included. */
typedef struct bnc_weight_total {
  uint64_t elements, bytes;
} bnc_weight_total;
bnc_weight_total bnc_model_file_weigh(const bnc_model_file *file, const char *prefix);

/** Everything that the executor relies on; called by open. */
bnc_status bnc_model_file_validate(const bnc_model_file *file, bnc_error *err);

/** Shared with bnc_model_file_validate: one program. */
bnc_status bnc_program_validate(const bnc_model_file *file, bnc_program_id id, bnc_error *err);

#endif
