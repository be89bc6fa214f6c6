/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "ops/embed/embed.h"
#include "ops/half.h"
#include "ops/matmul/matmul_bf16.h"
#include "ops/matmul/matmul_c4.h"

void bnc_embed_f32_scalar(const bnc_embed_args *args, size_t from, size_t to) {
  for (size_t row = from; row < to; ++row) {
    const size_t id = (size_t)args->ids[row];
    const float *x = (const float *)args->table + id * args->cols; /* [cols] */
    float *out = args->out + row * args->out_stride;               /* [cols] */
    memcpy(out, x, args->cols * sizeof *out);
  }
}

void bnc_embed_i8_scalar(const bnc_embed_args *args, size_t from, size_t to) {
  for (size_t row = from; row < to; ++row) {
    const size_t id = (size_t)args->ids[row];
    const int8_t *x = (const int8_t *)args->table + id * args->cols; /* [cols] */
    float *out = args->out + row * args->out_stride;                 /* [cols] */
    for (size_t i = 0; i < args->cols; ++i) out[i] = (float)x[i] * args->scale[id];
  }
}

void bnc_embed_bf16_scalar(const bnc_embed_args *args, size_t from, size_t to) {
  for (size_t row = from; row < to; ++row) {
    const size_t id = (size_t)args->ids[row];
    const uint16_t *panels = args->table;
    float *out = args->out + row * args->out_stride; /* [cols] */
    for (size_t i = 0; i < args->cols; ++i) out[i] = bnc_f32_from_bf16(panels[bnc_bf16_place(args->cols, id, i)]);
  }
}

void bnc_embed_c4_scalar(const bnc_embed_args *args, size_t from, size_t to) {
  for (size_t row = from; row < to; ++row) {
    const size_t id = (size_t)args->ids[row];
    const uint8_t *panel = (const uint8_t *)args->table + id / BNC_C4_PANEL * bnc_c4_panel_bytes(args->cols);
    float *out = args->out + row * args->out_stride; /* [cols] */
    for (size_t i = 0; i < args->cols; ++i) out[i] = (float)bnc_c4_value(panel, args->cols, id % BNC_C4_PANEL, i) * args->scale[id];
  }
}
