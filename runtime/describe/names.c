/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/describe/names.h"

#include <stddef.h>

const char *bnc_element_name(uint32_t element) {
  static const char *const names[] = {"f32", "u8", "qd8"};
  return element < 3 ? names[element] : "?";
}

const char *bnc_weight_dtype_name(uint32_t dtype) {
  static const char *const names[] = {"f32", "int8", "int4", "int4", "bf16"};
  return dtype < BNC_WEIGHT_DTYPES ? names[dtype] : "?";
}

const char *bnc_kv_dtype_name(uint32_t dtype) {
  static const char *const names[] = {"f32", "f16", "int8"};
  return dtype < 3 ? names[dtype] : "?";
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
