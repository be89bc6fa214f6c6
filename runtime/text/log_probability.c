/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/text/log_probability.h"

#include <math.h>

double bnc_log_sum_exp(const float *logits, size_t count) {
  float most = logits[0];
  double sum = 0.0;
  for (size_t i = 1; i < count; i++) most = logits[i] > most ? logits[i] : most;
  for (size_t i = 0; i < count; i++) sum += (double)expf(logits[i] - most);
  return (double)most + log(sum);
}

size_t bnc_top_logits(const float *logits, size_t count, size_t most, int32_t *ids) {
  size_t found = 0;
  for (size_t i = 0; i < count; i++) {
    if (found == most && (most == 0 || !(logits[i] > logits[ids[most - 1]]))) continue;
    size_t at = found < most ? found++ : most - 1;
    for (; at > 0 && logits[i] > logits[ids[at - 1]]; at--) ids[at] = ids[at - 1];
    ids[at] = (int32_t)i;
  }
  return found;
}
