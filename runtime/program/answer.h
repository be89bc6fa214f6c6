/* SPDX-License-Identifier: Apache-2.0 */
/** @file answer.h  A question and its answer, as run and chat have them. */
#ifndef BINOCLE_RUNTIME_PROGRAM_ANSWER_H
#define BINOCLE_RUNTIME_PROGRAM_ANSWER_H

#include "runtime/program/form.h"
#include "runtime/program/joules.h"

typedef struct bnc_answer_options {
  uint64_t max_tokens, top_k, seed;
  double temperature, top_p;
  const char *system, *save, *restore; /* NULL: not given */
  bnc_text_list stop;
  bnc_form form;
  unsigned draft; /* a bnc_draft, index in bnc_answer_drafts */
} bnc_answer_options;

/** Names of bnc_draft, NULL behind them. */
extern const char *const bnc_answer_drafts[];

#define BNC_ANSWER_DEFAULTS {.max_tokens = 256, .top_p = 1}
/* Rows of a table of options. */
#define BNC_ANSWER_OPTIONS(o)                                                                                                              \
  {.name = "max-tokens", .value = "N", .help = "longest answer; default 256", .count = &(o).max_tokens, .least = 1, .most = 1000000},      \
      {.name = "temperature",                                                                                                              \
       .value = "T",                                                                                                                       \
       .help = "0 (the default): always the likeliest token; higher: more varied",                                                         \
       .real = &(o).temperature,                                                                                                           \
       .high = 100},                                                                                                                       \
      {.name = "top-p",                                                                                                                    \
       .value = "P",                                                                                                                       \
       .help = "draw from the likeliest tokens that make up P; default 1: from all",                                                       \
       .real = &(o).top_p,                                                                                                                 \
       .low = 1e-6,                                                                                                                        \
       .high = 1},                                                                                                                         \
      {.name = "top-k",                                                                                                                    \
       .value = "K",                                                                                                                       \
       .help = "draw from the K likeliest tokens; default 0: from all",                                                                    \
       .count = &(o).top_k,                                                                                                                \
       .most = UINT32_MAX},                                                                                                                \
      {.name = "draft",                                                                                                                    \
       .value = "none|lookup",                                                                                                             \
       .help = "lookup: guess tokens from what was said; the same answer, sooner where it repeats; default none",                          \
       .choice = &(o).draft,                                                                                                               \
       .choices = bnc_answer_drafts},                                                                                                      \
  {                                                                                                                                        \
    .name = "seed", .value = "S", .help = "of the drawing; default 0", .count = &(o).seed, .most = UINT64_MAX                              \
  }
/* Rows of the commands that have one conversation. */
#define BNC_CONVERSATION_OPTIONS(o)                                                                                                        \
  {.name = "system", .value = "TEXT", .help = "the system text, instead of the model's own", .text = &(o).system},                         \
      {.name = "stop", .value = "TEXT", .help = "a text that ends the answer, which stops in front of it; up to 16", .list = &(o).stop},   \
      BNC_FORM_OPTIONS((o).form),                                                                                                          \
      {.name = "restore", .value = "FILE", .help = "goes on with a conversation that --save wrote", .state = true, .text = &(o).restore},  \
  {                                                                                                                                        \
    .name = "save", .value = "FILE", .help = "writes the conversation as it is at the end", .output = true, .state = true,                 \
    .text = &(o).save                                                                                                                      \
  }

typedef struct bnc_answer {
  bnc_work *work;
  bool stream;                 /* to standard output as it comes */
  bool one_of_many;            /* the bar goes on, and nothing is said about it */
  bool begun, ends_line, said; /* said: any text came */
  char *text;                  /* [length], kept where it is not streamed */
  size_t length, room;
  uint64_t tokens;
  bnc_joules *joules;  /* NULL: energy is not wanted */
  double first_token;  /* bnc_seconds() when it came, less what reading the meter took before */
  double first_joules; /* then; NaN: not known */
  bnc_finish finish;
  bool cut; /* the prompt */
  bool output_failed, out_of_memory;
} bnc_answer;

/** Before vision runs: the question is UTF-8, and has no "<image>", or one for each picture. */
int bnc_answer_check_question(bnc_work *work, const char *question, size_t pictures);
/** With a new session, before pictures are added: restores a conversation, sets the system text. */
int bnc_answer_prepare(bnc_work *work, const bnc_answer_options *options);
/** At the end: saves the conversation where that is wanted. */
int bnc_answer_save(bnc_work *work, const bnc_answer_options *options);
/** Asks and generates; a streamed answer ends with a line break. Exit code as in work.h: an interrupted answer is done. */
int bnc_answer_ask(bnc_answer *answer, const char *question, const bnc_answer_options *options);
/** Before another question: text, counts and outcome are forgotten. */
void bnc_answer_clear(bnc_answer *answer);
void bnc_answer_free(bnc_answer *answer);

#endif
