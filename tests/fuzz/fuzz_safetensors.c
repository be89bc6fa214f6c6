/* SPDX-License-Identifier: Apache-2.0 */
/* The input is a whole safetensors file. What is accepted must keep the header's promises. */
#include <stdlib.h>
#include <string.h>

#include "quant/import/safetensors.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  bnc_source_list st;
  bnc_error err;
  volatile uint8_t sink = 0;
  if (bnc_safetensors_parse(&st, data, size, &err) != BNC_OK) return 0;
  for (size_t i = 0; i < st.count; i++) {
    const bnc_source_tensor *t = &st.tensors[i];
    if (t->begin > t->end || t->end > size || t->rank > BNC_SOURCE_MAX_RANK || strlen(t->name) == 0) abort();
    if (t->dtype != BNC_SOURCE_OTHER && t->elements * bnc_source_dtype_size(t->dtype) != t->end - t->begin) abort();
    if (t->end > t->begin) sink = (uint8_t)(sink ^ data[t->begin] ^ data[t->end - 1]);
    if (i && strcmp(st.tensors[i - 1].name, t->name) >= 0) abort();
  }
  bnc_source_list_free(&st);
  return 0;
}
