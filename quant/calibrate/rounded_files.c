/* SPDX-License-Identifier: Apache-2.0 */
#include "quant/calibrate/rounded_files.h"

#include <dirent.h>
#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "ops/half.h"
#include "platforms/base/mem.h"
#include "platforms/file/file.h"
#include "quant/compile/quantize_weights.h"

char *bnc_rounded_path(const char *folder, const char *name, const char *extension) {
  const size_t size = strlen(folder) + strlen(name) + strlen(extension) + 3;
  char *path = bnc_mem_alloc(size);
  if (path) snprintf(path, size, "%s/%s.%s", folder, name, extension);
  return path;
}

bnc_status bnc_rounded_folder(const char *folder, bnc_error *err) {
  return mkdir(folder, 0777) == 0 || errno == EEXIST ? BNC_OK : bnc_fail_errno(err, "%s", folder);
}

static const char file_magic[8] = "BNCRND1";

static size_t file_bytes(const bnc_rounded_shape *s) { return sizeof(bnc_rounded_head) + bnc_rounded_bytes(s); }

static bnc_status write_file(const char *path, const bnc_rounded_shape *shape, const uint8_t *data, bnc_error *err) {
  bnc_file_writer *out;
  const size_t size = bnc_rounded_bytes(shape);
  bnc_rounded_head head = {.n = shape->n, .k = shape->k, .group = shape->group, .checksum = XXH3_64bits(data, size)};
  memcpy(head.magic, file_magic, sizeof head.magic);
  bnc_status s = bnc_file_writer_open(&out, path, err);
  if (s != BNC_OK) return s;
  s = bnc_file_writer_write(out, &head, sizeof head, err);
  if (s == BNC_OK) s = bnc_file_writer_write(out, data, size, err);
  if (s == BNC_OK) return bnc_file_writer_commit(out, err);
  bnc_file_writer_abort(out);
  return s;
}

bnc_status bnc_rounded_save(const char *folder, const char *name, const bnc_rounded_shape *shape, const uint8_t *data, bnc_error *err) {
  char *path = bnc_rounded_path(folder, name, "q4");
  bnc_status s = path ? write_file(path, shape, data, err) : bnc_fail_memory(err, strlen(folder));
  bnc_mem_free(path);
  return s;
}

static bnc_status check_scales(const uint8_t *data, const bnc_rounded_shape *shape, bnc_error *err) {
  const bool steps = bnc_rounded_has_steps(shape);
  const size_t end = steps ? bnc_rounded_groups_at(shape, 0) : bnc_rounded_bytes(shape);
  for (size_t at = bnc_rounded_scales_at(shape); at < end; at += steps ? sizeof(float) : sizeof(uint16_t)) {
    uint16_t half;
    float value;
    memcpy(&half, data + at, sizeof half);
    memcpy(&value, data + at, steps ? sizeof value : sizeof half);
    if (!steps) value = bnc_f32_from_bf16(half);
    if (!(value >= FLT_MIN && value <= FLT_MAX))
      return bnc_fail(err, BNC_ERROR_FORMAT, "a scale that is no positive normal number: remove the folder and calibrate again");
  }
  for (size_t at = end; at < bnc_rounded_bytes(shape); at++)
    if (data[at] < 1 || data[at] > 16)
      return bnc_fail(err, BNC_ERROR_FORMAT, "a step of %d, expected 1 to 16: remove the folder and calibrate again", data[at]);
  return BNC_OK;
}

bnc_status bnc_rounded_check(const uint8_t *file, size_t size, const bnc_rounded_shape *shape, bnc_error *err) {
  bnc_rounded_head head;
  if (size != file_bytes(shape))
    return bnc_fail(err, BNC_ERROR_FORMAT, "%zu bytes, expected %zu: remove the folder and calibrate again", size, file_bytes(shape));
  memcpy(&head, file, sizeof head);
  const uint8_t *data = file + sizeof head;
  if (memcmp(head.magic, file_magic, sizeof head.magic) != 0 || head.n != shape->n || head.k != shape->k || head.group != shape->group)
    return bnc_fail(err, BNC_ERROR_FORMAT, "no rounded matrix of %zu x %zu in groups of %zu: remove the folder and calibrate again",
                    shape->n, shape->k, shape->group);
  if (XXH3_64bits(data, size - sizeof head) != head.checksum)
    return bnc_fail(err, BNC_ERROR_FORMAT, "damaged: its checksum is another: remove the folder and calibrate again");
  return check_scales(data, shape, err);
}

