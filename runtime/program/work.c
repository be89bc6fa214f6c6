/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/program/work.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/program/bus_guard.h"
#include "runtime/program/joules.h"

const char *const bnc_linear_choices[] = {"default", "auto", "own", "xnnpack", NULL};
const char *const bnc_work_caches[] = {"default", "f32", "f16", "int8", NULL};

static void on_log(void *user, bnc_log_level level, const char *message) {
  if (level != BNC_LOG_DEBUG) bnc_work_note(user, "%s%s", level == BNC_LOG_WARNING ? "warning: " : "", message);
}

static int on_progress(void *user, const char *stage, double fraction) {
  bnc_work *work = user;
  /* It may take hours; what was said in front of it, how many among others, is to be read now. */
  if (strcmp(stage, "calibrating") == 0 && !work->telling) bnc_work_tell(work);
  /* While the answer streams, its text is the progress. */
  if (work->whole)
    bnc_progress_show(&work->progress, work->whole, work->whole_done);
  else if (strcmp(stage, "answering") != 0)
    bnc_progress_show(&work->progress, stage, fraction);
  return bnc_interrupted();
}

/* Before threads are started: they stay on the cores on which this one is. */
static void save_battery(bnc_work *work) {
  bnc_power_cores *c = &work->cores;
  c->size = sizeof *c;
  if (bnc_power_choose_cores(work->context, c) != BNC_OK || c->cores == 0) return;
  bnc_work_note(work, "battery saver: %u x %s, an estimate: the machine draws %.2g W of %.2g, for %.2g of the speed and %.2g of the joules",
                c->cores, c->kind, c->watts, c->busy_watts, c->speed, c->joules);
}

bnc_status bnc_work_create_context(bnc_work *work, const char *linear, bnc_context **context) {
  bnc_context_settings settings;
  bnc_context_settings_init(&settings);
  settings.user = work;
  settings.log = on_log;
  settings.progress = on_progress;
  settings.threads = (unsigned)work->threads;
  settings.linear = work->linear ? bnc_linear_choices[work->linear] : linear;
  return bnc_context_create(&settings, context);
}

int bnc_work_begin(bnc_work *work) {
  bnc_progress_init(&work->progress, work->quiet);
  bnc_interrupt_arm();
  const bnc_status status = bnc_work_create_context(work, NULL, &work->context);
  if (status == BNC_OK && work->battery_saver) save_battery(work);
  return status == BNC_OK ? BNC_EXIT_DONE : bnc_work_refuse(work, "out of memory");
}

int bnc_work_open_model(bnc_work *work, const char *path) {
  bnc_progress_show(&work->progress, "opening the model", 0);
  bnc_bus_guard(path);
  bnc_status status = bnc_model_open(work->context, path, &work->model);
  work->info.size = sizeof work->info;
  if (status == BNC_OK) status = bnc_model_get_info(work->model, &work->info);
  return status == BNC_OK ? BNC_EXIT_DONE : bnc_work_fail(work, status, NULL, bnc_context_error(work->context));
}

static int limit_power(bnc_work *work, bnc_session *session) {
  bnc_power_settings settings = {.size = sizeof settings, .limit_watts = work->power_limit};
  settings.saver = work->battery_saver && work->cores.cores == 0;
  if (work->joules && work->power_limit > 0) {
    const int code = bnc_joules_begin(work->joules, work);
    if (code != BNC_EXIT_DONE) return code;
    settings.energy = work->joules->energy;
    settings.busy_watts = work->joules->watts;
  }
  const bnc_status status = bnc_session_limit_power(session, &settings);
  if (status != BNC_OK) return bnc_work_fail(work, status, NULL, bnc_session_error(session));
  bnc_power_report report = {.size = sizeof report};
  bnc_session_get_power(session, &report);
  if (report.estimated)
    bnc_work_note(work, "power is limited by an estimate, without a meter: %g W at rest, %g W busy", report.idle_watts, report.busy_watts);
  const double idle = work->joules && work->power_limit > 0 ? bnc_joules_report(work->joules).idle_watts : (double)NAN;
  const double rest = report.estimated ? report.idle_watts : idle;
  if (rest >= work->power_limit && work->power_limit > 0)
    bnc_work_note(work, "warning: --power-limit %g W cannot be kept: the machine draws %.3g W at rest", work->power_limit, rest);
  return BNC_EXIT_DONE;
}

int bnc_work_create_session(bnc_work *work, bnc_session **session) {
  bnc_session_settings settings;
  bnc_session_settings_init(&settings);
  settings.memory_limit = work->memory_limit;
  settings.max_pixels = work->max_pixels;
  settings.kv_cache = work->kv;
  settings.threads = (uint32_t)work->threads;
  settings.private_preamble = work->private_preamble;
  const bnc_status status = bnc_session_create_with(work->model, &settings, session);
  if (status != BNC_OK) return bnc_work_fail(work, status, NULL, bnc_context_error(work->context));
  return work->power_limit > 0 || work->battery_saver ? limit_power(work, *session) : BNC_EXIT_DONE;
}

