/* SPDX-License-Identifier: Apache-2.0 */
/** @file constraint.h  Which tokens may come next, so that an answer is a text of a language. All memory is had when it is made. */
#ifndef BINOCLE_RUNTIME_CONSTRAIN_CONSTRAINT_H
#define BINOCLE_RUNTIME_CONSTRAIN_CONSTRAINT_H

#include <binocle/constrain.h>

#include "runtime/constrain/vocabulary.h"

typedef struct bnc_constraint bnc_constraint;

/** texts [count] as of bnc_session_constrain; rows: logits of the model. The vocabulary must outlive it. */
bnc_status bnc_constraint_create(bnc_constraint **constraint, const bnc_vocabulary *vocabulary, size_t rows, bnc_constraint_kind kind,
                                 const char *const *texts, size_t count, bnc_error *err);
void bnc_constraint_free(bnc_constraint *constraint);
/** Memory that it holds. */
size_t bnc_constraint_bytes(const bnc_constraint *constraint);

/** An answer begins, of at most `room` tokens. stops: tokens that end an answer may be drawn. BNC_ERROR_LIMIT: no answer is that short. */
bnc_status bnc_constraint_begin(bnc_constraint *constraint, size_t room, bool stops, bnc_error *err);
/** The tokens that may be drawn now: bits [rows]. room: how many may be drawn behind it; the text can always be finished in them.
 *  NULL: the text is complete, and no token is allowed that leaves it so. */
bnc_status bnc_constraint_mask(bnc_constraint *constraint, size_t room, const uint32_t **mask, bnc_error *err);
/** The logits [rows] with those of other tokens at -infinity; valid until the next call. */
const float *bnc_constraint_apply(bnc_constraint *constraint, const uint32_t *mask, const float *logits);
/** The drawn token; one that is not allowed (all that are have no probability at all) is replaced by the first that is. */
int32_t bnc_constraint_correct(const bnc_constraint *constraint, const uint32_t *mask, int32_t id);
/** A token was drawn that is no end. BNC_ERROR_LIMIT: the language is too ambiguous for the memory that is held. */
bnc_status bnc_constraint_take(bnc_constraint *constraint, int32_t id, bnc_error *err);
/** True where the text is complete and nothing can follow. */
bool bnc_constraint_is_over(const bnc_constraint *constraint);
/** True where the text so far is one of the language. */
bool bnc_constraint_accepts(const bnc_constraint *constraint);

#endif