/* A file that was checked, mapped. */
static bnc_status open_file(const char *path, const bnc_rounded_shape *shape, bnc_file_map *map, bnc_error *err) {
  bnc_status s = bnc_file_map_open(map, path, err);
  if (s != BNC_OK) return s;
  s = bnc_rounded_check(map->data, map->size, shape, err);
  if (s == BNC_OK) return s;
  bnc_error_prefix(err, "%s", path);
  bnc_file_map_close(map);
  return s;
}

/* A scale that would be no normal number stands for zeros, whatever it is multiplied by. */
static float normal(float scale) { return scale >= FLT_MIN ? scale : FLT_MIN; }
static uint16_t multiply(uint16_t scale, float factor) { return bnc_bf16_from_f32(normal(bnc_f32_from_bf16(scale) * factor)); }

bnc_status bnc_rounded_read(const char *folder, const char *name, const bnc_rounded_shape *shape, size_t first, size_t rows, float factor,
                            uint8_t *nibbles, void *groups, float *scales, bnc_error *err) {
  const size_t row_bytes = shape->k / 2;
  bnc_file_map map;
  char *path = bnc_rounded_path(folder, name, "q4");
  if (!path) return bnc_fail_memory(err, strlen(folder));
  const bnc_status s = open_file(path, shape, &map, err);
  if (s == BNC_OK) {
    const uint8_t *data = map.data + sizeof(bnc_rounded_head);
    memcpy(nibbles, data + first * row_bytes, rows * row_bytes);
    const size_t at = bnc_rounded_groups_at(shape, first), size = bnc_rounded_groups_at(shape, first + rows) - at;
    memcpy(groups, data + at, size);
    if (bnc_rounded_has_steps(shape)) {
      memcpy(scales, data + bnc_rounded_scales_at(shape) + first * sizeof *scales, rows * sizeof *scales);
      for (size_t i = 0; i < rows; i++) scales[i] = normal(scales[i] * factor);
    } else {
      for (size_t i = 0; i < size / sizeof(uint16_t); i++) ((uint16_t *)groups)[i] = multiply(((uint16_t *)groups)[i], factor);
    }
    bnc_file_map_close(&map);
  }
  bnc_mem_free(path);
  return s;
}

bnc_status bnc_rounded_scale_rows(const char *folder, const char *name, const bnc_rounded_shape *shape, const int8_t *exponent,
                                  bnc_error *err) {
  const size_t groups = shape->k / shape->group, size = bnc_rounded_bytes(shape);
  bnc_file_map map;
  char *path = bnc_rounded_path(folder, name, "q4");
  uint8_t *data = bnc_mem_alloc(size);
  bnc_status s = path && data ? open_file(path, shape, &map, err) : bnc_fail_memory(err, size);
  if (s == BNC_OK) {
    memcpy(data, map.data + sizeof(bnc_rounded_head), size);
    bnc_file_map_close(&map);
    float *whole = (float *)(void *)(data + bnc_rounded_scales_at(shape));
    uint16_t *scales = (uint16_t *)(void *)whole;
    const bool steps = bnc_rounded_has_steps(shape);
    for (size_t i = 0; steps && i < shape->n; i++) whole[i] = normal(whole[i] * ldexpf(1.0f, -exponent[i]));
    for (size_t i = 0; !steps && i < shape->n * groups; i++) scales[i] = multiply(scales[i], ldexpf(1.0f, -exponent[i / groups]));
    s = write_file(path, shape, data, err);
  }
  bnc_mem_free(data);
  bnc_mem_free(path);
  return s;
}

static bool is_ours(const char *name) {
  const size_t n = strlen(name);
  return (n > 3 && strcmp(name + n - 3, ".q4") == 0) || strcmp(name, "layers.state") == 0;
}

void bnc_rounded_remove(const char *folder) {
  DIR *dir = opendir(folder);
  if (!dir) return;
  for (const struct dirent *e; (e = readdir(dir)) != NULL;)
    if (is_ours(e->d_name)) unlinkat(dirfd(dir), e->d_name, 0);
  closedir(dir);
  rmdir(folder);
}
