/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/exec/op_kernel.h"

#include <string.h>

#include "runtime/exec/executor_private.h"

#define NO_SLOT SIZE_MAX
#define SLOT(of) offsetof(bnc_kernels, of)

/* The first result that is written: what the kernel's name ends with. */
static bool quantizes(const bnc_file_op *op) {
  const bnc_op_info *info = bnc_op_info_of(op->kind);
  for (int i = 0; i < BNC_OP_OUTPUTS; i++)
    if (op->out[i].space != BNC_SPACE_NONE && info->out[i] != BNC_ROLE_SUM) return op->out[i].element == BNC_ELEMENT_QD8;
  return false;
}

static bool is_plain_gather(const bnc_model_file *file, const bnc_file_op *op) {
  bnc_file_taps taps;
  memcpy(&taps, file->constants.data + op->table[0].offset, sizeof taps);
  return taps.gather != 0;
}

/* The slot of the kernel that does the work; NO_SLOT: plain code of the executor. */
static size_t slot_of(const bnc_executor *ex, const bnc_file_op *op) {
  static const size_t attention[] = {SLOT(attention.cache_f32), SLOT(attention.cache_f16), SLOT(attention.cache_i8)};
  static const size_t linear[] = {[BNC_WEIGHT_F32] = SLOT(matmul.f32),
                                  [BNC_WEIGHT_QC8] = SLOT(matmul.i8),
                                  [BNC_WEIGHT_QG4] = SLOT(matmul.i4),
                                  [BNC_WEIGHT_QC4] = SLOT(matmul.c4),
                                  [BNC_WEIGHT_BF16] = SLOT(matmul.bf16)};
  static const size_t append[] = {SLOT(kv_append.f32), SLOT(kv_append.f16), SLOT(kv_append.i8)};
  const bool q = quantizes(op);
  switch ((bnc_op_kind)op->kind) {
    case BNC_OP_LINEAR: return linear[ex->file->weight[op->weight].dtype];
    case BNC_OP_PATCHES: return q ? SLOT(patches.qd8) : SLOT(patches.f32);
    case BNC_OP_PATCHES_U8: return q ? SLOT(patches.qd8) : SLOT(patches.u8);
    case BNC_OP_GATHER: return is_plain_gather(ex->file, op) ? SLOT(gather.gather_f32) : SLOT(gather.gather_taps_f32);
    case BNC_OP_LAYER_NORM:
    case BNC_OP_ADD_LAYER_NORM: return q ? SLOT(norm.layer_qd8) : SLOT(norm.layer_f32);
    case BNC_OP_RMS_NORM:
    case BNC_OP_ADD_RMS_NORM: return q ? SLOT(norm.rms_qd8) : SLOT(norm.rms_f32);
    case BNC_OP_ADD: return SLOT(add.add_f32);
    case BNC_OP_MEAN: return SLOT(add.mean2_f32);
    case BNC_OP_GELU: return q ? SLOT(activate.gelu_qd8) : SLOT(activate.gelu_f32);
    case BNC_OP_QUICK_GELU: return q ? SLOT(activate.quick_gelu_qd8) : SLOT(activate.quick_gelu_f32);
    case BNC_OP_SILU_MUL: return q ? SLOT(activate.silu_mul_qd8) : SLOT(activate.silu_mul_f32);
    case BNC_OP_QUANTIZE: return SLOT(quantize.qd8);
    case BNC_OP_ATTENTION: return ex->attends_in_bf16 ? SLOT(attention.rows_bf16) : SLOT(attention.rows_f32);
    case BNC_OP_ATTENTION_I8: return SLOT(attention.rows_i8);
    case BNC_OP_HADAMARD: return SLOT(hadamard.f32);
    case BNC_OP_ROPE: return SLOT(rope.f32);
    case BNC_OP_KV_APPEND: return append[ex->file->meta.kv_dtype];
    case BNC_OP_CACHE_ATTENTION: return attention[ex->file->meta.kv_dtype];
    case BNC_OP_NORMALIZE:
    case BNC_OP_RESAMPLE:
    case BNC_OP_COPY:
    case BNC_OP_LAST_ROW:
    case BNC_OP_KINDS: break;
  }
  return NO_SLOT;
}

bool bnc_executor_attends_in_bf16(const bnc_executor *ex) { return ex->attends_in_bf16; }

bnc_op_kernel bnc_executor_op_kernel(const bnc_executor *ex, bnc_program_id id, uint32_t index) {
  const bnc_file_op *op = &ex->file->program[id].op[index];
  if (op->kind == BNC_OP_LINEAR && !bnc_op_is_own(ex, op)) {
    const bool quantized = !bnc_weight_is_float(ex->file->weight[op->weight].dtype);
    return (bnc_op_kernel){quantized ? "xnnpack qd8_f32_qc8w" : "xnnpack f32", "xnnpack"};
  }
  const size_t slot = slot_of(ex, op);
  if (slot == NO_SLOT) return (bnc_op_kernel){bnc_op_info_of(op->kind)->name, bnc_cpu_level_name(BNC_CPU_SCALAR)};
  return (bnc_op_kernel){bnc_kernels_name(slot), bnc_cpu_level_name(bnc_kernels_level_of(ex->kernels, slot))};
}
