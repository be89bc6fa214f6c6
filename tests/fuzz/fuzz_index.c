/* SPDX-License-Identifier: Apache-2.0 */
/* The input is a model.safetensors.index.json. No file name that is accepted may lead out of the folder. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "platforms/base/mem.h"
#include "quant/import/shard_index.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  bnc_shard_index index;
  bnc_error err;
  if (bnc_shard_index_parse(&index, (const char *)data, size, &err) == BNC_OK) {
    if (index.count == 0 || index.file_count == 0 || index.file_count > index.count) abort();
    for (size_t i = 0; i < index.file_count; i++)
      if (strchr(index.files[i], '/') || strstr(index.files[i], "..") || strlen(index.files[i]) > 255) abort();
    for (size_t i = 0; i < index.count; i++)
      if (index.entries[i].file >= index.file_count || !*index.entries[i].tensor) abort();
    bnc_shard_index_free(&index);
  }
  if (bnc_mem_live() != 0) abort();
  return 0;
}
