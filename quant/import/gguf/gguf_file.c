/* SPDX-License-Identifier: Apache-2.0 */
#include "quant/import/gguf/gguf_file.h"

#include <math.h>
#include <string.h>

#include "platforms/base/mem.h"
#include "quant/import/gguf/gguf_names.h"

typedef bnc_status configure_fn(void *context, const bnc_gguf *keys, const bnc_source_list *tensors, bnc_error *err);

/* Maps, parses, asks configure, which sees the stored names, and names the tensors. */
static bnc_status open_file(bnc_gguf_file *file, bnc_shard_set *set, const char *path, configure_fn *configure, void *context,
                            bnc_error *err) {
  *set = (bnc_shard_set){.named = true};
  set->shards = bnc_mem_zalloc(sizeof *set->shards);
  if (!set->shards) return bnc_fail_memory(err, sizeof *set->shards);
  bnc_shard *shard = set->shards;
  shard->path = bnc_mem_alloc(strlen(path) + 1);
  if (!shard->path) return bnc_fail_memory(err, strlen(path) + 1);
  memcpy(shard->path, path, strlen(path) + 1);
  bnc_status s = bnc_file_map_open(&shard->map, path, err);
  if (s != BNC_OK) {
    bnc_mem_free(shard->path);
    return s;
  }
  set->count = 1;
  size_t parts = 1;
  s = bnc_gguf_parse(&file->keys, &shard->header, shard->map.data, shard->map.size, err);
  if (s == BNC_OK) s = bnc_gguf_get_size(&file->keys, "split.count", 0, SIZE_MAX, &parts, err);
  if (s == BNC_OK && parts > 1)
    s = bnc_fail(err, BNC_ERROR_UNSUPPORTED,
                 "found one of %zu parts of a model, expected a single file: 'llama-gguf-split --merge' joins them", parts);
  if (s == BNC_OK) s = configure(context, &file->keys, &shard->header, err);
  if (s == BNC_OK) s = bnc_gguf_name_tensors(&shard->header, &file->names, err);
  return s == BNC_OK ? s : bnc_error_prefix(err, "%s", path);
}

/* The factors that LLaMA 3.1's converter writes in place of rope_scaling. */
static bnc_status take_rope_factors(bnc_gguf_file *file, const bnc_shard *shard, const bnc_source_tensor *t, size_t half, bnc_error *err) {
  if (t->dtype != BNC_SOURCE_F32 || t->elements != half)
    return bnc_fail(err, BNC_ERROR_FORMAT, "\"%s\": found %zu elements of %s, expected %zu of F32", t->stored, t->elements, t->dtype_name,
                    half);
  float *factors = file->rope_factors = bnc_mem_array(half, sizeof *factors);
  if (!factors) return bnc_fail_memory(err, half * sizeof *factors);
  memcpy(factors, shard->map.data + t->begin, half * sizeof *factors);
  for (size_t i = 0; i < half; i++)
    if (!isnormal(factors[i]) || factors[i] < 0)
      return bnc_fail(err, BNC_ERROR_FORMAT, "\"%s\": element %zu is %g, expected a positive number", t->stored, i, (double)factors[i]);
  return BNC_OK;
}

typedef struct text_context {
  bnc_gguf_file *file;
  const bnc_shard_set *set;
  bnc_import_config *config;
} text_context;

/* llama.cpp turns neighbours where PyTorch's code turns rows i and i + half: its converter has moved the rows of q and k. */
static void mark_rotated(const bnc_source_list *list, const bnc_text_geometry *t) {
  for (size_t i = 0; i < list->count; i++) {
    bnc_source_tensor *tensor = &list->tensors[i];
    if (strncmp(tensor->stored, "blk.", 4) != 0 || tensor->rank == 0) continue;
    const size_t heads = strstr(tensor->stored, ".attn_q.") ? t->heads : strstr(tensor->stored, ".attn_k.") ? t->kv_heads : 0;
    if (heads && tensor->shape[0] == heads * t->head_dim) tensor->rope_heads = heads; /* another shape is refused later */
  }
}

static bnc_status configure_text(void *context, const bnc_gguf *keys, const bnc_source_list *tensors, bnc_error *err) {
  const text_context *c = context;
  bnc_text_geometry *t = &c->config->text;
  bnc_status s = bnc_gguf_text_config(c->config, keys, tensors, err);
  const bnc_source_tensor *factors = bnc_gguf_stored(tensors, "rope_freqs.weight");
  if (s == BNC_OK && factors) s = take_rope_factors(c->file, c->set->shards, factors, t->head_dim / 2, err);
  if (s != BNC_OK) return s;
  t->rope.factors = c->file->rope_factors;
  const char *architecture = "";
  size_t size = 0;
  s = bnc_gguf_get_text(keys, "general.architecture", &architecture, &size, err);
  if (s == BNC_OK && size == 5 && memcmp(architecture, "llama", 5) == 0) mark_rotated(tensors, t);
  return s;
}

bnc_status bnc_gguf_open_text(bnc_gguf_file *file, bnc_shard_set *set, bnc_import_config *config, const char *path, bnc_error *err) {
  text_context context = {file, set, config};
  memset(config, 0, sizeof *config);
  bnc_tower_config_default(&config->tower);
  return open_file(file, set, path, configure_text, &context, err);
}

typedef struct vision_context {
  bnc_import_config *config;
  bnc_tower_config *tower;
} vision_context;

static bnc_status configure_vision(void *context, const bnc_gguf *keys, const bnc_source_list *tensors, bnc_error *err) {
  const vision_context *c = context;
  return bnc_gguf_vision_config(c->config, c->tower, keys, tensors, err);
}

bnc_status bnc_gguf_open_vision(bnc_gguf_file *file, bnc_shard_set *set, bnc_import_config *config, bnc_tower_config *tower,
                                const char *path, bnc_error *err) {
  vision_context context = {config, tower};
  bnc_tower_config_default(tower);
  return open_file(file, set, path, configure_vision, &context, err);
}

void bnc_gguf_file_close(bnc_gguf_file *file) {
  bnc_gguf_free(&file->keys);
  bnc_mem_free(file->names);
  bnc_mem_free(file->rope_factors);
  *file = (bnc_gguf_file){0};
}
