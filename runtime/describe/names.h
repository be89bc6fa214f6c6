/* SPDX-License-Identifier: Apache-2.0 */
/** @file names.h  Words for what a model file holds in numbers. */
#ifndef BINOCLE_RUNTIME_DESCRIBE_NAMES_H
#define BINOCLE_RUNTIME_DESCRIBE_NAMES_H

#include "runtime/model/model_file.h"

#define BNC_NAME_SIZE 96

/** "f32", "u8", "qd8". */
const char *bnc_element_name(uint32_t element);
/** "f32", "int8", "int4", "bf16". */
const char *bnc_weight_dtype_name(uint32_t dtype);
/** Under which type of those a weight counts: both kinds of int4 under one. */
static inline uint32_t bnc_weight_dtype_shown(uint32_t dtype) { return dtype == BNC_WEIGHT_QC4 ? BNC_WEIGHT_QG4 : dtype; }
/** "f32", "f16", "int8". */
const char *bnc_kv_dtype_name(uint32_t dtype);

/** A string of the file, cut to BNC_NAME_SIZE and made printable ASCII without quotes and angle brackets: safe on a terminal, in JSON and
 * in XML. */
const char *bnc_printable_name(const bnc_model_file *file, uint32_t string, char out[BNC_NAME_SIZE]);

#endif
