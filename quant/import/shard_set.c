/* SPDX-License-Identifier: Apache-2.0 */
#include "quant/import/shard_set.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "platforms/base/mem.h"
#include "quant/import/checkpoint_kind.h"
#include "quant/import/shard_index.h"

#define INDEX_NAME "model.safetensors.index.json"
#define MAX_INDEX_BYTES (64u << 20)

char *bnc_path_join(const char *dir, const char *name) {
  const size_t n = strlen(dir), m = strlen(name);
  char *path = bnc_mem_alloc(n + m + 2);
  if (!path) return NULL;
  memcpy(path, dir, n);
  size_t at = n;
  if (n && dir[n - 1] != '/') path[at++] = '/';
  memcpy(path + at, name, m + 1);
  return path;
}

bool bnc_path_exists(const char *path) { return access(path, F_OK) == 0; }

static bnc_status open_shard(bnc_shard_set *set, const char *dir, const char *name, bnc_error *err) {
  bnc_shard *shard = &set->shards[set->count];
  *shard = (bnc_shard){.path = bnc_path_join(dir, name)};
  if (!shard->path) return bnc_fail_memory(err, strlen(dir) + strlen(name) + 2);
  bnc_status s = bnc_file_map_open(&shard->map, shard->path, err);
  if (s == BNC_OK && bnc_is_lfs_pointer(shard->map.data, shard->map.size)) {
    bnc_file_map_close(&shard->map);
    s = bnc_fail(err, BNC_ERROR_FORMAT, "%s: found a Git LFS pointer, expected the weights: 'git lfs pull' fetches them", shard->path);
  }
  if (s == BNC_OK) {
    s = bnc_safetensors_parse(&shard->header, shard->map.data, shard->map.size, err);
    if (s != BNC_OK) {
      bnc_error_prefix(err, "%s", shard->path);
      bnc_file_map_close(&shard->map);
    }
  }
  if (s != BNC_OK)
    bnc_mem_free(shard->path);
  else
    set->count++;
  return s;
}

static bnc_status make_room(bnc_shard_set *set, size_t count, bnc_error *err) {
  set->shards = bnc_mem_array(count, sizeof *set->shards);
  return set->shards ? BNC_OK : bnc_fail_memory(err, count * sizeof *set->shards);
}

/* Each tensor must be in the shard that the index says: else shards of two versions lie mixed. */
static bnc_status check_index(const bnc_shard_set *set, const bnc_shard_index *index, bnc_error *err) {
  for (size_t i = 0; i < index->count; i++) {
    const bnc_shard_entry *e = &index->entries[i];
    const bnc_shard *shard = &set->shards[e->file];
    size_t low = 0, high = shard->header.count;
    while (low < high) {
      const size_t middle = low + (high - low) / 2;
      if (strcmp(shard->header.tensors[middle].name, e->tensor) < 0)
        low = middle + 1;
      else
        high = middle;
    }
    if (low == shard->header.count || strcmp(shard->header.tensors[low].name, e->tensor) != 0)
      return bnc_fail(err, BNC_ERROR_FORMAT, "%s: \"%s\" is missing, though " INDEX_NAME " says that it is in this shard", shard->path,
                      e->tensor);
  }
  return BNC_OK;
}

static bnc_status open_indexed(bnc_shard_set *set, const char *dir, const char *index_path, bnc_error *err) {
  char *text;
  size_t size;
  bnc_shard_index index;
  bnc_status s = bnc_file_read(index_path, MAX_INDEX_BYTES, &text, &size, err);
  if (s != BNC_OK) return s;
  s = bnc_shard_index_parse(&index, text, size, err);
  bnc_mem_free(text);
  if (s != BNC_OK) return bnc_error_prefix(err, "%s", index_path);
  s = make_room(set, index.file_count, err);
  for (size_t i = 0; s == BNC_OK && i < index.file_count; i++) {
    s = open_shard(set, dir, index.files[i], err);
    if (s == BNC_ERROR_IO) bnc_error_prefix(err, "%s names a shard that cannot be opened", index_path);
  }
  if (s == BNC_OK) s = check_index(set, &index, err);
  bnc_shard_index_free(&index);
  return s;
}

static int is_safetensors(const struct dirent *e) {
  const size_t n = strlen(e->d_name);
  return n > 12 && e->d_name[0] != '.' && strcmp(e->d_name + n - 12, ".safetensors") == 0;
}

static int is_pickle(const struct dirent *e) {
  const size_t n = strlen(e->d_name);
  return n > 4 && strcmp(e->d_name + n - 4, ".bin") == 0;
}

static bnc_status open_all(bnc_shard_set *set, const char *dir, bnc_error *err) {
  struct dirent **found = NULL;
  const int count = scandir(dir, &found, is_safetensors, alphasort);
  if (count < 0) return bnc_fail_errno(err, "%s", dir);
  bnc_status s = BNC_OK;
  if (count == 0) {
    struct dirent **pickles = NULL;
    const int pickle_count = scandir(dir, &pickles, is_pickle, alphasort);
    s = bnc_fail(err, BNC_ERROR_FORMAT, "%s: found no weights (" INDEX_NAME ", model.safetensors or *.safetensors)%s", dir,
                 pickle_count > 0 ? "; its .bin files are Python pickles: save the model as safetensors first" : "");
    for (int i = 0; i < pickle_count; i++) free(pickles[i]);
    free(pickles);
  }
  if (s == BNC_OK) s = make_room(set, (size_t)count, err);
  for (int i = 0; i < count; i++) {
    if (s == BNC_OK) s = open_shard(set, dir, found[i]->d_name, err);
    free(found[i]);
  }
  free(found);
  return s;
}

bnc_status bnc_shard_set_open(bnc_shard_set *set, const char *dir, bnc_error *err) {
  *set = (bnc_shard_set){0};
  char *index = bnc_path_join(dir, INDEX_NAME), *single = bnc_path_join(dir, "model.safetensors");
  bnc_status s = BNC_OK;
  if (!index || !single) {
    s = bnc_fail_memory(err, strlen(dir));
  } else if (bnc_path_exists(single)) { /* as transformers does: an index beside it is of another time */
    s = make_room(set, 1, err);
    if (s == BNC_OK) s = open_shard(set, dir, "model.safetensors", err);
  } else if (bnc_path_exists(index)) {
    s = open_indexed(set, dir, index, err);
  } else {
    s = open_all(set, dir, err);
  }
  bnc_mem_free(index);
  bnc_mem_free(single);
  if (s != BNC_OK) bnc_shard_set_close(set);
  return s;
}

void bnc_shard_set_close(bnc_shard_set *set) {
  for (size_t i = 0; i < set->count; i++) {
    bnc_source_list_free(&set->shards[i].header);
    bnc_file_map_close(&set->shards[i].map);
    bnc_mem_free(set->shards[i].path);
  }
  bnc_mem_free(set->shards);
  *set = (bnc_shard_set){0};
}
