/* SPDX-License-Identifier: Apache-2.0 */
#include "quant/import/checkpoint.h"

#include <string.h>

#include "platforms/base/mem.h"
#include "quant/import/checkpoint_kind.h"
#include "quant/import/checkpoint_private.h"
#include "quant/import/config.h"
#include "quant/import/tensor_layout.h"
#include "quant/import/vision_shapes.h"

typedef struct loaded {
  bnc_checkpoint *checkpoint;
  const char *dir, *tower_dir;
  bnc_import_config config;
  bnc_tower_config tower;
} loaded;

typedef bnc_status parse_fn(void *out, const char *data, size_t size, bnc_error *err);

static bnc_status parse_model(void *out, const char *data, size_t size, bnc_error *err) {
  return bnc_import_config_parse(out, data, size, err);
}
static bnc_status parse_generation(void *out, const char *data, size_t size, bnc_error *err) {
  return bnc_generation_config_parse(out, data, size, err);
}
static bnc_status parse_tower(void *out, const char *data, size_t size, bnc_error *err) {
  return bnc_tower_config_parse(out, data, size, err);
}
static bnc_status parse_preprocessor(void *out, const char *data, size_t size, bnc_error *err) {
  return bnc_preprocessor_config_parse(out, data, size, err);
}

static bnc_status read_config(const char *dir, const char *name, bool optional, parse_fn *parse, void *out, bnc_error *err) {
  char *data, *path = bnc_path_join(dir, name);
  size_t size;
  bnc_status s = BNC_OK;
  if (!path) return bnc_fail_memory(err, strlen(dir) + strlen(name) + 2);
  if (!optional || bnc_path_exists(path)) {
    s = bnc_file_read(path, BNC_CONFIG_MAX_BYTES, &data, &size, err);
    if (s == BNC_OK) {
      s = parse(out, data, size, err);
      if (s != BNC_OK) bnc_error_prefix(err, "%s", path);
      bnc_mem_free(data);
    }
  }
  bnc_mem_free(path);
  return s;
}

/* A GGUF file says what config.json says, and a second one is the vision side. */
static bnc_status read_gguf(loaded *l, bnc_error *err) {
  bnc_checkpoint *c = l->checkpoint;
  bnc_status s = bnc_gguf_open_text(&c->model_keys, &c->model, &l->config, l->dir, err);
  if (s == BNC_OK && l->tower_dir) s = bnc_gguf_open_vision(&c->tower_keys, &c->tower, &l->config, &l->tower, l->tower_dir, err);
  return s;
}

static bnc_status read_files(loaded *l, bnc_error *err) {
  if (l->checkpoint->gguf) return read_gguf(l, err);
  bnc_status s = read_config(l->dir, "config.json", false, parse_model, &l->config, err);
  if (s == BNC_OK) s = read_config(l->dir, "generation_config.json", true, parse_generation, &l->config, err);
  if (s != BNC_OK) return s;
  if (l->tower_dir)
    bnc_tower_config_default(&l->tower);
  else
    l->tower = l->config.tower;
  if (l->tower_dir) s = read_config(l->tower_dir, "config.json", true, parse_tower, &l->tower, err);
  if (s == BNC_OK)
    s = read_config(l->tower_dir ? l->tower_dir : l->dir, "preprocessor_config.json", true, parse_preprocessor, &l->tower, err);
  if (s == BNC_OK) s = bnc_shard_set_open(&l->checkpoint->model, l->dir, err);
  if (s == BNC_OK && l->tower_dir) s = bnc_shard_set_open(&l->checkpoint->tower, l->tower_dir, err);
  return s;
}

static bnc_status settle_vision(loaded *l, bnc_error *err) {
  bnc_checkpoint *c = l->checkpoint;
  bnc_geometry *g = &c->geometry;
  g->has_vision = l->config.has_vision || bnc_tensor_table_has_prefix(&c->table, "model.mm_projector.") ||
                  bnc_tensor_table_has_prefix(&c->table, "model.spatial_embed.") ||
                  (!l->tower_dir && bnc_tensor_table_has_prefix(&c->table, "vision_model."));
  if (!g->has_vision)
    return l->tower_dir ? bnc_fail(err, BNC_ERROR_ARGUMENT, "%s: a language model without projector has no use for the vision tower in %s",
                                   l->dir, l->tower_dir)
                        : BNC_OK;
  if (!bnc_tensor_table_has_prefix(&c->table, "vision_model.")) {
    if (l->tower_dir)
      return bnc_fail(err, BNC_ERROR_FORMAT, "%s: found no tensor vision_model.*, expected a CLIP vision tower", l->tower_dir);
    return bnc_fail(err, BNC_ERROR_FORMAT, "%s: the checkpoint holds no vision tower: pass --vision-tower DIR, a folder with %s%s%s",
                    l->dir, *l->config.tower_name ? "\"" : "its CLIP model", l->config.tower_name, *l->config.tower_name ? "\"" : "");
  }
  bnc_status s = bnc_vision_shapes(g, &l->config, &l->tower, &c->table, err);
  if (s != BNC_OK) bnc_error_prefix(err, "%s", l->tower_dir ? l->tower_dir : l->dir);
  return s;
}

