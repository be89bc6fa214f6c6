/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/exec/laid_weights.h"

#include <stdatomic.h>

#include "ops/matmul/matmul_i8.h"
#include "platforms/base/mem.h"
#include "runtime/model/weight_slabs.h"

enum { ABSENT, BEGUN, WHOLE };

struct bnc_laid_weights {
  int8_t *data; /* [bytes] */
  uint64_t bytes;
  uint64_t *at;            /* [weights]: where in data; UINT64_MAX: it is not kept */
  _Atomic uint8_t state[]; /* [weights] */
};

/* What op i of the vision program multiplies with; 0: not that way, or not with all of it. */
static uint64_t bytes_of(const bnc_model_file *file, bnc_cpu_level level, const bnc_file_op *op) {
  if (op->kind != BNC_OP_LINEAR) return 0;
  const bnc_file_weight *w = &file->weight[op->weight];
  if (w->dtype != BNC_WEIGHT_QC8 || bnc_weight_is_packed(file, w) || op->attr.linear.count != w->n) return 0;
  return bnc_matmul_i8_laid_bytes(level, op->in[0].rows, w->k, w->n);
}

static uint64_t place_all(const bnc_model_file *file, bnc_cpu_level level, uint64_t *at /* [weights] */) {
  const bnc_program *vision = &file->program[BNC_PROGRAM_VISION];
  uint64_t total = 0;
  for (size_t i = 0; i < file->weights; i++) at[i] = UINT64_MAX;
  for (uint32_t i = 0; vision->head && i < vision->head->ops; i++) {
    const uint64_t bytes = bytes_of(file, level, &vision->op[i]);
    if (!bytes || at[vision->op[i].weight] != UINT64_MAX) continue;
    at[vision->op[i].weight] = total;
    total += bytes;
  }
  return total;
}

bnc_status bnc_laid_weights_create(bnc_laid_weights **laid, const bnc_model_file *file, bnc_cpu_level level, uint64_t room,
                                   bnc_error *err) {
  bnc_laid_weights *all = *laid = bnc_mem_zalloc(sizeof *all + file->weights);
  if (all) all->at = bnc_mem_array(file->weights + 1, sizeof *all->at);
  const bool made = all && all->at;
  if (made) all->bytes = place_all(file, level, all->at);
  const bool wanted = made && all->bytes > 0 && all->bytes <= room;
  if (wanted) all->data = bnc_mem_large(all->bytes);
  if (wanted && all->data) return BNC_OK;
  const bnc_status s = made && !wanted ? BNC_OK : bnc_fail_memory(err, wanted ? all->bytes : file->weights);
  bnc_laid_weights_destroy(all);
  *laid = NULL;
  return s;
}

uint64_t bnc_laid_weights_bytes(const bnc_laid_weights *laid) { return laid ? laid->bytes : 0; }

void bnc_laid_weights_destroy(bnc_laid_weights *laid) {
  if (!laid) return;
  bnc_mem_free(laid->data);
  bnc_mem_free(laid->at);
  bnc_mem_free(laid);
}

int8_t *bnc_laid_weights_begin(bnc_laid_weights *laid, uint32_t weight, bool *is_laid) {
  *is_laid = false;
  if (!laid || laid->at[weight] == UINT64_MAX) return NULL;
  uint8_t state = ABSENT;
  if (!atomic_compare_exchange_strong_explicit(&laid->state[weight], &state, BEGUN, memory_order_acquire, memory_order_acquire) &&
      state != WHOLE)
    return NULL;
  *is_laid = state == WHOLE;
  return laid->data + laid->at[weight];
}

void bnc_laid_weights_end(bnc_laid_weights *laid, uint32_t weight) {
  atomic_store_explicit(&laid->state[weight], WHOLE, memory_order_release);
}
