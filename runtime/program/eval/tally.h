/* SPDX-License-Identifier: Apache-2.0 */
/** @file tally.h  What many answers come to: shares of right ones, seconds and joules, over all and per category. */
#ifndef BINOCLE_RUNTIME_PROGRAM_EVAL_TALLY_H
#define BINOCLE_RUNTIME_PROGRAM_EVAL_TALLY_H

#include "runtime/program/eval/answer_record.h"
#include "runtime/program/json_object.h"

typedef struct bnc_result {
  const char *category;    /* NULL: none; not owned */
  bool right, cut, failed; /* failed: not asked, as its picture could not be read */
  double seconds, joules;  /* joules NaN: no meter */
  uint64_t prompt_tokens, answer_tokens;
} bnc_result;

typedef struct bnc_results {
  bnc_result *result; /* [count] */
  size_t count, room;
} bnc_results;

/** category: a text that lives as long as the results. false: out of memory. */
bool bnc_results_add(bnc_results *results, const bnc_answer_record *record, const char *category);
void bnc_results_free(bnc_results *results);
/** How many prompts were cut. */
size_t bnc_results_cut(const bnc_results *results);
/** How many questions were not asked, as a picture of theirs could not be read; they count as wrong. */
size_t bnc_results_failed(const bnc_results *results);

/** Sorts the results by category and prints a table: a line per category and one for all. */
void bnc_tally_print(bnc_results *results, FILE *file);
/** The same as members of an object: questions, right, accuracy, accuracy_low, accuracy_high, seconds ..., and a list "categories" of such
 * objects. */
void bnc_tally_json(bnc_results *results, bnc_json_object *json);

#endif
