/* SPDX-License-Identifier: Apache-2.0 */
/** @file foresight_reading.h  The inside of bnc_foresee: a reference and one or more ways to run a model, which read the same in turn. */
#ifndef BINOCLE_RUNTIME_PROGRAM_FORESIGHT_READING_H
#define BINOCLE_RUNTIME_PROGRAM_FORESIGHT_READING_H

#include "runtime/program/foresight.h"

#define BNC_PIECE 128u /* tokens that all read in turn */

typedef struct bnc_reading {
  bnc_work *w;
  bnc_foresight *found;
  const int32_t *ids, *next; /* of this piece: what is read, and what is foreseen, at row 0, 1 ... */
  size_t count;              /* of ids */
  size_t at;                 /* rows of this piece that were told before: 0, or 1, that behind a question */
  size_t columns;
  bnc_context *context; /* of the reference, where that is not the work's */
  bnc_model *reference_model;
  bnc_session *reference;           /* NULL: none */
  float *expected;                  /* [BNC_PIECE, columns]: the reference's logits */
  float *weights;                   /* [columns] */
  bnc_session *session[BNC_CACHES]; /* by bnc_cache_type; the first is the work's */
  unsigned cache;                   /* whose turn it is */
  bool several;                     /* session has more than the first */
  void *user;                       /* of who reads */
} bnc_reading;

/** A session's turn: its logits go to `take`. */
typedef int bnc_read_turn(bnc_reading *r, bnc_session *session, bnc_on_logits take);
/** Everybody's turn, the reference first. */
int bnc_read_in_turn(bnc_reading *r, bnc_read_turn *turn);
/** The exit code of a session's failed call, after saying why. where: NULL, or what was read. */
int bnc_reading_fail(const bnc_reading *r, const bnc_session *session, bnc_status status, const char *where);

/** Answers to the questions of a file, the first of each line, token by token behind question and pictures. */
int bnc_foresee_answers(bnc_reading *r, const char *questions);

#endif
