/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/model/weight_slabs.h"

#include <string.h>

#include "ops/matmul/matmul.h"
#include "platforms/base/mem.h"
#include "platforms/file/map_advice.h"
#include "runtime/model/data_blocks.h"

bnc_packed_identity bnc_weight_slabs_identity(const bnc_model_file *file) {
  return (bnc_packed_identity){file->content, bnc_packed_machine_id()};
}

bnc_linear_spec bnc_weight_slab_spec(const bnc_model_file *file, bnc_weight_slab slab) {
  const bnc_file_weight *w = &file->weight[slab.weight];
  const uint8_t *data = file->data.data;
  const size_t first = slab.from;
  bnc_linear_spec spec = {.n = slab.count, .k = w->k, .in_stride = w->k, .out_stride = slab.count};
  if (w->dtype == BNC_WEIGHT_F32) {
    spec.kind = BNC_LINEAR_F32;
    spec.weights = data + w->data + first * w->k * 4;
  } else if (w->dtype == BNC_WEIGHT_BF16) {
    spec.kind = BNC_LINEAR_BF16;
    spec.weights = data + w->data + first / BNC_FLOAT_PANEL * bnc_bf16_panel(w->k) * sizeof(uint16_t);
  } else if (w->dtype == BNC_WEIGHT_QG4) {
    const size_t panel = first / BNC_I4_PANEL;
    spec.kind = BNC_LINEAR_QD8_QG4;
    spec.group = w->group;
    spec.weights = data + w->data + panel * bnc_i4_panel_nibbles(w->k);
    spec.group_scales = (const uint16_t *)(const void *)(data + w->scales + panel * bnc_i4_panel_scales(w->k, w->group));
  } else {
    const bool four = w->dtype == BNC_WEIGHT_QC4;
    spec.kind = four ? BNC_LINEAR_QD8_QC4 : BNC_LINEAR_QD8_QC8;
    spec.weights = data + w->data + (four ? first / BNC_C4_PANEL * bnc_c4_panel_bytes(w->k) : first * w->k);
    spec.scales = (const float *)(const void *)(data + w->scales + first * 4);
  }
  if (w->bias != UINT64_MAX) spec.bias = (const float *)(const void *)(data + w->bias + first * 4);
  return spec;
}

static int compare(const bnc_weight_slab *a, const bnc_weight_slab *b) {
  if (a->weight != b->weight) return a->weight < b->weight ? -1 : 1;
  if (a->from != b->from) return a->from < b->from ? -1 : 1;
  return a->count == b->count ? 0 : a->count < b->count ? -1 : 1;
}

/* In place, without memory of its own: qsort may allocate. */
static void sift_down(bnc_weight_slab *slab, size_t root, size_t count) {
  for (size_t child; (child = 2 * root + 1) < count; root = child) {
    if (child + 1 < count && compare(&slab[child], &slab[child + 1]) < 0) child++;
    if (compare(&slab[root], &slab[child]) >= 0) return;
    bnc_weight_slab swap = slab[root];
    slab[root] = slab[child];
    slab[child] = swap;
  }
}
static void sort(bnc_weight_slab *slab, size_t count) {
  for (size_t i = count / 2; i-- > 0;) sift_down(slab, i, count);
  for (size_t end = count; end-- > 1;) {
    bnc_weight_slab swap = slab[0];
    slab[0] = slab[end];
    slab[end] = swap;
    sift_down(slab, 0, end);
  }
}

/* Distinct slabs of packed weights, or of all, in the order of the file, so that its weights are read front to back. */
static bnc_status list_slabs(const bnc_model_file *file, bool all, bnc_weight_slab **slabs, size_t *count, bnc_error *err) {
  size_t ops = 0, n = 0, distinct = 0;
  for (bnc_program_id p = 0; p < BNC_PROGRAMS; p++)
    if (file->program[p].head) ops += file->program[p].head->ops;
  bnc_weight_slab *slab = bnc_mem_array(ops + 1, sizeof *slab);
  if (!slab) return bnc_fail_memory(err, (ops + 1) * sizeof *slab);
  for (bnc_program_id p = 0; p < BNC_PROGRAMS; p++)
    for (uint32_t i = 0; file->program[p].head && i < file->program[p].head->ops; i++) {
      const bnc_file_op *op = &file->program[p].op[i];
      if (op->kind == BNC_OP_LINEAR && (all || bnc_weight_is_packed(file, &file->weight[op->weight])))
        slab[n++] = (bnc_weight_slab){op->weight, op->attr.linear.from, op->attr.linear.count};
    }
  sort(slab, n);
  for (size_t i = 0; i < n; i++)
    if (i == 0 || compare(&slab[i], &slab[i - 1]) != 0) slab[distinct++] = slab[i];
  *slabs = slab;
  *count = distinct;
  return BNC_OK;
}

