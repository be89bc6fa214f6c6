/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "ops/embed/embed.h"

void bnc_embed_f32_scalar(const bnc_embed_args *args, size_t from, size_t to) {
  for (size_t row = from; row < to; ++row) {
    const size_t id = (size_t)args->ids[row];
    const float *x = (const float *)args->table + id * args->cols; /* [cols] */
    float *out = args->out + row * args->out_stride;               /* [cols] */
    memcpy(out, x, args->cols * sizeof *out);
  }
}
