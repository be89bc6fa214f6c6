/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/program/question_rows.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/program/bus_guard.h"
#include "runtime/program/eval/question_set.h"
#include "runtime/program/input_watch.h"

typedef struct reading {
  bnc_work *work;
  const char *questions;
  bnc_question_set set;
  bnc_model *model;
  bnc_model_info info;
  bnc_session *session;
  bnc_question_rows *found;
  bnc_input_watch watch;
  size_t rows; /* found so far */
} reading;

bool bnc_is_questions(const char *path) {
  static const char suffix[] = ".jsonl";
  const size_t length = strlen(path);
  return length >= sizeof suffix && strcmp(path + length - (sizeof suffix - 1), suffix) == 0;
}

void bnc_question_rows_free(bnc_question_rows *rows) {
  free(rows->rows);
  free(rows->length);
  bnc_moments_free(rows->moments);
  *rows = (bnc_question_rows){0};
}

static int read_questions(reading *r) {
  char why[BNC_WHY];
  const bool ok = bnc_question_set_load(&r->set, r->questions, why);
  if (bnc_interrupted()) return BNC_EXIT_INTERRUPTED;
  if (!ok) return bnc_work_refuse(r->work, "%s: %s", r->questions, why);
  if (r->set.count == 0) return bnc_work_refuse(r->work, "%s: has no questions", r->questions);
  r->found->length = malloc(r->set.count * sizeof *r->found->length);
  return r->found->length ? BNC_EXIT_DONE : bnc_work_refuse(r->work, "out of memory for %zu questions", r->set.count);
}

/* A model with eyes, and just enough of a text model to be one. The file goes at once: it stays mapped. */
static int open_model(reading *r, const bnc_compile_options *options) {
  char path[4096];
  bnc_compile_options eyes = *options;
  const int length = snprintf(path, sizeof path, "%s.eyes", options->output);
  if (length < 0 || (size_t)length >= sizeof path) return bnc_work_refuse(r->work, "%.60s...: the name is too long", options->output);
  eyes.output = path;
  eyes.calibration = eyes.report = NULL;
  eyes.packed = 0;
  eyes.text_layers = 1;
  eyes.rotation = BNC_ROTATION_OFF; /* calibration turns the rows itself */
  const bool quiet = r->work->quiet;
  r->work->quiet = true; /* what it says the model itself will say */
  bnc_status status = bnc_compile(r->work->context, &eyes);
  r->work->quiet = quiet;
  bnc_bus_guard(path);
  if (status == BNC_OK) status = bnc_model_open(r->work->context, path, &r->model);
  if (status == BNC_OK) status = bnc_model_get_info(r->model, &r->info);
  if (status == BNC_OK) status = bnc_model_keep_pictures(r->model, 1);
  if (status == BNC_OK) status = bnc_session_create(r->model, &r->session);
  unlink(path);
  if (status == BNC_OK) status = bnc_moments_create(r->work->context, &r->found->moments);
  r->watch.moments = r->found->moments;
  if (status == BNC_OK) bnc_session_observe_inputs(r->session, bnc_input_watch_add, &r->watch);
  if (status == BNC_OK && !r->info.has_tokenizer)
    return bnc_work_refuse(r->work, "%s: calibration needs the checkpoint's tokenizer.json", options->checkpoint);
  return status == BNC_OK ? BNC_EXIT_DONE : bnc_work_fail(r->work, status, NULL, bnc_context_error(r->work->context));
}

static int fail(const reading *r, const bnc_question *q, bnc_status status) {
  char where[BNC_WHY];
  snprintf(where, sizeof where, "%.200s: line %" PRIu64, r->questions, q->line);
  return bnc_work_fail(r->work, status, where, bnc_session_error(r->session));
}

static int show_pictures(const reading *r, const bnc_question *q) {
  bnc_session_reset(r->session);
  for (size_t i = 0; i < q->images; i++) {
    char *path = bnc_question_picture(r->questions, q->image[i]);
    if (!path) return bnc_work_refuse(r->work, "out of memory");
    const bnc_status status = bnc_session_add_image_file(r->session, path);
    free(path);
    if (status != BNC_OK) return fail(r, q, status);
  }
  return BNC_EXIT_DONE;
}

static int keep(reading *r, const bnc_array *rows) {
  bnc_question_rows *f = r->found;
  const size_t hidden = r->info.hidden, count = rows->shape[0];
  if (r->rows + count > f->room) {
    const size_t room = r->rows + count + f->room;
    float *grown = realloc(f->rows, room * hidden * sizeof *grown);
    if (!grown) return bnc_work_refuse(r->work, "out of memory for %zu rows of %zu columns", room, hidden);
    f->rows = grown;
    f->room = room;
  }
  memcpy(f->rows + r->rows * hidden, rows->values, count * hidden * sizeof *f->rows);
  f->length[f->prompts.count++] = count;
  r->rows += count;
  return BNC_EXIT_DONE;
}

static int add_question(reading *r, const bnc_question *q) {
  const bnc_exchange exchange = {q->text, q->answers ? q->expected[0] : NULL};
  bnc_array rows;
  int code = show_pictures(r, q);
  if (code != BNC_EXIT_DONE) return code;
  const bnc_status status = bnc_session_prompt_rows(r->session, &exchange, 1, &rows);
  if (status != BNC_OK) return fail(r, q, status);
  code = keep(r, &rows);
  bnc_array_free(&rows);
  if (r->watch.status != BNC_OK) return bnc_work_refuse(r->work, "out of memory for what vision's matrices read");
  return bnc_interrupted() ? BNC_EXIT_INTERRUPTED : code;
}

/* Questions about a picture stand beside each other: the first one's rows tell how far apart to take them. */
static int add_questions(reading *r) {
  const size_t count = r->set.count;
  int code = add_question(r, &r->set.question[0]);
  const size_t fit = code == BNC_EXIT_DONE ? BNC_CALIBRATION_ROWS / r->found->length[0] + 1 : 1, taken = fit < count ? fit : count;
  r->work->whole = "looking at pictures to calibrate on";
  for (size_t i = 1; code == BNC_EXIT_DONE && i < taken; i++) {
    r->work->whole_done = (double)i / (double)taken;
    code = add_question(r, &r->set.question[i * count / taken]);
  }
  r->work->whole = NULL;
  return code;
}

int bnc_question_rows_read(bnc_work *work, const bnc_compile_options *options, const char *questions, bnc_question_rows *found) {
  reading r = {.work = work, .questions = questions, .info = {.size = sizeof r.info}, .found = found};
  *found = (bnc_question_rows){0};
  int code = read_questions(&r);
  if (code == BNC_EXIT_DONE) code = open_model(&r, options);
  if (code == BNC_EXIT_DONE) code = add_questions(&r);
  found->prompts.rows = found->rows;
  found->prompts.length = found->length;
  found->prompts.hidden = r.info.hidden;
  free(r.watch.rows);
  bnc_session_destroy(r.session);
  bnc_model_close(r.model);
  bnc_question_set_free(&r.set);
  return code;
}
