/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/resample/resample_scalar.h"

void bnc_resample_rows_u8_scalar(const bnc_resample_rows_args *args, size_t from, size_t to) {
  for (size_t row = from; row < to; ++row) {
    const uint8_t *in = args->in + (row - args->first_row) * args->in_stride; /* [in, 3] */
    uint8_t *out = args->out + row % args->slots * args->out_stride;          /* [out, 3] */
    for (size_t i = args->begin; i < args->end; ++i) bnc_resample_position(args->taps, i, in, out);
  }
}

void bnc_resample_columns_u8_scalar(const bnc_resample_columns_args *args, size_t from, size_t to) { bnc_resample_column(args, from, to); }
