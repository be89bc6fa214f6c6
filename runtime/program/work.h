/* SPDX-License-Identifier: Apache-2.0 */
/** @file work.h  What every command that computes does alike: options, context, model, session, messages, the exit code. */
#ifndef BINOCLE_RUNTIME_PROGRAM_WORK_H
#define BINOCLE_RUNTIME_PROGRAM_WORK_H

#include <binocle/binocle.h>
#include <stdbool.h>
#include <stdint.h>

#include "runtime/program/console.h"
#include "runtime/program/options.h"
#include "runtime/program/progress.h"

#define BNC_THREADS_LIMIT 1024

#define BNC_COUNT_OF(array) (sizeof(array) / sizeof *(array))
/* Rows of a command's table of options that set fields of a bnc_work. */
#define BNC_WORK_QUIET(work) {.name = "quiet", .help = "no progress bar, no notes", .flag = &(work).quiet}
#define BNC_WORK_THREADS(work)                                                                                                             \
  {.name = "threads",                                                                                                                      \
   .value = "N",                                                                                                                           \
   .help = "threads to compute on; default: the big cores that it may use",                                                                \
   .count = &(work).threads,                                                                                                               \
   .least = 1,                                                                                                                             \
   .most = BNC_THREADS_LIMIT}
#define BNC_WORK_LINEAR(work)                                                                                                              \
  {.name = "linear",                                                                                                                       \
   .value = "BACKEND",                                                                                                                     \
   .help = "linear layers on own kernels, on xnnpack, or auto, the faster; default: BINOCLE_LINEAR, else auto",                            \
   .choice = &(work).linear,                                                                                                               \
   .choices = bnc_linear_choices}
#define BNC_WORK_JSON(work, help_) {.name = "json", .help = help_, .flag = &(work).json}

/* For commands that answer. */
#define BNC_WORK_MEMORY(work)                                                                                                              \
  {.name = "memory-limit",                                                                                                                 \
   .value = "SIZE",                                                                                                                        \
   .help = "memory to keep to, such as 1.5G: sets KV cache and context, and reads weights anew where all does not fit",                    \
   .bytes = &(work).memory_limit},                                                                                                         \
  {                                                                                                                                        \
    .name = "kv", .value = "TYPE", .help = "KV cache: f32, f16 or int8; default: as the model was compiled", .choice = &(work).kv,         \
    .choices = bnc_work_caches                                                                                                             \
  }
/* For commands that run a model: power. They set work.joules, and end it. */
#define BNC_WORK_POWER(work)                                                                                                               \
  {.name = "power-limit",                                                                                                                  \
   .value = "W",                                                                                                                           \
   .help = "keep the machine's mean power below W watts: parks threads and pauses; the same answers",                                      \
   .real = &(work).power_limit,                                                                                                            \
   .low = 0.01,                                                                                                                            \
   .high = 1e6},                                                                                                                           \
  {                                                                                                                                        \
    .name = "battery-saver",                                                                                                               \
    .help = "the cores estimated to take the fewest joules, else half of the threads, rounded up; the same answers",                       \
    .flag = &(work).battery_saver                                                                                                          \
  }
extern const char *const bnc_work_caches[];

#define BNC_NOTES_LIMIT 8

extern const char *const bnc_linear_choices[];

typedef struct bnc_work {
  uint64_t threads; /* 0: the default */
  unsigned linear;  /* of bnc_linear_choices, 0: what the environment says */
  bool quiet, json;
  uint64_t memory_limit; /* 0: none */
  uint64_t max_pixels;   /* of a picture once it is decoded; 0: the most */
  double power_limit;    /* W; 0: none */
  bool battery_saver;
  bnc_power_cores cores;     /* that it chose; without cores half of the threads are parked */
  struct bnc_joules *joules; /* that a limit of power looks at; begun by the first session that needs it. NULL: an estimate */
  unsigned kv;               /* a bnc_cache_type, index in bnc_work_caches */
  bool private_preamble;     /* what stands in front of questions is of others, or is to be timed: no file is kept of it */
  bnc_progress progress;
  bnc_context *context;
  bnc_model *model;
  bnc_model_info info; /* of model */
  bnc_session *session;
  char *note[BNC_NOTES_LIMIT]; /* messages that wait: see bnc_work_tell */
  unsigned notes;
  bool telling;
  const char *whole; /* the stage that the bar shows whatever happens within; NULL: each as it comes */
  double whole_done; /* how far it is */
} bnc_work;

/* Every function that returns an int: BNC_EXIT_DONE, or the code to end with; the one line that says why is printed then. */

/** After the options are parsed: the context, the bar, Ctrl-C. */
int bnc_work_begin(bnc_work *work);
int bnc_work_open_model(bnc_work *work, const char *path);
/** Another context like the work's own, whose linear layers run on `linear` where the options do not say; NULL: as they do there. */
bnc_status bnc_work_create_context(bnc_work *work, const char *linear, bnc_context **context);
/** A session as the options ask for; the caller destroys it. */
int bnc_work_create_session(bnc_work *work, bnc_session **session);
/** The same as work->session. */
int bnc_work_open_session(bnc_work *work);
/** Everything is freed; notes that still wait are told where code is BNC_EXIT_DONE. Returns bnc_console_finish(code). */
int bnc_work_end(bnc_work *work, int code);

/** The exit code of a failed call, after saying `message` (the context's or session's), behind `where` ("ids.npy") if that is not NULL. */
int bnc_work_fail(bnc_work *work, bnc_status status, const char *where, const char *message);
/** A failure that the program itself found. */
int bnc_work_refuse(bnc_work *work, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** A line on standard error, unless quiet. It waits until bnc_work_tell, so that a command that fails says one line: why. */
void bnc_work_note(bnc_work *work, const char *format, ...) __attribute__((format(printf, 2, 3)));
/** Says what waits; later notes are said at once. */
void bnc_work_tell(bnc_work *work);

/** Fails early where a file surely cannot be written, before minutes of computing: a folder, or in a folder that is not there. */
int bnc_work_check_output(bnc_work *work, const char *path);
/** Fails where the model has no eyes. */
int bnc_work_check_vision(bnc_work *work, const char *path);
/** Fails where the model cannot read or write text. */
int bnc_work_check_tokenizer(bnc_work *work, const char *path);
/** The file that an argument names: "-" is standard input. */
const char *bnc_work_input(const char *path);
/** Runs vision on each file, in order. */
int bnc_work_add_images(bnc_work *work, const bnc_text_list *images);

#endif
