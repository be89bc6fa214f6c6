/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a tokenizer.json; what is accepted must also encode, decode, save and load. */
#include "tests/fuzz/tokenizer_exercise.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  bnc_error err;
  bnc_bpe *bpe, *again;
  uint8_t *blob;
  size_t blob_size;
  if (bnc_bpe_from_json(&bpe, (const char *)data, size, &err) != BNC_OK) return 0;
  exercise_tokenizer(bpe);
  require(bnc_bpe_save(bpe, &blob, &blob_size, &err) == BNC_OK);
  require(bnc_bpe_load(&again, blob, blob_size, &err) == BNC_OK);
  bnc_bpe_free(again);
  bnc_mem_free(blob);
  bnc_bpe_free(bpe);
  return 0;
}
