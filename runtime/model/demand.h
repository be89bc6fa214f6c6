/* SPDX-License-Identifier: Apache-2.0 */
/** @file demand.h  What a model asks of a machine, in multiply-accumulates and bytes: all that an estimate of its speed needs, counted from
 * the schedule, so that it is known of a preset before there are any weights. */
#ifndef BINOCLE_RUNTIME_MODEL_DEMAND_H
#define BINOCLE_RUNTIME_MODEL_DEMAND_H

#include "runtime/model/model_file.h"
#include "runtime/model/predict_memory.h"

/** Work of one kind of run. */
typedef struct bnc_load {
  double int8, int4, bf16, f32;         /* multiply-accumulates of linear layers, by what their weights are */
  double attention_int8, attention_f32; /* and of attention within a picture */
  double weights;                       /* bytes of weights that are read, each once */
  double moved;                         /* bytes that all other ops read and write */
} bnc_load;

typedef struct bnc_demand {
  char name[96];
  char *path; /* of the model file, owned; NULL: a preset */
  bool has_vision;
  uint32_t image_rows, context;
  bnc_load picture;     /* vision, once */
  bnc_load row, prompt; /* prefill: per row of a prompt, and for the whole of it */
  bnc_load token;       /* decoding one token */
  double key_macs;      /* multiply-accumulates of a row's attention per row before it */
  double key_bytes;     /* of the KV cache that decoding reads per row before it */
  bnc_memory_prediction memory;
  uint64_t weight_bytes; /* in the file */
} bnc_demand;

/** Counts over the programs of a file, or of one in the making: its weights' numbers are not read. */
void bnc_demand_count(bnc_demand *demand, const bnc_model_file *file);

#endif
