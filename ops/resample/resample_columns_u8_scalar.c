/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/resample/resample_scalar.h"

void bnc_resample_columns_u8_scalar(const bnc_resample_columns_args *args, size_t from, size_t to) { bnc_resample_column(args, from, to); }
