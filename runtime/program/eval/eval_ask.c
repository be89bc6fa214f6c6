/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/program/answer.h"
#include "runtime/program/eval/answer_match.h"
#include "runtime/program/eval/eval.h"

static const char *name_of(const char *path, const char *standard) { return strcmp(path, "-") == 0 ? standard : path; }

static int read_questions(bnc_eval *e) {
  char why[BNC_WHY];
  const bool standard = strcmp(e->questions, "-") == 0;
  const bool ok = bnc_question_set_load(&e->set, e->questions, why);
  if (bnc_interrupted()) return BNC_EXIT_INTERRUPTED;
  if (!ok) return bnc_work_refuse(&e->work, "%s: %s", name_of(e->questions, "standard input"), why);
  if (e->set.count == 0 && !standard) return bnc_work_refuse(&e->work, "%s: has no questions", e->questions);
  return bnc_question_set_share(&e->set, e->shard - 1, e->shards)
             ? BNC_EXIT_DONE
             : bnc_work_refuse(&e->work, "out of memory for %zu questions", e->set.count);
}

static void say_line(const bnc_eval *e, const bnc_question *question, char where[BNC_WHY]) {
  snprintf(where, BNC_WHY, "%.200s: line %" PRIu64, name_of(e->questions, "standard input"), question->line);
}

/* Before hours of work: the model has eyes, and with --strict every picture is there. */
static int check_pictures(bnc_eval *e) {
  char where[BNC_WHY];
  for (size_t i = 0; i < e->set.count; i++) {
    const bnc_question *q = &e->set.question[i];
    if (q->images && !e->work.info.image_rows) return bnc_work_check_vision(&e->work, e->model);
    for (size_t k = 0; e->strict && k < q->images; k++) {
      char *path = bnc_question_picture(e->questions, q->image[k]);
      const bool there = path && access(path, R_OK) == 0;
      const int problem = path ? errno : ENOMEM;
      say_line(e, q, where);
      if (!there) bnc_work_refuse(&e->work, "%s: %s: %s", where, path ? path : q->image[k], strerror(problem));
      free(path);
      if (!there) return BNC_EXIT_FAILED;
    }
  }
  return BNC_EXIT_DONE;
}

static int open_answers(bnc_eval *e) {
  char why[BNC_WHY];
  bool ok = bnc_answers_file_open(&e->file, e->output, why);
  if (ok && e->force) ok = bnc_answers_file_clear(&e->file, why);
  if (ok) ok = bnc_answers_file_resume(&e->file, e->work.context, &e->set, &e->by, &e->results, why);
  if (!ok) return bnc_work_refuse(&e->work, "%s: %s", name_of(e->output, "standard output"), why);
  e->resumed = e->results.count;
  return BNC_EXIT_DONE;
}

/* The pictures of this question, unless the session has seen them for the last one. `problem` is filled in where one cannot be read. */
static int show_pictures(bnc_eval *e, const bnc_question *question, const bnc_question *last, const char *where, char problem[BNC_WHY]) {
  if (last && bnc_question_compare_images(question, last) == 0) {
    bnc_session_restart(e->work.session);
    return BNC_EXIT_DONE;
  }
  bnc_session_reset(e->work.session);
  for (size_t i = 0; i < question->images; i++) {
    char *path = bnc_question_picture(e->questions, question->image[i]);
    if (!path) return bnc_work_refuse(&e->work, "out of memory");
    const bnc_status status = bnc_session_add_image_file(e->work.session, path);
    free(path);
    if (status == BNC_OK) continue;
    const char *message = bnc_session_error(e->work.session);
    const bool of_picture =
        status == BNC_ERROR_IO || status == BNC_ERROR_FORMAT || status == BNC_ERROR_UNSUPPORTED || status == BNC_ERROR_LIMIT;
    if (e->strict || !of_picture) return bnc_work_fail(&e->work, status, where, message);
    bnc_work_note(&e->work, "%s: %s", where, message);
    snprintf(problem, BNC_WHY, "%s", message);
    return BNC_EXIT_DONE;
  }
  return BNC_EXIT_DONE;
}

static int record(bnc_eval *e, const bnc_answer_record *r) {
  char why[BNC_WHY];
  size_t length;
  char *line = bnc_answer_record_line(e->work.context, r, &length);
  if (!line) return bnc_work_refuse(&e->work, "out of memory for an answer");
  const bool written = bnc_answers_file_append(&e->file, line, length, why);
  free(line);
  if (!written) return bnc_work_refuse(&e->work, "%s: %s", name_of(e->output, "standard output"), why);
  return bnc_results_add(&e->results, r, r->question->category) ? BNC_EXIT_DONE : bnc_work_refuse(&e->work, "out of memory");
}