int bnc_work_open_session(bnc_work *work) { return bnc_work_create_session(work, &work->session); }

int bnc_work_end(bnc_work *work, int code) {
  bnc_progress_clear(&work->progress);
  if (code == BNC_EXIT_DONE) bnc_work_tell(work);
  for (unsigned i = 0; i < work->notes; i++) free(work->note[i]);
  bnc_session_destroy(work->session);
  bnc_model_close(work->model);
  bnc_context_destroy(work->context);
  return bnc_console_finish(code);
}

int bnc_work_fail(bnc_work *work, bnc_status status, const char *where, const char *message) {
  bnc_progress_clear(&work->progress);
  if (status == BNC_ERROR_CANCELLED && bnc_interrupted()) return BNC_EXIT_INTERRUPTED;
  bnc_console_error("%s%s%s", where ? where : "", where ? ": " : "", message[0] ? message : "failed without saying why");
  return BNC_EXIT_FAILED;
}

int bnc_work_refuse(bnc_work *work, const char *format, ...) {
  char text[2048];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  bnc_progress_clear(&work->progress);
  bnc_console_error("%s", text);
  return BNC_EXIT_FAILED;
}

void bnc_work_note(bnc_work *work, const char *format, ...) {
  char text[2048];
  if (work->quiet) return;
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  if (work->telling) {
    bnc_progress_clear(&work->progress);
    bnc_console_error("%s", text);
  } else if (work->notes < BNC_NOTES_LIMIT && (work->note[work->notes] = strdup(text)) != NULL) {
    work->notes++;
  }
}

void bnc_work_tell(bnc_work *work) {
  if (work->notes) bnc_progress_clear(&work->progress);
  for (unsigned i = 0; i < work->notes; i++) {
    bnc_console_error("%s", work->note[i]);
    free(work->note[i]);
  }
  work->notes = 0;
  work->telling = true;
}

int bnc_work_check_output(bnc_work *work, const char *path) {
  struct stat st;
  if (stat(path, &st) == 0) {
    if (S_ISDIR(st.st_mode)) return bnc_work_refuse(work, "%s: is a folder, expected the name of a file to write", path);
    return access(path, W_OK) == 0 ? BNC_EXIT_DONE : bnc_work_refuse(work, "%s: cannot be written: %s", path, strerror(errno));
  }
  char folder[4096];
  const char *slash = strrchr(path, '/');
  const size_t length = !slash ? 1 : slash == path ? 1 : (size_t)(slash - path);
  if (length >= sizeof folder) return bnc_work_refuse(work, "%.60s...: the name is too long", path);
  memcpy(folder, slash ? path : ".", length);
  folder[length] = '\0';
  if (slash && !slash[1]) return bnc_work_refuse(work, "%s: is a folder, expected the name of a file to write", path);
  if (stat(folder, &st) != 0) return bnc_work_refuse(work, "%s: cannot be written: %s", path, strerror(errno));
  if (!S_ISDIR(st.st_mode)) return bnc_work_refuse(work, "%s: cannot be written: %s is no folder", path, folder);
  return access(folder, W_OK | X_OK) == 0 ? BNC_EXIT_DONE : bnc_work_refuse(work, "%s: cannot be written: %s", path, strerror(errno));
}

int bnc_work_check_vision(bnc_work *work, const char *path) {
  return work->info.image_rows ? BNC_EXIT_DONE : bnc_work_refuse(work, "%s: is a text-only model, it takes no picture", path);
}

int bnc_work_check_tokenizer(bnc_work *work, const char *path) {
  if (work->info.has_tokenizer) return BNC_EXIT_DONE;
  return bnc_work_refuse(
      work, "%s: has no tokenizer, since its checkpoint had no tokenizer.json; 'binocle score' takes ids instead of text", path);
}

const char *bnc_work_input(const char *path) { return strcmp(path, "-") == 0 ? "/dev/stdin" : path; }

int bnc_work_add_images(bnc_work *work, const bnc_text_list *images) {
  size_t standard = 0;
  for (size_t i = 0; i < images->count; i++) standard += strcmp(bnc_work_input(images->item[i]), "/dev/stdin") == 0;
  if (standard > 1) return bnc_work_refuse(work, "%zu pictures are to come from standard input, which holds one", standard);
  for (size_t i = 0; i < images->count; i++) {
    const bnc_status status = bnc_session_add_image_file(work->session, bnc_work_input(images->item[i]));
    if (status != BNC_OK) return bnc_work_fail(work, status, NULL, bnc_session_error(work->session));
  }
  return BNC_EXIT_DONE;
}
