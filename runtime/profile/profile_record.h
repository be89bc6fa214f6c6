/* SPDX-License-Identifier: Apache-2.0 */
/** @file profile_record.h  What ran when: a record of phases, of every op's time, and of what the machine did meanwhile. */
#ifndef BINOCLE_RUNTIME_PROFILE_PROFILE_RECORD_H
#define BINOCLE_RUNTIME_PROFILE_PROFILE_RECORD_H

#include "platforms/machine/usage.h"
#include "runtime/exec/executor.h"
#include "runtime/profile/profile_roofs.h"
#include "runtime/profile/profile_sampler.h"

typedef enum bnc_phase_kind {
  BNC_PHASE_LOAD,     /* the model file is opened and validated */
  BNC_PHASE_SESSION,  /* memory, threads, operators */
  BNC_PHASE_PACK,     /* weights as this machine reads them: packed, or found in a cache and checked */
  BNC_PHASE_PICTURE,  /* a picture is decoded */
  BNC_PHASE_RESAMPLE, /* and fitted into vision's input */
  BNC_PHASE_VISION,   /* a run of a program; so are the next two */
  BNC_PHASE_PREFILL,
  BNC_PHASE_TOKEN,
  BNC_PHASE_SAMPLING, /* a token is drawn */
  BNC_PHASES
} bnc_phase_kind;
/** "load", "session", "pack", "picture", "resample", "vision", "prefill", "token", "sampling". */
const char *bnc_phase_name(bnc_phase_kind kind);

/** All times are the record's own clock (bnc_profile.laps.clock), which is bnc_clock_ns to some parts in a million. */
typedef struct bnc_profile_phase {
  uint64_t start, duration;
  uint64_t rows, position; /* of a program's run */
  size_t first, events;    /* its ops */
  bnc_phase_kind kind;
} bnc_profile_phase;

/** A run of one op. */
typedef struct bnc_profile_event {
  uint64_t start, duration;
  uint64_t cpu;       /* ns of all threads: CPU clocks are read every BNC_CPU_EVERY_NS at most; ops between two readings share by time */
  uint32_t op, phase; /* index in its program; in phase */
} bnc_profile_event;

/** The CPU time so far, read behind the record's first `laps` ops. */
typedef struct bnc_profile_reading {
  size_t laps;
  uint64_t at, cpu;
} bnc_profile_reading;

/** A helper thread's work on an op. */
typedef struct bnc_profile_slice {
  uint64_t start, duration;
  size_t event;
} bnc_profile_slice;

typedef struct bnc_profile_worker {
  bnc_profile_slice *slice; /* [BNC_PROFILE_SLICES] */
  size_t count;
  uint64_t left_out;
} bnc_profile_worker;

/** What the caller of the profile says of it. */
typedef struct bnc_profile_about {
  char *command; /* owned; NULL: not told */
  char date[32]; /* of the begin: "2026-01-31T12:00:00Z" */
  double load_before, load_after;
  double watts;             /* > 0: energy is estimated as so much all the time */
  bnc_energy_info meter;    /* of the machine, where watts is 0 */
  bnc_energy_report energy; /* likewise; without one idle_watts is NaN */
  bool no_roofs;            /* they are not measured */
} bnc_profile_about;

typedef struct bnc_profile {
  const bnc_model_file *file; /* not owned, as the next three */
  const bnc_executor *executor;
  const bnc_kernels *kernels;
  bnc_pool *pool;
  bnc_profile_about about;
  bnc_energy *meter; /* the record's own, or NULL */
  bnc_profile_roofs roofs;
  uint64_t origin;                                   /* what was recorded begins here: before `begin`, where loading is drawn */
  uint64_t begin, end;                               /* end 0: it goes on */
  uint64_t begin_cpu, end_cpu, begin_waited, waited; /* ns; waited: this thread had no CPU though it was ready */
  bnc_usage before, after;
  bnc_op_laps laps;  /* of the run under way */
  bnc_op_lap *lap;   /* [count], in order: what is kept of ops while they run, as little as may be */
  bnc_op_lap *spare; /* [ops of the largest program]: of runs for which there is no room */
  size_t count, capacity;
  uint64_t left_out;        /* events of runs that do not fit into BNC_PROFILE_EVENTS */
  bnc_profile_event *event; /* [count] at the end, made of the laps; before that NULL */
  bnc_profile_phase *phase; /* [phases], in order */
  size_t phases, phase_capacity;
  bnc_profile_reading *reading; /* [readings] */
  size_t readings, reading_capacity;
  bnc_profile_worker *worker; /* [workers] helpers 1 ... */
  size_t workers;
  bnc_profile_sampler *sampler; /* NULL: it could not be started */
} bnc_profile;

#define BNC_PROFILE_EVENTS ((size_t)4 << 20)   /* 64 MB, and at the end 160: about 8,000 tokens of a model of 500 ops */
#define BNC_PROFILE_SLICES ((size_t)256 << 10) /* of each thread: 6 MB, of which untouched pages cost nothing */
#define BNC_CPU_EVERY_NS 200000u               /* reading costs some 300 ns */

/** Measures the roofs (unless about.no_roofs), starts the sampler and the watch over threads. sample_ms 0: the default. Freed with
 * bnc_profile_free, whatever it returns. energy: profile->meter, or one that outlives the record; NULL: none. */
bnc_status bnc_profile_begin(bnc_profile *profile, bnc_energy *energy, unsigned sample_ms, bnc_error *err);
/** Ends the record; once is enough. */
bnc_status bnc_profile_end(bnc_profile *profile, bnc_error *err);
void bnc_profile_free(bnc_profile *profile);

/** Loading happened before the record began: the phases are put right in front of it. Before all others. */
bnc_status bnc_profile_add_loading(bnc_profile *profile, uint64_t load, uint64_t pack, uint64_t session, bnc_error *err);

/** A phase that began at `start` ends now. profile may be NULL: nothing is recorded. */
bnc_status bnc_profile_add_phase(bnc_profile *profile, bnc_phase_kind kind, uint64_t start, bnc_error *err);
/** What `start` of a phase to come is; 0 without a profile. */
uint64_t bnc_profile_now(const bnc_profile *profile);

/** A program's run begins, which writes profile->laps: room for its ops, so that none is sought while they run. */
bnc_status bnc_profile_begin_run(bnc_profile *profile, bnc_program_id id, uint64_t rows, uint64_t position, bnc_error *err);
/** It ran to its end; one that did not, for which this is not called, leaves nothing behind. */
void bnc_profile_end_run(bnc_profile *profile);

/** The program that a phase runs; BNC_PROGRAMS: none. */
bnc_program_id bnc_phase_program(bnc_phase_kind kind);
/** CPU time of a phase's ops. */
uint64_t bnc_profile_phase_cpu(const bnc_profile *profile, const bnc_profile_phase *phase);
/** Joules between two moments of the record; NaN: not known. */
double bnc_profile_joules(const bnc_profile *profile, uint64_t from, uint64_t to);

#endif