static void take_answer(bnc_answer_record *r, const bnc_eval *e, const bnc_answer *answer) {
  static const char *const finishes[] = {"stop", "length", "context"};
  r->answer = answer->text ? answer->text : "";
  r->length = answer->length;
  r->cut = answer->cut;
  r->finish = finishes[answer->finish];
  r->right = bnc_answer_matches_any(r->answer, r->length, r->question->expected, r->question->answers);
  r->answer_tokens = answer->tokens;
  /* All rows of the prompt, those of the picture and those that were not computed again included; the last token told is not in the cache.
   */
  r->prompt_tokens = bnc_session_rows(e->work.session) - (answer->tokens ? answer->tokens - 1 : 0);
}

/* *last: the question whose pictures the session holds, or NULL; this one afterwards. */
static int answer_one(bnc_eval *e, bnc_answer *answer, const bnc_question *question, const bnc_question **last) {
  const bnc_answer_options options = {.max_tokens = e->max_tokens, .top_p = 1};
  char where[BNC_WHY], problem[BNC_WHY] = "";
  say_line(e, question, where);
  bnc_answer_clear(answer);
  const double joules = bnc_joules_now(&e->joules), start = bnc_seconds();
  int code = show_pictures(e, question, *last, where, problem);
  *last = problem[0] ? NULL : question;
  if (code == BNC_EXIT_DONE && !problem[0]) code = bnc_answer_ask(answer, question->text, &options);
  if (code != BNC_EXIT_DONE) return code;
  if (bnc_interrupted()) return BNC_EXIT_INTERRUPTED;
  bnc_answer_record r = {.question = question, .by = e->by, .answer = "", .finish = "error", .error = problem[0] ? problem : NULL};
  if (!r.error) take_answer(&r, e, answer);
  r.seconds = bnc_seconds() - start;
  r.joules = bnc_joules_now(&e->joules) - joules;
  return record(e, &r);
}

static int answer_all(bnc_eval *e) {
  bnc_answer answer = {.work = &e->work, .one_of_many = true};
  const size_t first = e->resumed, count = e->set.count;
  const bnc_question *last = NULL;
  int code = BNC_EXIT_DONE;
  e->work.whole = "answering questions";
  for (size_t i = first; code == BNC_EXIT_DONE && i < count; i++) {
    e->work.whole_done = (double)(i - first) / (double)(count - first);
    bnc_progress_show(&e->work.progress, e->work.whole, e->work.whole_done);
    code = answer_one(e, &answer, &e->set.question[i], &last);
  }
  e->work.whole = NULL;
  bnc_answer_free(&answer);
  bnc_progress_clear(&e->work.progress);
  if (code == BNC_EXIT_INTERRUPTED && !e->work.quiet && e->file.regular)
    bnc_console_error("%zu of %zu questions are answered; the same command goes on from there", e->results.count, count);
  return code;
}

static int prepare(bnc_eval *e) {
  int code = bnc_work_open_model(&e->work, e->model);
  if (code == BNC_EXIT_DONE) code = bnc_work_check_tokenizer(&e->work, e->model);
  if (code == BNC_EXIT_DONE) code = check_pictures(e);
  if (code != BNC_EXIT_DONE) return code;
  snprintf(e->by.model, sizeof e->by.model, "%016" PRIx64, e->work.info.fingerprint);
  e->by.max_tokens = e->max_tokens;
  snprintf(e->by.form, sizeof e->by.form, "%s", e->form.name);
  return open_answers(e);
}

int bnc_eval_ask(bnc_eval *e) {
  char why[BNC_WHY];
  int code = read_questions(e);
  if (code == BNC_EXIT_DONE && strcmp(e->output, "-") != 0) code = bnc_work_check_output(&e->work, e->output);
  if (code == BNC_EXIT_DONE) code = bnc_form_load(&e->work, &e->form);
  if (code == BNC_EXIT_DONE) code = prepare(e);
  if (code == BNC_EXIT_DONE) code = bnc_joules_begin(&e->joules, &e->work);
  if (code == BNC_EXIT_DONE && e->resumed < e->set.count) code = bnc_work_open_session(&e->work);
  if (code == BNC_EXIT_DONE && e->work.session) code = bnc_form_apply(&e->work, &e->form);
  if (code == BNC_EXIT_DONE) code = answer_all(e);
  bnc_joules_end(&e->joules, &e->work);
  if (!bnc_answers_file_close(&e->file, code == BNC_EXIT_DONE, why) && code == BNC_EXIT_DONE)
    code = bnc_work_refuse(&e->work, "%s: %s", name_of(e->output, "standard output"), why);
  return code;
}
