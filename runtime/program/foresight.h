/* SPDX-License-Identifier: Apache-2.0 */
/** @file foresight.h  How well a model foresees a text, and how far its distributions of the next token are from another model's. */
#ifndef BINOCLE_RUNTIME_PROGRAM_FORESIGHT_H
#define BINOCLE_RUNTIME_PROGRAM_FORESIGHT_H

#include "runtime/program/work.h"

/** A mean over tokens. Its standard error counts as if what is found at one token said nothing about the next. */
typedef struct bnc_mean {
  double sum, squares;
} bnc_mean;

/** What was found at each token, after `tokens` of them. The second half is 0 without a reference. */
typedef struct bnc_foresight {
  uint64_t tokens;
  size_t window, skip;
  bnc_mean loss;                   /* -log of the probability of the token that came, nats */
  bnc_mean reference_loss;         /* the reference's */
  bnc_mean more;                   /* loss - reference_loss */
  bnc_mean divergence;             /* KL(reference || model), nats */
  bnc_mean same;                   /* 1 where both find the same token likeliest */
  bnc_mean distance;               /* relative L2 of the logits, without their mean: what softmax leaves out */
  bnc_mean cosine;                 /* of the same */
  uint64_t bytes, reference_bytes; /* of the files */
  double layer_bits, file_bits;    /* per weight: in the text model's layers, and of the whole file over all matrices' */
} bnc_foresight;

double bnc_mean_of(const bnc_mean *m, uint64_t n);
double bnc_mean_error(const bnc_mean *m, uint64_t n);

/** What is read, and how much of it. */
typedef struct bnc_foresee_options {
  const char *text_file;
  const char *reference; /* another model file of the same vocabulary, or NULL */
  uint64_t window;       /* tokens side by side; 0, or more than the model's longest prompt: that */
  uint64_t skip;         /* at a window's start, that are given, not foreseen; the first always is */
  uint64_t windows;      /* at most; 0: all */
} bnc_foresee_options;

/** Reads a text, window by window. w: its model is open, from the file `model`. Returns BNC_EXIT_DONE or the exit code, and says why. */
int bnc_foresee(bnc_work *w, const char *model, const bnc_foresee_options *options, bnc_foresight *found);

/** Prints it: as lines, or as one JSON object. */
int bnc_foresight_print(bnc_work *w, const bnc_foresight *found, const char *reference);

#endif
