/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/exec/laid_weights.h"

#include "platforms/base/mem.h"
#include "runtime/exec/packed_cache.h"
#include "runtime/exec/packed_folder.h"
#include "runtime/model/data_blocks.h"
#include "runtime/model/weight_slabs.h"

#define LAYOUT 1u /* of matmul_lay; another one, another number */

/* Bytes of each weight that is laid out, else 0: [weights]. */
typedef struct laid_list {
  uint64_t *bytes, all;
  size_t count;
} laid_list;

/* What an op multiplies with; 0: not that way, or not with all of it. */
static uint64_t bytes_of(const bnc_model_file *file, bnc_cpu_level level, const bnc_file_op *op) {
  if (op->kind != BNC_OP_LINEAR) return 0;
  const bnc_file_weight *w = &file->weight[op->weight];
  if (w->dtype != BNC_WEIGHT_QC8 || bnc_weight_is_packed(file, w) || op->attr.linear.count != w->n) return 0;
  return bnc_matmul_laid_bytes(level, op->in[0].rows, w->k, w->n);
}

static bnc_status list_weights(laid_list *list, const bnc_model_file *file, bnc_cpu_level level, bnc_error *err) {
  const bnc_program *vision = &file->program[BNC_PROGRAM_VISION];
  *list = (laid_list){.bytes = bnc_mem_array(file->weights + 1, sizeof *list->bytes)};
  if (!list->bytes) return bnc_fail_memory(err, file->weights * sizeof *list->bytes);
  for (uint32_t i = 0; vision->head && i < vision->head->ops; i++) {
    const uint64_t bytes = bytes_of(file, level, &vision->op[i]);
    if (!bytes || list->bytes[vision->op[i].weight]) continue;
    list->bytes[vision->op[i].weight] = bytes;
    list->all += bytes;
    list->count++;
  }
  return BNC_OK;
}

bnc_status bnc_laid_weights_bytes(const bnc_model_file *file, bnc_cpu_level level, uint64_t *bytes, bnc_error *err) {
  laid_list list;
  const bnc_status s = list_weights(&list, file, level, err);
  *bytes = list.all;
  bnc_mem_free(list.bytes);
  return s;
}

static bnc_packed_key key_of(const bnc_model_file *file, uint32_t weight) {
  return (bnc_packed_key){.weight = weight, .count = file->weight[weight].n, .seed = LAYOUT};
}

const int8_t *bnc_laid_weights_find(const bnc_packed_store *laid, const bnc_model_file *file, uint32_t weight) {
  const bnc_packed_key key = key_of(file, weight);
  return laid ? bnc_packed_find(laid, &key, NULL) : NULL;
}

typedef struct laid_maker {
  bnc_packed_maker base;
  const bnc_kernels *kernels;
  laid_list list;
} laid_maker;

static bnc_status count_bytes(const bnc_packed_maker *base, const bnc_model_file *file, uint64_t *bytes, bnc_error *err) {
  const laid_list *list = &((const laid_maker *)base)->list;
  (void)file;
  (void)err;
  *bytes = bnc_packed_file_bytes(list->count, list->all);
  return BNC_OK;
}

/* From a copy that was verified: what lies under the content's name must be that content. */
static bnc_status lay_out(const laid_maker *m, const bnc_model_file *file, uint32_t weight, bnc_packed_store *store, bnc_block_room *room,
                          bnc_error *err) {
  const bnc_file_weight *w = &file->weight[weight];
  const bnc_packed_key key = key_of(file, weight);
  const uint8_t *values;
  const size_t size = (size_t)m->list.bytes[weight];
  bnc_status s = bnc_blocks_copy(file, w->data, bnc_weight_sizes_of(w).data, room, &values, err);
  if (s != BNC_OK) return s;
  int8_t *laid = bnc_mem_zalloc(size);
  if (!laid) return bnc_fail_memory(err, size);
  const bnc_matmul_lay_args args = {.k = w->k, .n = w->n, .w = (const int8_t *)values, .laid = laid};
  m->kernels->matmul.lay(&args, 0, bnc_matmul_i8_items(w->n));
  return bnc_packed_put(store, &key, laid, size, err);
}

static bnc_status fill(const bnc_packed_maker *base, const bnc_model_file *file, bnc_packed_store *store, const bnc_context *context,
                       bnc_error *err) {
  const laid_maker *m = (const laid_maker *)base;
  const bool takes = bnc_packed_takes(store);
  bnc_block_room room = {0};
  bnc_status s = BNC_OK;
  size_t done = 0;
  for (uint32_t i = 0; s == BNC_OK && i < file->weights; i++) {
    const bnc_packed_key key = key_of(file, i);
    size_t size = 0;
    if (!m->list.bytes[i]) continue;
    if (!takes && (!bnc_packed_find(store, &key, &size) || size != m->list.bytes[i]))
      s = bnc_fail(err, BNC_ERROR_FORMAT, "weight %u is not laid out, or for another layout", i);
    if (takes && context && bnc_context_progress(context, "laying weights out", (double)done++ / (double)m->list.count))
      s = bnc_fail(err, BNC_ERROR_CANCELLED, "cancelled");
    if (takes && s == BNC_OK) s = lay_out(m, file, i, store, &room, err);
  }
  if (takes && s == BNC_OK && context && bnc_context_progress(context, "laying weights out", 1.0))
    s = bnc_fail(err, BNC_ERROR_CANCELLED, "cancelled");
  bnc_mem_free(room.bytes);
  return s;
}

bnc_status bnc_laid_weights_acquire(bnc_packed_store **laid, const bnc_model_file *file, const bnc_kernels *kernels, bnc_pool *pool,
                                    const bnc_context *context, bnc_error *err) {
  const bnc_packed_identity identity = bnc_weight_slabs_identity(file);
  laid_maker maker = {.base = {fill, count_bytes}, .kernels = kernels};
  bnc_error why = {BNC_OK, ""};
  char *path = NULL;
  *laid = NULL;
  bnc_status s = list_weights(&maker.list, file, kernels->level, err);
  if (s == BNC_OK && maker.list.count && file->block) s = bnc_packed_folder_laid_path(context, &identity, &path, err);
  if (path) {
    s = bnc_packed_take_or_make(laid, path, &identity, file, &maker.base, pool, context, &why);
    if (s == BNC_ERROR_CANCELLED || s == BNC_ERROR_MEMORY) {
      s = bnc_fail(err, s, "%s", why.text);
    } else if (s != BNC_OK) {
      bnc_context_log(context, BNC_LOG_INFO, "vision's weights are laid out anew for each picture: %s", why.text);
      s = BNC_OK;
    }
  }
  bnc_mem_free(path);
  bnc_mem_free(maker.list.bytes);
  return s;
}
