/* SPDX-License-Identifier: Apache-2.0 */
/** @file model_writer.h  Lays a model out and streams it into a file that appears complete or not at all. */
#ifndef BINOCLE_QUANT_COMPILE_MODEL_WRITER_H
#define BINOCLE_QUANT_COMPILE_MODEL_WRITER_H

#include "platforms/base/context_private.h"
#include "quant/calibrate/centre.h"
#include "quant/schedule/schedule.h"
#include "runtime/model/demand.h"

/** What a model file is made of. Pointers are the caller's. */
typedef struct bnc_model_parts {
  bnc_constants *constants;
  const bnc_schedule *program[BNC_PROGRAMS]; /* vision may be NULL */
  bnc_file_meta meta;                        /* embedding and rope_frequencies are filled in by the writer */
  uint32_t embedding;                        /* constants' weight id of the token embeddings */
  const float *rope;                         /* [head_dim / 2] */
  const uint8_t *tokenizer;                  /* compact form; NULL: none */
  size_t tokenizer_size;
  const char *report;       /* JSON; NULL: none */
  const char *rounded;      /* folder of int4 matrices that calibration has rounded; NULL: none */
  const bnc_centre *centre; /* what int8 matrices are rounded for; NULL: nothing */
  bool packed;              /* f32 and int8 weights also as XNNPACK wants them on this machine */
} bnc_model_parts;

/** What the model will ask of a machine; nothing is quantised or written. */
bnc_status bnc_model_plan(bnc_context *context, const bnc_model_parts *parts, bnc_demand *demand, bnc_error *err);
bnc_status bnc_model_write(bnc_context *context, const bnc_model_parts *parts, const char *path, bnc_error *err);

#endif
