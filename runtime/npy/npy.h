/* SPDX-License-Identifier: Apache-2.0 */
/** @file npy.h  NumPy's .npy files: reading small arrays (token ids, expected values), writing float32 results piece by piece.
 * Format: numpy.lib.format, versions 1.0, 2.0 and 3.0. Little-endian, C order (what numpy.save writes on every machine of today). */
#ifndef BINOCLE_RUNTIME_NPY_NPY_H
#define BINOCLE_RUNTIME_NPY_NPY_H

#include <stddef.h>
#include <stdint.h>

#include "platforms/base/error.h"

#define BNC_NPY_MAX_RANK 8
#define BNC_NPY_MAX_IDS (16u * 1024u * 1024u) /* ids in one file */

typedef enum bnc_npy_type { BNC_NPY_I32, BNC_NPY_I64, BNC_NPY_F32, BNC_NPY_F64 } bnc_npy_type;

/** An array inside the bytes of a file. */
typedef struct bnc_npy {
  bnc_npy_type type;
  size_t rank;                    /* 0 for a scalar */
  size_t shape[BNC_NPY_MAX_RANK]; /* [rank] */
  size_t count;                   /* product of shape */
  const uint8_t *data;            /* [count] items in row-major order, not aligned: copy them out; points into what was parsed */
} bnc_npy;

/**
 * Reads the header and checks that exactly its items follow.
 * BNC_ERROR_FORMAT: no .npy, a damaged one, too few or too many bytes. BNC_ERROR_UNSUPPORTED: another type, byte order, Fortran order or
 * rank.
 */
bnc_status bnc_npy_parse(bnc_npy *array, const uint8_t *data /* [size] */, size_t size, bnc_error *err);

/** Token ids: a rank-1 array of int32 or int64, as int64. *ids [*count] is a block of its own (bnc_mem_free), also where *count is 0; NULL
 * after an error. */
bnc_status bnc_npy_parse_ids(const uint8_t *data /* [size] */, size_t size, int64_t **ids, size_t *count, bnc_error *err);
/** bnc_npy_parse_ids of a file's content; errors begin with path. More than BNC_NPY_MAX_IDS are refused. */
bnc_status bnc_npy_load_ids(const char *path, int64_t **ids, size_t *count, bnc_error *err);

/** A float32 .npy in the making. Nothing is at path before the commit. */
typedef struct bnc_npy_writer bnc_npy_writer;

/** shape [rank], rank 0 .. BNC_NPY_MAX_RANK. *writer is NULL after an error. */
bnc_status bnc_npy_writer_open(bnc_npy_writer **writer, const char *path, const size_t *shape, size_t rank, bnc_error *err);
/** Appends the next count items in row-major order. BNC_ERROR_ARGUMENT where the shape has no room for them. */
bnc_status bnc_npy_writer_append(bnc_npy_writer *writer, const float *items /* [count] */, size_t count, bnc_error *err);
/** Completes the file; BNC_ERROR_ARGUMENT, and no file, where items are missing. Both free the writer; abort takes NULL too. */
bnc_status bnc_npy_writer_commit(bnc_npy_writer *writer, bnc_error *err);
void bnc_npy_writer_abort(bnc_npy_writer *writer);

/** The three calls above for an array that is at hand: all of it appears at path, or nothing. */
bnc_status bnc_npy_save_f32(const char *path, const float *items /* [shape...] */, const size_t *shape, size_t rank, bnc_error *err);

#endif
