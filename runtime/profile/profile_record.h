/* SPDX-License-Identifier: Apache-2.0 */
/** @file profile_record.h  What ran when: a record of every op's time, and what it comes to in words, JSON, a trace and a page. */
#ifndef BINOCLE_RUNTIME_PROFILE_PROFILE_RECORD_H
#define BINOCLE_RUNTIME_PROFILE_PROFILE_RECORD_H

#include <binocle/energy.h>

#include "platforms/file/page.h"
#include "runtime/model/model_file.h"

/** A run of one op. Nanoseconds of bnc_clock_ns. */
typedef struct bnc_profile_event {
  uint64_t start, duration;
  uint32_t op, program, rows; /* rows: of the run; 0: vision */
} bnc_profile_event;

/** All runs of one program. */
typedef struct bnc_profile_runs {
  uint64_t runs, rows, nanoseconds;
  double joules; /* NaN: not known */
} bnc_profile_runs;

typedef struct bnc_profile {
  bnc_profile_event *event; /* [count] */
  size_t count, capacity;
  uint64_t begin;    /* when the record was begun */
  uint64_t left_out; /* events beyond BNC_PROFILE_EVENTS */
  bnc_profile_runs program[BNC_PROGRAMS];
  bnc_energy *energy;
  bnc_energy_info meter;
} bnc_profile;

#define BNC_PROFILE_EVENTS ((size_t)4 << 20) /* 128 MB: about 8,000 tokens of a model of 500 ops */

/** Room for `more` events, so that none is sought while ops run. What is beyond the limit is counted, not kept. */
bnc_status bnc_profile_reserve(bnc_profile *profile, size_t more, bnc_error *err);
void bnc_profile_add(bnc_profile *profile, bnc_profile_event event);
void bnc_profile_free(bnc_profile *profile);

/** An op's events, or a kind's. */
typedef struct bnc_profile_sum {
  uint32_t program, op, kind;
  uint64_t calls, nanoseconds, least, most, macs; /* macs: of all calls, as many rows as each had; 0: not told */
} bnc_profile_sum;

/** Sums per op of each program, dearest first; *sums is freed with bnc_mem_free. */
bnc_status bnc_profile_sum_ops(const bnc_profile *profile, const bnc_model_file *file, bnc_profile_sum **sums, size_t *count,
                               bnc_error *err);
/** Sums per program and kind of op (calls: of ops), dearest first. */
bnc_status bnc_profile_sum_kinds(const bnc_profile *profile, const bnc_model_file *file, bnc_profile_sum **sums, size_t *count,
                                 bnc_error *err);
/** Time of all recorded ops. */
uint64_t bnc_profile_total(const bnc_profile *profile);

/** Each text is a bnc_mem string. A table for people; an object; Chrome's trace format, which Perfetto opens too; a self-contained page. */
bnc_status bnc_profile_print_text(const bnc_profile *profile, const bnc_model_file *file, char **text, bnc_error *err);
bnc_status bnc_profile_print_json(const bnc_profile *profile, const bnc_model_file *file, char **text, bnc_error *err);
bnc_status bnc_profile_print_trace(const bnc_profile *profile, const bnc_model_file *file, char **text, bnc_error *err);
bnc_status bnc_profile_print_html(const bnc_profile *profile, const bnc_model_file *file, char **text, bnc_error *err);

#endif
