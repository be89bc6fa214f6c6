/* SPDX-License-Identifier: Apache-2.0 */
/** @file session_private.h  The inside of bnc_session. */
#ifndef BINOCLE_RUNTIME_API_SESSION_PRIVATE_H
#define BINOCLE_RUNTIME_API_SESSION_PRIVATE_H

#include <binocle/session.h>

#include "platforms/threads.h"
#include "runtime/api/model_private.h"
#include "runtime/exec/executor.h"

struct bnc_session {
  bnc_model *model;
  bnc_error error;
  bnc_pool *pool;
  bnc_executor *executor;
  bnc_detokenizer *detokenizer; /* NULL without a tokenizer */
  float *image;                 /* [images, image_rows, hidden]: waiting for their prompt */
  size_t images, image_capacity; /* capacity in floats */
  size_t rows;                  /* in the KV cache */
  int32_t last_id;              /* the last row's token; -1: none, or a picture */
  int32_t pending;              /* sampled, told to the caller, not yet in the cache; -1: none */
  bool cut, started;
  const float *logits;          /* behind the last row; NULL: nothing computed since */
  bnc_statistics statistics;
};

/** Runs a program with the given hooks or, hooks NULL, with the context's progress callback under the name `stage` (NULL: none). */
bnc_status bnc_session_run(bnc_session *session, bnc_program_id id, size_t rows, const char *stage, const bnc_run_hooks *hooks);

/** Pictures that wait are used up. */
void bnc_session_drop_images(bnc_session *session);

#endif
