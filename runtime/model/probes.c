/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/model/probes.h"

static bool same_value(const bnc_file_probe *a, const bnc_file_probe *b) {
  return a->op == b->op && a->value.space == b->value.space && a->value.offset == b->value.offset && a->value.rows == b->value.rows &&
         a->value.cols == b->value.cols && a->value.stride == b->value.stride;
}

size_t bnc_program_stage_probes(const bnc_program *program, uint32_t stage, uint32_t *index) {
  size_t count = 0;
  for (uint32_t i = 0; program->head && i < program->head->probes; i++) {
    size_t k = 0;
    if (program->probe[i].stage != stage) continue;
    while (k < count && !same_value(&program->probe[index[k]], &program->probe[i])) k++;
    if (k == count) index[count++] = i;
  }
  return count;
}
