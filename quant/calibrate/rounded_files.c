/* SPDX-License-Identifier: Apache-2.0 */
#include "quant/calibrate/rounded_files.h"

#include <dirent.h>
#include <errno.h>
#include <float.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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

bnc_status bnc_rounded_save(const char *folder, const char *name, const uint8_t *data, size_t size, bnc_error *err) {
  char *path = bnc_rounded_path(folder, name, "q4");
  bnc_status s = path ? bnc_file_save(path, data, size, err) : bnc_fail_memory(err, strlen(folder));
  bnc_mem_free(path);
  return s;
}

static bnc_status take_scales(const uint16_t *from, size_t count, float factor, uint16_t *scales, const char *path, bnc_error *err) {
  for (size_t i = 0; i < count; i++) {
    const float scale = bnc_bf16_to_f32(from[i]) * factor;
    if (!(scale >= FLT_MIN && scale <= FLT_MAX))
      return bnc_fail(err, BNC_ERROR_FORMAT, "%s: scale %zu is no positive normal number: remove the folder and calibrate again", path, i);
    scales[i] = bnc_bf16_from_f32(scale);
  }
  return BNC_OK;
}

bnc_status bnc_rounded_read(const char *folder, const char *name, const bnc_rounded_shape *shape, size_t first, size_t rows, float factor,
                            uint8_t *nibbles, uint16_t *scales, bnc_error *err) {
  const size_t groups = shape->k / shape->group, row_bytes = shape->k / 2;
  bnc_file_map map;
  char *path = bnc_rounded_path(folder, name, "q4");
  if (!path) return bnc_fail_memory(err, strlen(folder));
  bnc_status s = bnc_file_map_open(&map, path, err);
  if (s == BNC_OK) {
    if (map.size != bnc_rounded_bytes(shape)) {
      s = bnc_fail(err, BNC_ERROR_FORMAT, "%s: %zu bytes, expected %zu: remove the folder and calibrate again", path, map.size,
                   bnc_rounded_bytes(shape));
    } else {
      memcpy(nibbles, map.data + first * row_bytes, rows * row_bytes);
      const uint8_t *at = map.data + shape->n * row_bytes + first * groups * sizeof *scales;
      s = take_scales((const uint16_t *)(const void *)at, rows * groups, factor, scales, path, err);
    }
    bnc_file_map_close(&map);
  }
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
