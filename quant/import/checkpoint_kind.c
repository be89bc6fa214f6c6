/* SPDX-License-Identifier: Apache-2.0 */
#include "quant/import/checkpoint_kind.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "platforms/file/file.h"

static bool begins_with(const uint8_t *data, size_t size, const char *text, size_t length) {
  return size >= length && memcmp(data, text, length) == 0;
}

bool bnc_is_lfs_pointer(const uint8_t *data, size_t size) {
  static const char front[] = "version https://git-lfs.github.com/";
  return size < 1024 && begins_with(data, size, front, sizeof front - 1);
}

/* "org/name", of the characters that the Hugging Face Hub allows. */
static bool is_hub_name(const char *path) {
  size_t slashes = 0;
  if (!isalnum((unsigned char)path[0])) return false;
  for (const char *c = path; *c; c++) {
    slashes += *c == '/';
    if (*c != '/' && !isalnum((unsigned char)*c) && !strchr("-_.", *c)) return false;
  }
  return slashes == 1 && path[strlen(path) - 1] != '/';
}

/* A safetensors file begins with the length of its header and that header, a JSON object. */
static bool is_safetensors(const uint8_t *data, size_t size) {
  return size > 9 && data[8] == '{' && data[3] == 0 && data[4] == 0 && data[5] == 0 && data[6] == 0 && data[7] == 0;
}

/* What a file is, and what to do instead of naming it. */
static const char *describe_file(const char *path, const uint8_t *data, size_t size) {
  const size_t length = strlen(path);
  if (bnc_is_lfs_pointer(data, size)) return "a Git LFS pointer; 'git lfs pull' fetches the file itself, whose folder is the checkpoint";
  if (is_safetensors(data, size)) return "a single safetensors file; pass its folder, which holds config.json too";
  if (begins_with(data, size, "PK\3\4", 4) || begins_with(data, size, "\x80\2", 2) ||
      (length > 4 && (strcmp(path + length - 4, ".pth") == 0 || strcmp(path + length - 4, ".bin") == 0)))
    return "a PyTorch file (a Python pickle); save the model as safetensors and pass that folder";
  if (length > 5 && strcmp(path + length - 5, ".json") == 0) return "a JSON file; pass the folder that it lies in";
  if (length > 4 && strcmp(path + length - 4, ".bnc") == 0) return "a model file, which is compiled already";
  return "a file";
}

bnc_status bnc_checkpoint_kind_find(const char *path, bnc_checkpoint_kind *kind, bnc_error *err) {
  static const char expected[] = "expected a folder with config.json and *.safetensors, or a GGUF file";
  struct stat st;
  bnc_file_map map;
  if (stat(path, &st) < 0) {
    if (errno == ENOENT && is_hub_name(path))
      return bnc_fail(
          err, BNC_ERROR_IO,
          "%s: No such file or directory; if it is a model's name on the Hugging Face Hub, download it first and pass its folder", path);
    return bnc_fail_errno(err, "%s", path);
  }
  *kind = BNC_CHECKPOINT_FOLDER;
  if (S_ISDIR(st.st_mode)) return BNC_OK;
  const bnc_status s = bnc_file_map_open(&map, path, err);
  if (s != BNC_OK) return s;
  const bool gguf = begins_with(map.data, map.size, "GGUF", 4);
  const char *what = describe_file(path, map.data, map.size);
  bnc_file_map_close(&map);
  if (!gguf) return bnc_fail(err, BNC_ERROR_FORMAT, "%s: found %s; %s", path, what, expected);
  *kind = BNC_CHECKPOINT_GGUF;
  return BNC_OK;
}
