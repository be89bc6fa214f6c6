/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "platforms/base/mem.h"
#include "runtime/npy/npy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  bnc_npy array;
  int64_t *ids, sum = 0;
  size_t count;
  bnc_error err = {0};
  const bnc_status s = bnc_npy_parse(&array, data, size, &err);
  if (s == BNC_OK && (array.data > data + size || array.count > size)) __builtin_trap();
  if ((s == BNC_OK) != (err.text[0] == 0)) __builtin_trap();
  const bnc_status t = bnc_npy_parse_ids(data, size, &ids, &count, NULL);
  if ((t == BNC_OK) != (ids != NULL) || (t == BNC_OK && s != BNC_OK)) __builtin_trap();
  for (size_t i = 0; i < count; i++) sum ^= ids[i];
  bnc_mem_free(ids);
  return sum == 42 && t != BNC_OK;
}