bnc_status bnc_weight_slabs_disjoint(const bnc_model_file *file, bnc_error *err) {
  bnc_weight_slab *slab;
  size_t count, i = 1;
  bnc_status s = list_slabs(file, true, &slab, &count, err);
  if (s != BNC_OK) return s;
  while (i < count && (slab[i].weight != slab[i - 1].weight || slab[i].from >= slab[i - 1].from + slab[i - 1].count)) i++;
  if (i < count)
    s = bnc_fail(err, BNC_ERROR_FORMAT, "weight %u (%s): its columns from %u and from %u on overlap, in pieces of %u and %u",
                 slab[i].weight, bnc_model_file_string(file, file->weight[slab[i].weight].name), slab[i - 1].from, slab[i].from,
                 slab[i - 1].count, slab[i].count);
  bnc_mem_free(slab);
  return s;
}

bool bnc_weight_slabs_any(const bnc_model_file *file) {
  for (bnc_program_id p = 0; p < BNC_PROGRAMS; p++)
    for (uint32_t i = 0; file->program[p].head && i < file->program[p].head->ops; i++) {
      const bnc_file_op *op = &file->program[p].op[i];
      if (op->kind == BNC_OP_LINEAR && bnc_weight_is_packed(file, &file->weight[op->weight])) return true;
    }
  return false;
}

/* Bytes of a slab's weights and of its scales. */
typedef struct slab_bytes {
  size_t weights, scales;
} slab_bytes;

static slab_bytes bytes_of(const bnc_linear_spec *spec) {
  const size_t panels = bnc_i4_panels(spec->n), count = spec->n * spec->k;
  switch (spec->kind) {
    case BNC_LINEAR_F32: return (slab_bytes){count * 4, 0};
    case BNC_LINEAR_BF16: return (slab_bytes){bnc_bf16_panels(spec->n) * bnc_bf16_panel(spec->k) * sizeof(uint16_t), 0};
    case BNC_LINEAR_QD8_QC8: return (slab_bytes){count, spec->n * 4};
    case BNC_LINEAR_QD8_QC4: return (slab_bytes){panels * bnc_c4_panel_bytes(spec->k), spec->n * 4};
    case BNC_LINEAR_QD8_QG4: break;
  }
  return (slab_bytes){panels * bnc_i4_panel_nibbles(spec->k), panels * bnc_i4_panel_scales(spec->k, spec->group)};
}

static const void *scales_of(const bnc_linear_spec *spec) {
  return spec->kind == BNC_LINEAR_QD8_QG4 ? (const void *)spec->group_scales : spec->scales;
}

static void release_range(const bnc_model_file *file, const void *from, size_t size) {
  if (from) bnc_file_map_release(&file->map, (size_t)((const uint8_t *)from - file->map.data), size);
}

/* What was packed is not read again: it need not stay in memory. */
static void release(const bnc_model_file *file, const bnc_linear_spec *spec) {
  if (!file->map.base) return;
  const slab_bytes size = bytes_of(spec);
  release_range(file, spec->weights, size.weights);
  release_range(file, scales_of(spec), size.scales);
  release_range(file, spec->bias, spec->n * 4);
}

/* Room for verified copies of a slab's parts. */
typedef struct slab_copy {
  bnc_block_room weights, scales, bias;
} slab_copy;

/* Points a spec at copies of its numbers that were verified after copying: the packed form will be found under the content's name, so
   what becomes of it must be that content, whatever happens to the file meanwhile. A file in the making is our own. */
static bnc_status copy_parts(const bnc_model_file *file, slab_copy *copy, bnc_linear_spec *spec, bnc_error *err) {
  const uint8_t *data = file->data.data, *part;
  if (!file->block) return BNC_OK;
  const slab_bytes size = bytes_of(spec);
  bnc_status s = bnc_blocks_copy(file, (uint64_t)((const uint8_t *)spec->weights - data), size.weights, &copy->weights, &part, err);
  if (s == BNC_OK) spec->weights = part;
  if (s == BNC_OK && size.scales) {
    s = bnc_blocks_copy(file, (uint64_t)((const uint8_t *)scales_of(spec) - data), size.scales, &copy->scales, &part, err);
    if (s == BNC_OK && spec->kind == BNC_LINEAR_QD8_QG4) spec->group_scales = (const uint16_t *)(const void *)part;
    if (s == BNC_OK && spec->kind != BNC_LINEAR_QD8_QG4) spec->scales = (const float *)(const void *)part;
  }
  if (s == BNC_OK && spec->bias) {
    s = bnc_blocks_copy(file, (uint64_t)((const uint8_t *)spec->bias - data), spec->n * 4, &copy->bias, &part, err);
    if (s == BNC_OK) spec->bias = (const float *)(const void *)part;
  }
  return s;
}

