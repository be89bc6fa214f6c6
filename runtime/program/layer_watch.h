/* SPDX-License-Identifier: Apache-2.0 */
/** @file layer_watch.h  What the layers of two models of one checkpoint compute of the same rows, compared as they compute it. The
   reference goes first; what its layers tell is kept in a file without a name (of a picture at full size: a gigabyte). */
#ifndef BINOCLE_RUNTIME_PROGRAM_LAYER_WATCH_H
#define BINOCLE_RUNTIME_PROGRAM_LAYER_WATCH_H

#include <binocle/binocle.h>

#include "runtime/program/mean.h"

/** A layer's rows against the reference's, all tiles of vision together. */
typedef struct bnc_layer_apartness {
  char name[32];     /* "layer3", "dem", "projector" */
  bool vision;       /* else of the text model */
  uint64_t rows;     /* that were compared */
  bnc_mean distance; /* of a row: relative L2 */
  bnc_mean cosine;
  double least; /* cosine of any row */
  double bits;  /* per weight of the model's, scales included */
} bnc_layer_apartness;

typedef struct bnc_kept_layer bnc_kept_layer;

/** Zero-initialised but for what open sets. */
typedef struct bnc_layer_watch {
  bnc_layer_apartness *layer; /* [layers], in the order in which they were first told */
  size_t layers, layer_room;
  int file;             /* -1: none */
  uint64_t bytes;       /* that it holds */
  bnc_kept_layer *kept; /* [kept_count] of the reference, since bnc_layer_watch_next */
  size_t kept_count, kept_room;
  float *buffer;
  size_t buffer_room;
  char why[256]; /* the first failure; "": none */
} bnc_layer_watch;

/** beside: the file is made in that file's folder. false: watch->why says why. Free it either way. */
bool bnc_layer_watch_open(bnc_layer_watch *watch, const char *beside);
void bnc_layer_watch_free(bnc_layer_watch *watch);

/** For bnc_session_observe, user a bnc_layer_watch: of the reference, then of the model. */
void bnc_layer_watch_reference(void *user, const bnc_layer_values *layer);
void bnc_layer_watch_model(void *user, const bnc_layer_values *layer);
/** Both have computed the same rows; others follow. false: something went wrong since the last call, or the model told fewer layers. */
bool bnc_layer_watch_next(bnc_layer_watch *watch);

#endif
