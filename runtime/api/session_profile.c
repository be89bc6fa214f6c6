/* SPDX-License-Identifier: Apache-2.0 */
#include <binocle/profile.h>
#include <math.h>

#include "platforms/base/clock.h"
#include "platforms/base/mem.h"
#include "runtime/api/session_private.h"

/* A run that is recorded: the hooks that it would have had, and where its times go. */
typedef struct recorded_run {
  bnc_profile *profile;
  const bnc_run_hooks *inner;
  bnc_program_id id;
  uint32_t rows;
} recorded_run;

static void on_timing(void *context, size_t index, uint64_t nanoseconds) {
  const recorded_run *r = context;
  bnc_profile_add(r->profile, (bnc_profile_event){bnc_clock_ns() - nanoseconds, nanoseconds, (uint32_t)index, (uint32_t)r->id, r->rows});
}

static bool on_step(void *context, size_t done, size_t total) {
  const recorded_run *r = context;
  return r->inner->step && r->inner->step(r->inner->context, done, total);
}

static void on_probe(void *context, const bnc_file_probe *probe, const float *value) {
  const recorded_run *r = context;
  r->inner->probe(r->inner->context, probe, value);
}

bnc_status bnc_session_run_profiled(bnc_session *s, bnc_program_id id, size_t rows, const bnc_run_hooks *inner) {
  static const bnc_run_hooks none = {0};
  bnc_profile *profile = s->profile;
  const bnc_program *program = &s->model->file.program[id];
  recorded_run run = {profile, inner ? inner : &none, id, (uint32_t)rows};
  const bnc_run_hooks hooks = {.context = &run, .step = on_step, .probe = inner && inner->probe ? on_probe : NULL, .timing = on_timing};
  bnc_status status = bnc_profile_reserve(profile, program->head ? program->head->ops : 0, &s->error);
  if (status != BNC_OK) return status;
  const double joules = bnc_energy_joules(profile->energy);
  const uint64_t start = bnc_clock_ns();
  status = bnc_executor_run(s->executor, id, rows, s->rows, &hooks, &s->error);
  if (status != BNC_OK) return status;
  bnc_profile_runs *sums = &profile->program[id];
  sums->nanoseconds += bnc_clock_ns() - start;
  sums->joules += bnc_energy_joules(profile->energy) - joules;
  sums->runs++;
  sums->rows += rows;
  return BNC_OK;
}

bnc_status bnc_session_profile_begin(bnc_session *session) {
  if (!session) return BNC_ERROR_ARGUMENT;
  bnc_profile_free(session->profile);
  session->profile = NULL;
  bnc_profile *profile = bnc_mem_zalloc(sizeof *profile);
  if (!profile) return bnc_fail_memory(&session->error, sizeof *profile);
  bnc_status status = bnc_energy_open(session->model->context, &profile->energy);
  if (status != BNC_OK) {
    bnc_profile_free(profile);
    return bnc_fail(&session->error, status, "%s", session->model->context->error.text);
  }
  profile->meter.size = sizeof profile->meter;
  bnc_energy_get_info(profile->energy, &profile->meter);
  profile->begin = bnc_clock_ns();
  session->profile = profile;
  return BNC_OK;
}

bnc_status bnc_session_profile(bnc_session *session, bnc_profile_form form, char **text) {
  static bnc_status (*const printers[])(const bnc_profile *, const bnc_model_file *, char **, bnc_error *) = {
      bnc_profile_print_text, bnc_profile_print_json, bnc_profile_print_trace, bnc_profile_print_html};
  if (!session) return BNC_ERROR_ARGUMENT;
  if (!text || (unsigned)form > BNC_PROFILE_HTML)
    return bnc_fail(&session->error, BNC_ERROR_ARGUMENT, "a profile needs a form and a place for its text");
  *text = NULL;
  if (!session->profile) return bnc_fail(&session->error, BNC_ERROR_ARGUMENT, "nothing was profiled: call bnc_session_profile_begin first");
  return printers[form](session->profile, &session->model->file, text, &session->error);
}