static bnc_status check_tensor(void *context, const char *name, size_t rank, const size_t *shape, bnc_error *err) {
  loaded *l = context;
  char found[128], expected[128];
  bnc_shape_text(rank, shape, expected, sizeof expected);
  bnc_source_tensor *t = bnc_tensor_table_find(&l->checkpoint->table, name);
  if (!t)
    return bnc_fail(err, BNC_ERROR_FORMAT, "%s: missing tensor \"%s\": no file holds it, expected shape %s",
                    l->tower_dir && strncmp(name, "vision_model.", 13) == 0 ? l->tower_dir : l->dir, name, expected);
  if (t->rank != rank || memcmp(t->shape, shape, rank * sizeof *shape) != 0)
    return bnc_fail(err, BNC_ERROR_FORMAT, "%s: \"%s\": found shape %s, expected %s", t->shard->path, t->stored,
                    bnc_shape_text(t->rank, t->shape, found, sizeof found), expected);
  if (t->dtype == BNC_SOURCE_OTHER)
    return bnc_fail(err, BNC_ERROR_UNSUPPORTED, "%s: \"%s\": found dtype %s, expected %s", t->shard->path, t->stored, t->dtype_name,
                    t->block ? "one such as F16, Q8_0 or Q4_K" : "BF16, F16 or F32");
  t->used = true;
  return BNC_OK;
}

static bnc_status check_vocabulary(const loaded *l, bnc_error *err) {
  const bnc_source_tensor *t = bnc_tensor_table_find(&l->checkpoint->table, "model.embed_tokens.weight");
  if (!t || t->rank != 2 || t->shape[0] == l->config.text.vocab) return BNC_OK;
  return bnc_fail(err, BNC_ERROR_FORMAT, "%s/config.json: \"vocab_size\": found %zu, expected %zu, the rows of \"%s\" in %s", l->dir,
                  l->config.text.vocab, t->shape[0], t->stored, t->shard->path);
}

static bnc_status open_checkpoint(loaded *l, bnc_error *err) {
  bnc_checkpoint *c = l->checkpoint;
  bnc_status s = read_files(l, err);
  if (s != BNC_OK) return s;
  bnc_text_geometry *t = &c->geometry.text;
  *t = l->config.text;
  s = bnc_tensor_table_build(&c->table, &c->model, l->tower_dir ? &c->tower : NULL, t->tie_word_embeddings, err);
  if (s != BNC_OK) return s;
  /* A config that is silent about it: the tensors tell. One that says "not tied" makes a lost lm_head an error. */
  if (!l->config.tie_given) t->tie_word_embeddings = !bnc_tensor_table_find(&c->table, "lm_head.weight");
  s = settle_vision(l, err);
  if (s == BNC_OK) s = check_vocabulary(l, err);
  if (s == BNC_OK) s = bnc_tensor_layout(&c->geometry, check_tensor, l, err);
  if (s == BNC_OK) s = bnc_tensor_table_check_all_used(&c->table, err);
  return s;
}

/* A folder goes with a tower's folder, a GGUF file with another. */
static bnc_status check_kinds(bnc_checkpoint *c, const char *path, const char *tower, bnc_error *err) {
  bnc_checkpoint_kind kind = BNC_CHECKPOINT_FOLDER, tower_kind;
  bnc_status s = bnc_checkpoint_kind_find(path, &kind, err);
  c->gguf = kind == BNC_CHECKPOINT_GGUF;
  if (s != BNC_OK || !tower) return s;
  s = bnc_checkpoint_kind_find(tower, &tower_kind, err);
  if (s != BNC_OK) return bnc_error_prefix(err, "the vision %s", c->gguf ? "side (mmproj)" : "tower");
  if (tower_kind != kind)
    s = bnc_fail(err, BNC_ERROR_ARGUMENT, "%s: found a %s, expected %s with %s", tower, c->gguf ? "folder" : "GGUF file",
                 c->gguf ? "the GGUF file of the vision side (mmproj)" : "the folder of a vision tower", path);
  return s;
}

bnc_status bnc_checkpoint_open(bnc_checkpoint **checkpoint, const char *dir, const char *vision_tower_dir, bnc_error *err) {
  *checkpoint = NULL;
  loaded *l = bnc_mem_zalloc(sizeof *l);
  bnc_checkpoint *c = bnc_mem_zalloc(sizeof *c);
  bnc_status s;
  if (!l || !c) {
    s = bnc_fail_memory(err, sizeof *l + sizeof *c);
  } else {
    l->checkpoint = c;
    l->dir = dir;
    l->tower_dir = vision_tower_dir;
    s = check_kinds(c, dir, vision_tower_dir, err);
    if (s == BNC_OK) s = open_checkpoint(l, err);
  }
  bnc_mem_free(l);
  if (s == BNC_OK)
    *checkpoint = c;
  else
    bnc_checkpoint_close(c);
  return s;
}

void bnc_checkpoint_close(bnc_checkpoint *c) {
  if (!c) return;
  bnc_tensor_table_free(&c->table);
  bnc_shard_set_close(&c->tower);
  bnc_shard_set_close(&c->model);
  bnc_gguf_file_close(&c->tower_keys);
  bnc_gguf_file_close(&c->model_keys);
  bnc_mem_free(c);
}

const bnc_gguf *bnc_checkpoint_gguf(const bnc_checkpoint *c) { return c->gguf ? &c->model_keys.keys : NULL; }

const bnc_geometry *bnc_checkpoint_geometry(const bnc_checkpoint *c) { return &c->geometry; }

const bnc_source_tensor *bnc_checkpoint_find(const bnc_checkpoint *c, const char *name) { return bnc_tensor_table_find(&c->table, name); }

size_t bnc_checkpoint_tensor_count(const bnc_checkpoint *c) { return c->table.count; }
