/* SPDX-License-Identifier: Apache-2.0 */
/** @file bench.h  What `binocle bench` measures: rounds of a picture, a prompt and an answer, each on every number of threads asked for. */
#ifndef BINOCLE_RUNTIME_PROGRAM_BENCH_BENCH_H
#define BINOCLE_RUNTIME_PROGRAM_BENCH_BENCH_H

#include <binocle/machine_state.h>

#include "runtime/program/joules.h"
#include "runtime/program/work.h"

#define BNC_BENCH_SETTINGS 16u          /* numbers of threads in one run */
#define BNC_BENCH_TOKENS (4u << 20)     /* latencies that are kept */
#define BNC_BENCH_ROUNDS 5000u          /* of a sustained run */
#define BNC_BENCH_COOLING_LIMIT_S 600.0 /* for which a temperature is waited for */

typedef enum bnc_timing {
  BNC_TIMING_VISION,
  BNC_TIMING_PREFILL,
  BNC_TIMING_DECODE,
  BNC_TIMING_FIRST_TOKEN,
  BNC_TIMING_JOULES_PICTURE,
  BNC_TIMING_JOULES_PROMPT,
  BNC_TIMING_JOULES_GENERATED,
  BNC_TIMING_NET_PICTURE, /* without the power at rest; these three are not known where that was not measured */
  BNC_TIMING_NET_PROMPT,
  BNC_TIMING_NET_GENERATED,
  BNC_TIMINGS
} bnc_timing;
/** "vision_s" and "vision, s". */
const char *bnc_timing_name(bnc_timing timing);
const char *bnc_timing_words(bnc_timing timing);

/** One repetition, or in a sustained run the mean of those that fill a round. */
typedef struct bnc_bench_round {
  unsigned setting;
  uint64_t repetitions;
  double value[BNC_TIMINGS];       /* NaN: not known */
  double at;                       /* of its end, seconds since the first round began */
  bnc_machine_state before, after; /* around it */
  double joules;                   /* of all its repetitions; NaN: not known */
  size_t token, tokens;            /* its latencies in bnc_bench.token */
} bnc_bench_round;

/** What a thread of its own saw of the machine, once a second or less often. */
typedef struct bnc_bench_watch {
  bnc_machine_state *state; /* [count], BNC_BENCH_ROUNDS at most */
  size_t count;
  void *thread; /* while it runs */
} bnc_bench_watch;

typedef struct bnc_bench_setting {
  unsigned threads;
  bnc_session *session;
  bnc_statistics about; /* of a session as it was made */
} bnc_bench_setting;

/** Of a model and a machine, for reports. */
typedef struct bnc_bench_identity {
  char model_name[96], fingerprint[17], weights[96];
  char cpu[96], uarch[48], os[96], kernel[96];
  uint64_t cpus, memory_bytes;
  char date[32], command[1024];
} bnc_bench_identity;

typedef struct bnc_bench {
  bnc_work work;
  const char *model, *image, *threads_text, *cooldown_text, *csv, *svg;
  bool markdown;
  uint64_t prompt_tokens, gen_tokens, repeat, warm_up; /* repeat 0: as minutes say */
  double minutes;                                      /* 0: no sustained run */
  double cooldown_s, cooldown_celsius;                 /* 0: none */
  bnc_bench_identity identity;
  double load;
  bnc_bench_setting setting[BNC_BENCH_SETTINGS];
  unsigned settings;
  bnc_bench_round *round; /* [rounds] */
  size_t rounds, round_room;
  float *token; /* [tokens] seconds between two tokens of an answer */
  size_t tokens, token_room;
  uint64_t tokens_left_out;
  bool cut_short;        /* a sustained run that Ctrl-C ended: reports tell what there is */
  bnc_bench_watch watch; /* of a sustained run */
  double origin;         /* of bnc_bench_round.at */
  double start, first;   /* of a repetition; seconds to its first token, 0: none yet */
  double start_reading;  /* joules.reading at its start */
  double last_token;     /* when it came; 0: none yet */
  bnc_joules joules;
  int32_t *ids; /* [id_count] the prompt */
  size_t id_count;
} bnc_bench;

/** "1,2,4" and "30" or "60C". false: not that. */
bool bnc_bench_take_threads(bnc_bench *b, const char *text);
bool bnc_bench_take_cooldown(bnc_bench *b, const char *text);

/** Functions that return an int: as in work.h. Model and sessions are open; fills in the rounds. */
int bnc_bench_measure(bnc_bench *b);
/** Looks at the machine each so many seconds; without memory or a thread there is nothing to see. */
void bnc_bench_watch_start(bnc_bench_watch *watch, double seconds);
void bnc_bench_watch_stop(bnc_bench_watch *watch);
/** Fills in b->identity but for the command. */
int bnc_bench_identify(bnc_bench *b);

/** Sorted values of a timing of a setting, what is not known left out; returns how many. values: [b->rounds]. */
size_t bnc_bench_sorted(const bnc_bench *b, unsigned setting, bnc_timing timing, double *values);
double bnc_bench_median(const double *sorted, size_t count);
/** The least value that at least that share of all does not exceed; NaN: there is none. */
double bnc_bench_percentile(const double *sorted, size_t count, double share);
/** Sorted latencies of a setting's tokens. values: [b->tokens]. */
size_t bnc_bench_sorted_tokens(const bnc_bench *b, unsigned setting, double *values);
#define BNC_BENCH_PERCENTILES 3
extern const double bnc_bench_share[BNC_BENCH_PERCENTILES];
extern const char *const bnc_bench_share_name[BNC_BENCH_PERCENTILES]; /* "p50" */

/** "load 1.20 before and 1.31 behind, 48.0 and 63.5 C, 2400 and 1800 MHz, governor ondemand": what the machine told. */
void bnc_bench_machine_words(const bnc_bench *b, char *text, size_t size);
/** What makes a setting's times doubtful; false: nothing. */
bool bnc_bench_doubt(const bnc_bench *b, unsigned setting, char *text, size_t size);
/** Peak resident bytes of the process. */
uint64_t bnc_bench_peak_rss(void);

/** Reports on standard output. values: [bnc_bench_room(b)], scratch. */
size_t bnc_bench_room(const bnc_bench *b);
int bnc_bench_print_json(bnc_bench *b, double *values);
int bnc_bench_print_text(bnc_bench *b, double *values);
int bnc_bench_print_markdown(bnc_bench *b, double *values);
/** A line per round; what was sustained as a picture. */
int bnc_bench_save_csv(bnc_bench *b, double *values);
int bnc_bench_save_svg(bnc_bench *b, double *values);

#endif
