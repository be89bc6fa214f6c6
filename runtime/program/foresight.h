/* SPDX-License-Identifier: Apache-2.0 */
/** @file foresight.h  How well a model foresees a text, or the answers to questions, and how far it is from another model: in its
 * distributions of the next token, and layer by layer. */
#ifndef BINOCLE_RUNTIME_PROGRAM_FORESIGHT_H
#define BINOCLE_RUNTIME_PROGRAM_FORESIGHT_H

#include "runtime/program/layer_watch.h"
#include "runtime/program/work.h"

#define BNC_CACHES 4 /* of bnc_cache_type; the first is the model's own */

/** What was found at each token of one way to run the model. Without a reference, loss alone. */
typedef struct bnc_agreement {
  bnc_mean loss;       /* -log of the probability of the token that came, nats */
  bnc_mean more;       /* loss less the reference's */
  bnc_mean divergence; /* KL(reference || model), nats */
  bnc_mean same;       /* 1 where both find the same token likeliest */
  bnc_mean distance;   /* relative L2 of the logits, without their mean: what softmax leaves out */
  bnc_mean cosine;     /* of the same */
} bnc_agreement;

/** After `tokens` of them. */
typedef struct bnc_foresight {
  uint64_t tokens, questions; /* questions: 0 of a text */
  size_t window, skip;
  bnc_mean reference_loss;
  bnc_agreement model[BNC_CACHES]; /* by bnc_cache_type; the first: as it was compiled */
  bool measured[BNC_CACHES];
  bnc_layer_watch layers;
  uint64_t bytes, reference_bytes; /* of the files */
  double layer_bits, file_bits;    /* per weight: in the text model's layers, and of the whole file over all matrices' */
} bnc_foresight;

/** What is read, and how much of it. */
typedef struct bnc_foresee_options {
  const char *file;      /* text; or questions with pictures, where its name ends in ".jsonl": then answers are foreseen */
  const char *reference; /* another model file of the same vocabulary, or NULL */
  uint64_t window;       /* tokens side by side; 0, or more than the model's longest prompt: that */
  uint64_t skip;         /* at a window's start, that are given, not foreseen; the first always is */
  uint64_t windows;      /* at most; 0: all */
  bool whole;            /* layers and other types of the KV cache too. The reference is of the same checkpoint, and rotated alike; it is
                            read where it lies, without packed weights */
} bnc_foresee_options;

/** Reads it. w: its model is open, from the file `model`. Returns BNC_EXIT_DONE or the exit code, and says why. Free found either way. */
int bnc_foresee(bnc_work *w, const char *model, const bnc_foresee_options *options, bnc_foresight *found);
void bnc_foresight_free(bnc_foresight *found);

/** Prints it: as lines, or as one JSON object. */
int bnc_foresight_print(bnc_work *w, const bnc_foresight *found, const char *reference);

#endif
