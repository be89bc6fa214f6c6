/* SPDX-License-Identifier: Apache-2.0 */
#include <binocle/profile.h>
#include <math.h>
#include <string.h>

#include "platforms/base/mem.h"
#include "platforms/base/sized.h"
#include "runtime/api/session_private.h"
#include "runtime/profile/profile_compare.h"
#include "runtime/profile/profile_print.h"

bnc_status bnc_session_run_profiled(bnc_session *s, bnc_program_id id, size_t rows, const bnc_run_hooks *inner) {
  bnc_run_hooks hooks = inner ? *inner : (bnc_run_hooks){.context = NULL};
  hooks.laps = &s->profile->laps;
  bnc_status status = bnc_profile_begin_run(s->profile, id, rows, s->rows, &s->error);
  if (status == BNC_OK) status = bnc_executor_run(s->executor, id, rows, s->rows, &hooks, &s->error);
  if (status == BNC_OK) bnc_profile_end_run(s->profile);
  return status;
}

void bnc_profile_settings_init(bnc_profile_settings *settings) {
  if (settings) *settings = (bnc_profile_settings){.size = sizeof *settings};
}

static bnc_status begin(bnc_session *s, bnc_profile *p, const bnc_profile_settings *settings) {
  bnc_context *context = s->model->context;
  bnc_energy *energy = settings->watts > 0 ? NULL : settings->energy;
  p->file = &s->file; /* with the cache that this session has */
  p->executor = s->executor;
  p->kernels = &s->model->kernels;
  p->pool = s->pool;
  p->about.watts = settings->watts;
  p->about.meter.size = sizeof p->about.meter;
  p->about.energy = (bnc_energy_report){.size = sizeof p->about.energy, .idle_watts = (double)NAN};
  p->about.no_roofs = settings->no_roofs != 0;
  if (settings->command) {
    p->about.command = bnc_mem_strndup(settings->command, strlen(settings->command));
    if (!p->about.command) return bnc_fail_memory(&s->error, strlen(settings->command));
  }
  if (!(settings->watts > 0) && !energy) {
    const bnc_energy_settings how = {
        .size = sizeof how, .meter = settings->meter, .command = settings->meter_command, .idle_seconds = settings->idle_seconds};
    const bnc_status status = bnc_energy_open_with(context, &how, &p->meter);
    if (status != BNC_OK) return bnc_fail(&s->error, status, "%s", context->error.text);
    energy = p->meter;
  }
  bnc_energy_get_info(energy, &p->about.meter);
  bnc_status status = bnc_profile_begin(p, energy, settings->sample_ms, &s->error);
  if (status == BNC_OK)
    status = bnc_profile_add_loading(p, s->model->open_ns, s->pack_ns, (uint64_t)(s->statistics.load_seconds * 1e9), &s->error);
  return status;
}

bnc_status bnc_session_profile_begin(bnc_session *session, const bnc_profile_settings *settings) {
  bnc_profile_settings full;
  if (!session) return BNC_ERROR_ARGUMENT;
  if (settings && !bnc_sized_is_set(settings))
    return bnc_fail(&session->error, BNC_ERROR_ARGUMENT, "the settings have no size: bnc_profile_settings_init sets it");
  bnc_profile_settings_init(&full);
  if (settings) bnc_sized_read(&full, sizeof full, settings);
  bnc_profile_free(session->profile);
  session->profile = NULL;
  bnc_profile *profile = bnc_mem_zalloc(sizeof *profile);
  if (!profile) return bnc_fail_memory(&session->error, sizeof *profile);
  const bnc_status status = begin(session, profile, &full);
  if (status == BNC_OK)
    session->profile = profile;
  else
    bnc_profile_free(profile);
  return status;
}

bnc_status bnc_session_profile(bnc_session *session, bnc_profile_form form, char **text) {
  static bnc_status (*const printers[])(const bnc_profile *, char **, bnc_error *) = {
      bnc_profile_print_text, bnc_profile_print_json, bnc_profile_print_trace, bnc_profile_print_html, bnc_profile_print_csv};
  if (!session) return BNC_ERROR_ARGUMENT;
  if (!text || (unsigned)form > BNC_PROFILE_CSV)
    return bnc_fail(&session->error, BNC_ERROR_ARGUMENT, "a profile needs a form and a place for its text");
  *text = NULL;
  if (!session->profile) return bnc_fail(&session->error, BNC_ERROR_ARGUMENT, "nothing was profiled: call bnc_session_profile_begin first");
  const bnc_status status = bnc_profile_end(session->profile, &session->error);
  return status == BNC_OK ? printers[form](session->profile, text, &session->error) : status;
}

bnc_status bnc_profile_compare(bnc_context *context, const char *path_a, const char *path_b, int json, char **text) {
  if (!context) return BNC_ERROR_ARGUMENT;
  bnc_error *err = &context->error;
  if (!path_a || !path_b || !text) return bnc_fail(err, BNC_ERROR_ARGUMENT, "a comparison needs two paths and a place for its text");
  *text = NULL;
  bnc_saved_profile a, b = {0};
  bnc_status s = bnc_saved_profile_read(&a, path_a, err);
  if (s == BNC_OK) s = bnc_saved_profile_read(&b, path_b, err);
  if (s == BNC_OK) s = bnc_compare_print(&a, &b, (const char *const[2]){path_a, path_b}, json != 0, text, err);
  bnc_saved_profile_free(&a);
  bnc_saved_profile_free(&b);
  return s;
}
