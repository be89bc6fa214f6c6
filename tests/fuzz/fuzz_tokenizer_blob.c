/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as the saved form of a tokenizer, as a hostile model file may hold it. */
#include "tests/fuzz/tokenizer_exercise.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  bnc_error err;
  bnc_bpe *bpe;
  uint32_t total = (uint32_t)size;
  uint8_t *blob = malloc(size ? size : 1); /* aligned, and exactly as large */
  require(blob != NULL);
  if (size) memcpy(blob, data, size);
  if (size >= 12) memcpy(blob + 8, &total, sizeof total); /* the size field would stop each change of length */
  if (bnc_bpe_load(&bpe, blob, size, &err) == BNC_OK) {
    exercise_tokenizer(bpe);
    bnc_bpe_free(bpe);
  }
  free(blob);
  return 0;
}