bnc_status bnc_weight_slabs_pack(const bnc_model_file *file, bnc_packed_store *store, const bnc_context *context, bnc_error *err) {
  bnc_weight_slab *slab = NULL;
  size_t count = 0;
  bnc_linear_set *set = NULL;
  slab_copy copy = {{0}, {0}, {0}};
  bool packs = bnc_packed_takes(store);
  bnc_status s = bnc_linear_set_create(&set, store, err);
  if (s == BNC_OK) s = list_slabs(file, false, &slab, &count, err);
  for (size_t i = 0; s == BNC_OK && i < count; i++) {
    const bnc_linear_spec place = bnc_weight_slab_spec(file, slab[i]);
    bnc_linear_spec spec = place;
    if (packs && context && bnc_context_progress(context, "packing weights", (double)i / (double)count))
      s = bnc_fail(err, BNC_ERROR_CANCELLED, "cancelled");
    if (s == BNC_OK && packs) s = copy_parts(file, &copy, &spec, err);
    if (s == BNC_OK) s = bnc_linear_set_pack(set, &spec, slab[i].weight, slab[i].from, err);
    if (packs) release(file, &place);
  }
  if (s == BNC_OK && packs && context && bnc_context_progress(context, "packing weights", 1.0))
    s = bnc_fail(err, BNC_ERROR_CANCELLED, "cancelled");
  bnc_mem_free(slab);
  bnc_mem_free(copy.weights.bytes);
  bnc_mem_free(copy.scales.bytes);
  bnc_mem_free(copy.bias.bytes);
  bnc_linear_set_destroy(set);
  if (packs) bnc_mem_trim();
  return s;
}

bnc_status bnc_weight_slabs_packed_bytes(const bnc_model_file *file, uint64_t *bytes, bnc_error *err) {
  bnc_weight_slab *slab = NULL;
  size_t count = 0, each = 0;
  uint64_t all = 0;
  bnc_linear_set *set = NULL;
  bnc_status s = bnc_linear_set_create(&set, NULL, err);
  if (s == BNC_OK) s = list_slabs(file, false, &slab, &count, err);
  for (size_t i = 0; s == BNC_OK && i < count; i++, all += each) {
    bnc_linear_spec spec = bnc_weight_slab_spec(file, slab[i]);
    s = bnc_linear_set_packed_bytes(set, &spec, &each, err);
  }
  *bytes = bnc_packed_file_bytes(count, all);
  bnc_mem_free(slab);
  bnc_linear_set_destroy(set);
  return s;
}

static void mark(uint8_t *wanted, uint64_t offset, uint64_t size) {
  if (size == 0) return;
  const size_t first = (size_t)(offset / BNC_FORMAT_BLOCK), last = (size_t)((offset + size - 1) / BNC_FORMAT_BLOCK);
  memset(wanted + first, 1, last - first + 1);
}

bnc_status bnc_weight_slabs_check(const bnc_model_file *file, bnc_pool *pool, const bnc_context *context, bnc_error *err) {
  bnc_block_damage damage;
  if (file->map.base && !file->sparing) bnc_map_prefer_large(file->data.data, file->data.size);
  if (file->data_checked) return BNC_OK;
  uint8_t *wanted = bnc_mem_array(file->blocks, 1);
  if (!wanted) return bnc_fail_memory(err, file->blocks);
  for (uint32_t i = 0; i < file->weights; i++) {
    const bnc_file_weight *w = &file->weight[i];
    const bnc_weight_sizes sizes = bnc_weight_sizes_of(w);
    if (bnc_weight_is_packed(file, w) && i != file->meta.embedding) continue;
    mark(wanted, w->data, sizes.data);
    mark(wanted, w->scales, sizes.scales);
    mark(wanted, w->offsets, sizes.offsets);
    mark(wanted, w->bias, sizes.bias);
  }
  bnc_status s = bnc_blocks_check(file, wanted, false, pool, context, &damage, err);
  bnc_mem_free(wanted);
  if (s == BNC_OK) s = bnc_blocks_judge(file, &damage, err);
  /* Of the embeddings a run reads a few rows: the rest need not stay in memory. */
  const bnc_file_weight *table = &file->weight[file->meta.embedding];
  if (file->map.base && !file->meta.tied_embeddings)
    release_range(file, file->data.data + table->data, (size_t)bnc_weight_sizes_of(table).data);
  return s;
}
