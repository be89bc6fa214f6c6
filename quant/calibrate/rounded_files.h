/* SPDX-License-Identifier: Apache-2.0 */
/** @file rounded_files.h  What calibration leaves for the writer: a folder with a file per rounded matrix, and the state from which an
   interrupted run goes on. The folder stands beside the model file and goes when that is written. */
#ifndef BINOCLE_QUANT_CALIBRATE_ROUNDED_FILES_H
#define BINOCLE_QUANT_CALIBRATE_ROUNDED_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "platforms/base/error.h"
#include "runtime/model/format.h"

/** A matrix [n, k] in int4 groups: nibbles [n, k / 2], then scales bf16 [n, k / group]; groups of 16: scales f32 [n], then steps of 1 to
   16, bytes [n, k / 16]. */
typedef struct bnc_rounded_shape {
  size_t n, k, group;
} bnc_rounded_shape;

/** Whether groups have steps. */
static inline bool bnc_rounded_has_steps(const bnc_rounded_shape *s) { return s->group == BNC_QC4_GROUP; }
/** Where the scales of rows are, where they have some, and the groups of a row. */
static inline size_t bnc_rounded_scales_at(const bnc_rounded_shape *s) { return s->n * s->k / 2; }
static inline size_t bnc_rounded_groups_at(const bnc_rounded_shape *s, size_t row) {
  const size_t groups = row * (s->k / s->group);
  return bnc_rounded_scales_at(s) + (bnc_rounded_has_steps(s) ? s->n * sizeof(float) + groups : groups * sizeof(uint16_t));
}
static inline size_t bnc_rounded_bytes(const bnc_rounded_shape *s) { return bnc_rounded_groups_at(s, s->n); }

/** "FOLDER/NAME.EXTENSION", a bnc_mem block, or NULL. */
char *bnc_rounded_path(const char *folder, const char *name, const char *extension);
/** Makes the folder where it is missing. */
bnc_status bnc_rounded_folder(const char *folder, bnc_error *err);
/** Head of a matrix's file; the matrix follows, XXH3-64 of which is checksum. */
typedef struct bnc_rounded_head {
  char magic[8];
  uint64_t n, k, group, checksum;
} bnc_rounded_head;

/** Appears complete or not at all. */
bnc_status bnc_rounded_save(const char *folder, const char *name, const bnc_rounded_shape *shape, const uint8_t *data, bnc_error *err);
/** BNC_ERROR_FORMAT where a file's bytes are none of a matrix of this shape, damaged, or hold a scale that no rounding gives. */
bnc_status bnc_rounded_check(const uint8_t *file, size_t size, const bnc_rounded_shape *shape, bnc_error *err);
/** Rows [first, first + rows) of a matrix's nibbles and groups, and scales where rows have some; scales times factor, a power of two.
   Errors of bnc_rounded_check. */
bnc_status bnc_rounded_read(const char *folder, const char *name, const bnc_rounded_shape *shape, size_t first, size_t rows, float factor,
                            uint8_t *nibbles, void *groups, float *scales, bnc_error *err);
/** Multiplies row r of a saved matrix by 2^-exponent[r]. */
bnc_status bnc_rounded_scale_rows(const char *folder, const char *name, const bnc_rounded_shape *shape, const int8_t *exponent,
                                  bnc_error *err);
/** Removes what this page writes to the folder, and the folder if nothing else is in it. */
void bnc_rounded_remove(const char *folder);

#endif
