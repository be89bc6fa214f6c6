/* SPDX-License-Identifier: Apache-2.0 */
/** @file validate_private.h  Shared by the files that validate programs. */
#ifndef BINOCLE_RUNTIME_MODEL_VALIDATE_PRIVATE_H
#define BINOCLE_RUNTIME_MODEL_VALIDATE_PRIVATE_H

#include "runtime/model/model_file.h"

/** One program of a file on its way through validation. */
typedef struct bnc_op_check {
  const bnc_model_file *file;
  const bnc_program *program;
  bool vision;
  uint8_t *known;    /* a bit per 64 bytes of CONSTANTS: the table that starts there was checked. Thousands of ops may share one */
  uint64_t *checked; /* bytes of the tables that were */
} bnc_op_check;

/** An op whose operands and tables lie inside their spaces: NULL if they fit each other as its kind needs them, else what does not. */
const char *bnc_op_misfit(const bnc_op_check *check, const bnc_file_op *op);

/** f32; an absent operand is not. */
bool bnc_operand_is_f32(const bnc_operand *operand);
/** 8-bit RGB, one row a pixel. */
bool bnc_operand_is_picture(const bnc_operand *operand);

#endif
