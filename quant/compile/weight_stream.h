/* SPDX-License-Identifier: Apache-2.0 */
/** @file weight_stream.h  Reads weights from their source, quantises them and appends them to a file, a few rows at a time. */
#ifndef BINOCLE_QUANT_COMPILE_WEIGHT_STREAM_H
#define BINOCLE_QUANT_COMPILE_WEIGHT_STREAM_H

#include "platforms/base/context_private.h"
#include "platforms/file/file.h"
#include "quant/calibrate/centre.h"
#include "quant/graph/constants.h"
#include "runtime/model/data_blocks.h"

/** Appends section DATA: weight[i] [count], at its offsets, from constants' weight source[i], and hashes it.
   rounded: where calibration has left the int4 matrices (rounded_files.h), or NULL. centre: what int8 ones are rounded for, or NULL. */
bnc_status bnc_weights_stream(bnc_context *context, const bnc_constants *constants, const char *rounded, const bnc_centre *centre,
                              const bnc_file_weight *weight, const uint32_t *source, size_t count, uint64_t size, bnc_file_writer *out,
                              bnc_block_writer *blocks, bnc_error *err);

#endif
