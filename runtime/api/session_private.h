/* SPDX-License-Identifier: Apache-2.0 */
/** @file session_private.h  The inside of bnc_session. */
#ifndef BINOCLE_RUNTIME_API_SESSION_PRIVATE_H
#define BINOCLE_RUNTIME_API_SESSION_PRIVATE_H

#include <binocle/fidelity.h>
#include <binocle/session.h>
#include <stdatomic.h>

#include "platforms/threads/threads.h"
#include "runtime/api/model_private.h"
#include "runtime/constrain/constraint.h"
#include "runtime/exec/executor.h"
#include "runtime/profile/profile_record.h"
#include "runtime/text/growable.h"
#include "runtime/text/prompt.h"

struct bnc_session {
  bnc_model *model;
  bnc_model_file file; /* a view of the model's, with the context and KV cache of this session in its meta */
  bnc_error error;
  bnc_on_progress progress; /* NULL: the context's */
  void *progress_user;
  atomic_bool cancelled; /* set from any thread, taken back by the call that it ended */
  bnc_prompt_style style;
  char *system; /* owned: what the caller set, or NULL */
  bnc_pool *pool;
  bnc_executor *executor;
  bnc_pacer *pacer;             /* owned; NULL: full speed */
  bnc_detokenizer *detokenizer; /* NULL without a tokenizer */
  float *image;                 /* [opening_images + images, image_rows, hidden]: of the first prompt; then those that wait for theirs */
  size_t images, opening_images, image_capacity; /* capacity in floats */
  size_t max_pixels;                             /* of a picture once it is decoded */
  bool pixels_limited;                           /* by what a memory limit leaves */
  bool vision_leaves;                            /* the memory behind a picture: its weights come back for the next one */
  bnc_ids opening; /* the first prompt's ids whose rows, opening_rows of them, stand at the KV cache's front */
  size_t opening_rows;
  bnc_ids history; /* ids of the rows in the KV cache, as far as known: what guesses are taken from */
  size_t rows;     /* in the KV cache */
  int32_t last_id; /* the last row's token; -1: none, or a picture */
  int32_t pending; /* sampled, told to the caller, not yet in the cache; -1: none */
  bool cut, started;
  bool private_preamble;  /* no file is read or written for it */
  bnc_token token;        /* drawn last; id -1: none */
  float *restored_logits; /* [vocabulary] of a saved session, or NULL */
  const float *logits;    /* behind the last row; NULL: nothing computed since */
  bnc_statistics statistics;
  uint64_t pack_ns;      /* that getting the packed weights took */
  bnc_profile *profile;  /* NULL: nothing is recorded */
  bnc_on_layer on_layer; /* NULL: nobody looks */
  void *on_layer_user;
  bnc_on_inputs on_inputs; /* the same */
  void *on_inputs_user;
  bnc_constraint *constraint; /* NULL: answers are free */
};

/** Tells how far the work is, and asks: true where the caller wants it to stop, by the callback's answer or bnc_session_cancel. */
bool bnc_session_report(bnc_session *session, const char *stage, double fraction);

/** Runs a program with the given hooks or, hooks NULL, with the session's reports under the name `stage` (NULL: none). */
bnc_status bnc_session_run(bnc_session *session, bnc_program_id id, size_t rows, const char *stage, const bnc_run_hooks *hooks);

/** The same while a profile is recorded; hooks may be NULL. */
bnc_status bnc_session_run_profiled(bnc_session *session, bnc_program_id id, size_t rows, const bnc_run_hooks *hooks);

/** BNC_ERROR_UNSUPPORTED where the model has no tokenizer. */
bnc_status bnc_session_check_tokenizer(bnc_session *session);

/** The system text of a conversation: what the caller set, else what belongs to the template. */
void bnc_session_settle_system(bnc_session *session);

/** Pictures that wait, and those of the first prompt, are forgotten. */
void bnc_session_drop_images(bnc_session *session);

/** How many of the ids of a first prompt of `total` rows the KV cache holds already, and in how many rows: fewer than total. */
size_t bnc_session_opening(const bnc_session *session, const int32_t *ids, size_t count, size_t total, size_t *rows);

#endif
