/* SPDX-License-Identifier: Apache-2.0 */
#include "quant/import/tensor_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "platforms/base/mem.h"

#define IN_CHECKPOINT "model.vision_tower.vision_tower."
#define TOWER "vision_model."

static bool begins(const char *text, const char *with) { return strncmp(text, with, strlen(with)) == 0; }

static bool ends(const char *text, const char *with) {
  const size_t n = strlen(text), m = strlen(with);
  return n >= m && strcmp(text + n - m, with) == 0;
}

/* What CLIP files carry and no answer depends on: an index vector, and the norm of the pooled output. */
static bool tower_ignorable(const char *name) {
  return strcmp(name, TOWER "embeddings.position_ids") == 0 || begins(name, TOWER "post_layernorm.");
}

/* false: leave the tensor out. Else *canonical is its name, NULL if nobody knows it. */
static bool name_in_tower(const char *name, const char **canonical) {
  if (tower_ignorable(name) || begins(name, "text_model.") || strcmp(name, "logit_scale") == 0 ||
      strcmp(name, "visual_projection.weight") == 0 || strcmp(name, "text_projection.weight") == 0)
    return false;
  *canonical = begins(name, TOWER) ? name : NULL;
  return true;
}

static bool name_in_model(const char *name, bool tower_replaced, bool tied, const char **canonical) {
  *canonical = name;
  if (ends(name, ".rotary_emb.inv_freq") || (tied && strcmp(name, "lm_head.weight") == 0)) return false;
  if (begins(name, "model.vision_tower.")) {
    if (tower_replaced) return false;
    *canonical = begins(name, IN_CHECKPOINT TOWER) ? name + strlen(IN_CHECKPOINT) : NULL;
    return !*canonical || !tower_ignorable(*canonical);
  }
  if (strcmp(name, "model.mm_projector.weight") == 0) *canonical = "model.mm_projector.0.weight";
  if (strcmp(name, "model.mm_projector.bias") == 0) *canonical = "model.mm_projector.0.bias";
  if (begins(name, TOWER)) *canonical = NULL;
  return true;
}

static int by_name(const void *a, const void *b) {
  const bnc_source_tensor *x = a, *y = b;
  if (!x->name || !y->name) return (x->name == NULL) - (y->name == NULL);
  return strcmp(x->name, y->name);
}

bnc_status bnc_tensor_table_build(bnc_tensor_table *table, const bnc_shard_set *model, const bnc_shard_set *tower, bool tied,
                                  bnc_error *err) {
  const bnc_shard_set *sets[2] = {model, tower};
  size_t total = 0;
  *table = (bnc_tensor_table){0, NULL};
  for (size_t k = 0; k < 2; k++)
    for (size_t i = 0; sets[k] && i < sets[k]->count; i++) total += sets[k]->shards[i].header.count;
  table->tensors = bnc_mem_array(total, sizeof *table->tensors);
  if (!table->tensors) return bnc_fail_memory(err, total * sizeof *table->tensors);
  for (size_t k = 0; k < 2; k++)
    for (size_t i = 0; sets[k] && i < sets[k]->count; i++) {
      const bnc_shard *shard = &sets[k]->shards[i];
      for (size_t j = 0; j < shard->header.count; j++) {
        const bnc_source_tensor *t = &shard->header.tensors[j];
        const char *name = t->name;
        if (!sets[k]->named && !(k == 0 ? name_in_model(t->stored, tower != NULL, tied, &name) : name_in_tower(t->stored, &name))) continue;
        bnc_source_tensor *known = &table->tensors[table->count++];
        *known = *t;
        known->name = name;
        known->shard = shard;
      }
    }
  if (table->count) qsort(table->tensors, table->count, sizeof *table->tensors, by_name);
  for (size_t i = 1; i < table->count; i++) {
    const bnc_source_tensor *a = &table->tensors[i - 1], *b = &table->tensors[i];
    if (a->name && b->name && strcmp(a->name, b->name) == 0)
      return bnc_fail(err, BNC_ERROR_FORMAT, "%s: \"%s\" found twice, also as \"%s\" in %s", b->shard->path, b->stored, a->stored,
                      a->shard->path);
  }
  return BNC_OK;
}

void bnc_tensor_table_free(bnc_tensor_table *table) {
  bnc_mem_free(table->tensors);
  *table = (bnc_tensor_table){0, NULL};
}

/* The first tensor whose name is not below the given one. */
static size_t lower_bound(const bnc_tensor_table *table, const char *name) {
  size_t low = 0, high = table->count;
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    const char *at = table->tensors[middle].name;
    if (at && strcmp(at, name) < 0)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

bnc_source_tensor *bnc_tensor_table_find(const bnc_tensor_table *table, const char *name) {
  const size_t i = lower_bound(table, name);
  return i < table->count && table->tensors[i].name && strcmp(table->tensors[i].name, name) == 0 ? &table->tensors[i] : NULL;
}

bool bnc_tensor_table_has_prefix(const bnc_tensor_table *table, const char *prefix) {
  const size_t i = lower_bound(table, prefix);
  return i < table->count && table->tensors[i].name && begins(table->tensors[i].name, prefix);
}

size_t bnc_tensor_table_count_layers(const bnc_tensor_table *table, const char *prefix) {
  size_t layers = 0;
  for (size_t i = lower_bound(table, prefix); i < table->count && table->tensors[i].name && begins(table->tensors[i].name, prefix); i++) {
    size_t n = 0;
    const char *p = table->tensors[i].name + strlen(prefix);
    while (*p >= '0' && *p <= '9' && n < 1000000) n = n * 10 + (size_t)(*p++ - '0');
    if (*p == '.' && n + 1 > layers) layers = n + 1;
  }
  return layers;
}

bnc_status bnc_tensor_table_check_all_used(const bnc_tensor_table *table, bnc_error *err) {
  char shape[128];
  for (size_t i = 0; i < table->count; i++) {
    const bnc_source_tensor *t = &table->tensors[i];
    if (!t->used)
      return bnc_fail(err, BNC_ERROR_FORMAT,
                      "%s: unknown tensor \"%s\" of shape %s: the model that its config describes has none of that name", t->shard->path,
                      t->stored, bnc_shape_text(t->rank, t->shape, shape, sizeof shape));
  }
  return BNC_OK;
}

const char *bnc_shape_text(size_t rank, const size_t *shape, char *out, size_t size) {
  size_t at = (size_t)snprintf(out, size, "[");
  for (size_t i = 0; i < rank && at < size; i++) at += (size_t)snprintf(out + at, size - at, "%s%zu", i ? ", " : "", shape[i]);
  if (at < size) snprintf(out + at, size - at, "]");
  return out;
}
