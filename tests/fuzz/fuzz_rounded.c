/* SPDX-License-Identifier: Apache-2.0 */
/* A matrix that calibration left beside the model, and that others may have written. */
#include <string.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "platforms/base/mem.h"
#include "quant/calibrate/rounded_files.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const uint8_t *data, size_t size, bnc_rounded_shape shape) {
  bnc_error err = {0};
  bnc_status s = bnc_rounded_check(data, size, &shape, &err);
  if ((s == BNC_OK) != (err.text[0] == 0)) __builtin_trap();
  if (size < sizeof(bnc_rounded_head)) return;
  /* The same with the right checksum: what lies behind it is looked at as well. */
  uint8_t *copy = bnc_mem_alloc(size);
  if (!copy) return;
  memcpy(copy, data, size);
  bnc_rounded_head head;
  memcpy(&head, copy, sizeof head);
  head.checksum = XXH3_64bits(copy + sizeof head, size - sizeof head);
  memcpy(copy, &head, sizeof head);
  const bnc_status sealed = bnc_rounded_check(copy, size, &shape, &err);
  if (s == BNC_OK && sealed != BNC_OK) __builtin_trap();
  bnc_mem_free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  check(data, size, (bnc_rounded_shape){3, 64, 32});
  check(data, size, (bnc_rounded_shape){3, 64, BNC_QC4_GROUP});
  return 0;
}
