/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "platforms/base/mem.h"
#include "platforms/file/file.h"
#include "runtime/npy/npy.h"

#define HEADER_ROOM 320 /* a multiple of 64 above 10 + 60 + 22 * BNC_NPY_MAX_RANK */

struct bnc_npy_writer {
  bnc_file_writer *file;
  size_t missing; /* items still to come */
};

/* Magic, version 1.0, length, dict, spaces up to a multiple of 64 bytes (so that mapped items are aligned), line break. */
static size_t make_header(char header[HEADER_ROOM], const size_t *shape, size_t rank) {
  size_t n = (size_t)snprintf(header + 10, HEADER_ROOM - 10, "{'descr': '<f4', 'fortran_order': False, 'shape': (") + 10;
  for (size_t i = 0; i < rank; i++)
    n += (size_t)snprintf(header + n, HEADER_ROOM - n, i + 1 < rank ? "%zu, " : rank == 1 ? "%zu," : "%zu", shape[i]);
  n += (size_t)snprintf(header + n, HEADER_ROOM - n, "), }");
  const size_t total = (n + 1 + 63) / 64 * 64;
  memset(header + n, ' ', total - n - 1);
  header[total - 1] = '\n';
  memcpy(header, "\x93NUMPY\1\0", 8);
  header[8] = (char)((total - 10) & 0xff);
  header[9] = (char)((total - 10) >> 8);
  return total;
}

bnc_status bnc_npy_writer_open(bnc_npy_writer **writer, const char *path, const size_t *shape, size_t rank, bnc_error *err) {
  char header[HEADER_ROOM];
  size_t count = 1, bytes;
  *writer = NULL;
  if (rank > BNC_NPY_MAX_RANK)
    return bnc_fail(err, BNC_ERROR_ARGUMENT, "%s: %zu dimensions, expected at most %d", path, rank, BNC_NPY_MAX_RANK);
  for (size_t i = 0; i < rank; i++)
    if (!bnc_mul_size(count, shape[i], &count)) return bnc_fail(err, BNC_ERROR_ARGUMENT, "%s: the shape is larger than any memory", path);
  if (!bnc_mul_size(count, sizeof(float), &bytes))
    return bnc_fail(err, BNC_ERROR_ARGUMENT, "%s: the shape is larger than any memory", path);
  bnc_npy_writer *w = bnc_mem_zalloc(sizeof *w);
  if (!w) return bnc_fail_memory(err, sizeof *w);
  w->missing = count;
  bnc_status s = bnc_file_writer_open(&w->file, path, err);
  if (s == BNC_OK) s = bnc_file_writer_write(w->file, header, make_header(header, shape, rank), err);
  if (s != BNC_OK) {
    bnc_npy_writer_abort(w);
    return s;
  }
  *writer = w;
  return BNC_OK;
}

bnc_status bnc_npy_writer_append(bnc_npy_writer *w, const float *items, size_t count, bnc_error *err) {
  if (count > w->missing) return bnc_fail(err, BNC_ERROR_ARGUMENT, "%zu more items for a .npy file with room for %zu", count, w->missing);
  const bnc_status s = bnc_file_writer_write(w->file, items, count * sizeof *items, err);
  if (s == BNC_OK) w->missing -= count;
  return s;
}

bnc_status bnc_npy_writer_commit(bnc_npy_writer *w, bnc_error *err) {
  if (w->missing > 0) {
    const size_t missing = w->missing;
    bnc_npy_writer_abort(w);
    return bnc_fail(err, BNC_ERROR_ARGUMENT, "a .npy file was to be completed with %zu items missing", missing);
  }
  bnc_file_writer *file = w->file;
  bnc_mem_free(w);
  return bnc_file_writer_commit(file, err);
}

void bnc_npy_writer_abort(bnc_npy_writer *w) {
  if (!w) return;
  bnc_file_writer_abort(w->file);
  bnc_mem_free(w);
}

bnc_status bnc_npy_save_f32(const char *path, const float *items, const size_t *shape, size_t rank, bnc_error *err) {
  bnc_npy_writer *w;
  bnc_status s = bnc_npy_writer_open(&w, path, shape, rank, err);
  if (s != BNC_OK) return s;
  s = bnc_npy_writer_append(w, items, w->missing, err);
  if (s == BNC_OK) return bnc_npy_writer_commit(w, err);
  bnc_npy_writer_abort(w);
  return s;
}
