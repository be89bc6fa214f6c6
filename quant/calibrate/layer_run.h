/* SPDX-License-Identifier: Apache-2.0 */
/** @file layer_run.h  One LLaMA layer over all rows of a calibration, on the kernels of ops/. */
#ifndef BINOCLE_QUANT_CALIBRATE_LAYER_RUN_H
#define BINOCLE_QUANT_CALIBRATE_LAYER_RUN_H

#include "ops/kernels.h"
#include "platforms/threads/threads.h"
#include "quant/calibrate/calibrate.h"

#define BNC_LAYER_CHUNK ((size_t)4 << 20) /* elements of a matrix that are read at a time */

typedef struct bnc_layer_run {
  bnc_context *context;
  const bnc_calibration *c;
  bnc_error *err;
  bnc_pool *pool;
  bnc_kernels kernels;
  size_t rows, texts;              /* rows of all texts, each of which begins at position 0 */
  size_t *start;                   /* [texts + 1]: rows; multiples of 4 */
  size_t longest;                  /* rows of a text */
  const bnc_tensor_source *source; /* the checkpoint, balanced as far as is known */
  float *state;                    /* [rows, hidden]: what goes into the layer, then what comes out */
  float *norm;                     /* [rows, hidden] */
  float *q, *k, *v, *mixed;        /* [rows, heads or kv_heads * head_dim] */
  float *gate, *up;                /* [rows, ffn] */
  float *moments;                  /* [widest, widest] */
  float *weights;                  /* [chunk, widest] rows of a matrix */
  uint8_t *rounded;                /* the matrix that is being rounded, as rounded_files.h has it */
  float *gamma;                    /* [hidden] */
  float *cos, *sin;                /* [longest, head_dim / 2] */
  uint8_t *scratch;                /* of all threads */
  size_t scratch_bytes;            /* of one */
  double done, total;              /* multiply-accumulates */
} bnc_layer_run;

bnc_status bnc_layer_run_create(bnc_layer_run *run, bnc_context *context, const bnc_calibration *c, bnc_error *err);
void bnc_layer_run_destroy(bnc_layer_run *run);
/** Runs layer `layer` over state, and leaves its matrices rounded in the folder. */
bnc_status bnc_layer_run_next(bnc_layer_run *run, size_t layer);

/** Behind the last layer: leaves the head rounded in the folder. */
bnc_status bnc_layer_run_head(bnc_layer_run *run);

/** Chooses a site's balance for its inputs x [rows, columns of the site], and balances those. */
bnc_status bnc_layer_run_balance(bnc_layer_run *run, size_t layer, bnc_balance_site site, float *x);
/** y [rows, n] (NULL: it is only rounded) = x [rows, k] times the transposed matrix of that name, with its bias where it has one. The
   matrix is rounded for run->moments, factored, first. */
bnc_status bnc_layer_run_linear(bnc_layer_run *run, const char *name, const float *x, size_t k, size_t n, size_t group, float *y);
/** run->moments = the factor of the second moments of x [rows, k]. */
void bnc_layer_run_observe(bnc_layer_run *run, const float *x, size_t k, size_t group);

#endif
