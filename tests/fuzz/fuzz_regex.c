/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as the regular expression of an answer. */
#include "tests/fuzz/constrain_exercise.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  exercise_constraint(BNC_CONSTRAINT_REGEX, data, size);
  return 0;
}
