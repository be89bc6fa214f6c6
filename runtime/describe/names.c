/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/describe/names.h"

#include <stddef.h>

const char *bnc_op_kind_name(uint32_t kind) {
  static const char *const names[BNC_OP_KINDS] = {
      [BNC_OP_NORMALIZE] = "normalize",
      [BNC_OP_RESAMPLE] = "resample",
      [BNC_OP_PATCHES] = "patches",
      [BNC_OP_PATCHES_U8] = "patches_u8",
      [BNC_OP_GATHER] = "gather",
      [BNC_OP_COPY] = "copy",
      [BNC_OP_LINEAR] = "linear",
      [BNC_OP_LAYER_NORM] = "layer_norm",
      [BNC_OP_RMS_NORM] = "rms_norm",
      [BNC_OP_ADD] = "add",
      [BNC_OP_ADD_LAYER_NORM] = "add_layer_norm",
      [BNC_OP_ADD_RMS_NORM] = "add_rms_norm",
      [BNC_OP_MEAN] = "mean",
      [BNC_OP_GELU] = "gelu",
      [BNC_OP_QUICK_GELU] = "quick_gelu",
      [BNC_OP_SILU_MUL] = "silu_mul",
      [BNC_OP_QUANTIZE] = "quantize",
      [BNC_OP_ATTENTION] = "attention",
      [BNC_OP_ROPE] = "rope",
      [BNC_OP_KV_APPEND] = "kv_append",
      [BNC_OP_CACHE_ATTENTION] = "cache_attention",
      [BNC_OP_LAST_ROW] = "last_row",
      [BNC_OP_ATTENTION_I8] = "attention_i8",
  };
  return kind < BNC_OP_KINDS ? names[kind] : "?";
}

const char *bnc_element_name(uint32_t element) {
  static const char *const names[] = {"f32", "u8", "qd8"};
  return element < 3 ? names[element] : "?";
}

const char *bnc_weight_dtype_name(uint32_t dtype) {
  static const char *const names[] = {"f32", "int8", "int4"};
  return dtype < 3 ? names[dtype] : "?";
}

const char *bnc_kv_dtype_name(uint32_t dtype) {
  static const char *const names[] = {"f32", "f16", "int8"};
  return dtype < 3 ? names[dtype] : "?";
}

const char *bnc_program_name(uint32_t program) {
  static const char *const names[BNC_PROGRAMS] = {"vision", "prefill", "decode"};
  return program < BNC_PROGRAMS ? names[program] : "?";
}

const char *bnc_printable_name(const bnc_model_file *file, uint32_t string, char out[BNC_NAME_SIZE]) {
  const char *text = bnc_model_file_string(file, string);
  size_t n = 0;
  for (; n + 1 < BNC_NAME_SIZE && text[n]; n++) {
    char c = text[n];
    out[n] = c < 0x20 || c >= 0x7f || c == '<' || c == '>' || c == '&' || c == '"' || c == '\'' ? '?' : c;
  }
  out[n] = 0;
  return out;
}

uint64_t bnc_weight_bytes(const bnc_file_weight *w) {
  const bnc_weight_sizes sizes = bnc_weight_sizes_of(w);
  return sizes.data + sizes.scales + sizes.offsets + sizes.bias;
}
