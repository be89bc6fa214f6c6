/* SPDX-License-Identifier: Apache-2.0 */
/** @file walk.h  A tokenizer with a constraint on it, and tokens drawn at random from what the constraint allows. */
#ifndef BINOCLE_TESTS_CONSTRAIN_WALK_H
#define BINOCLE_TESTS_CONSTRAIN_WALK_H

#include "runtime/constrain/constraint.h"
#include "runtime/text/tokenizer.h"

#define WALK_TOKENS 4096

typedef struct walk {
  bnc_bpe *bpe;
  bnc_vocabulary *vocabulary;
  bnc_constraint *constraint;
  uint64_t random;
  int32_t ids[WALK_TOKENS];
  size_t count;
} walk;

/** From a tokenizer.json; the process ends where that fails. */
walk walk_open(const char *tokenizer_json);
void walk_close(walk *walk);
/** False, and why in *err, where there is no such constraint; the one that was is gone in any case. */
bool walk_constrain(walk *walk, bnc_constraint_kind kind, const char *const *texts, size_t count, bnc_error *err);
uint32_t walk_random(walk *walk, uint32_t below);
/** A token of the mask, each as likely as another. */
int32_t walk_pick(walk *walk, const uint32_t *mask);
bool walk_is_stop(const walk *walk, int32_t id);
/** Draws an answer of at most `room` tokens. "stop", "over" (nothing can follow), "length", or NULL and why in *err. */
const char *walk_answer(walk *walk, size_t room, bnc_error *err);

#endif
