/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/program/answer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool keep(bnc_answer *answer, const char *text, size_t length) {
  if (length > answer->room - answer->length) {
    const size_t room = 2 * answer->room + length + 256;
    char *grown = realloc(answer->text, room);
    if (!grown) return false;
    answer->text = grown;
    answer->room = room;
  }
  memcpy(answer->text + answer->length, text, length);
  answer->length += length;
  return true;
}

/* Writes text to the terminal without what would steer it. */
static void write_plain(const char *text, size_t length) {
  for (size_t i = 0; i < length; i++) {
    const unsigned char c = (unsigned char)text[i];
    bnc_console_write((c < ' ' && c != '\n' && c != '\t') || c == 127 ? "?" : text + i, 1);
  }
}

static int on_text(void *user, int32_t id, const char *text, size_t length) {
  bnc_answer *answer = user;
  bnc_work *work = answer->work;
  if (id >= 0 && answer->tokens++ == 0) {
    answer->first_token = bnc_seconds() - (answer->joules ? answer->joules->reading : 0);
    answer->first_joules = answer->joules ? bnc_joules_now(answer->joules) : (double)NAN;
  }
  if (!answer->begun && !answer->one_of_many) {
    bnc_progress_clear(&work->progress);
    bnc_work_tell(work);
  }
  answer->begun = true;
  answer->said = answer->said || length > 0;
  if (length && answer->stream) {
    if (isatty(STDOUT_FILENO))
      write_plain(text, length);
    else
      bnc_console_write(text, length);
    answer->ends_line = text[length - 1] == '\n';
    answer->output_failed = !bnc_console_flush();
  } else if (length) {
    answer->out_of_memory = !keep(answer, text, length);
  }
  return bnc_interrupted() || answer->output_failed || answer->out_of_memory;
}

int bnc_answer_check_question(bnc_work *work, const char *question, size_t pictures) {
  char *json = NULL;
  size_t named = 0;
  const bnc_status status = bnc_json_string(work->context, question, strlen(question), &json); /* fails where this is no UTF-8 */
  bnc_string_free(json);
  if (status != BNC_OK) return bnc_work_fail(work, status, "the question", bnc_context_error(work->context));
  for (const char *at = question; (at = strstr(at, "<image>")) != NULL; at++) named++;
  if (named == 0 || named == pictures) return BNC_EXIT_DONE;
  return bnc_work_refuse(
      work, "the question has %zu <image>, but %zu picture%s given; expected as many, or no <image>: then the pictures come first", named,
      pictures, pictures == 1 ? " is" : "s are");
}

int bnc_answer_prepare(bnc_work *work, const bnc_answer_options *options) {
  bnc_status status = options->restore ? bnc_session_restore(work->session, options->restore) : BNC_OK;
  if (status == BNC_OK && options->system) status = bnc_session_set_system(work->session, options->system);
  if (status != BNC_OK) return bnc_work_fail(work, status, NULL, bnc_session_error(work->session));
  bnc_form form = options->form;
  int code = bnc_form_load(work, &form);
  if (code == BNC_EXIT_DONE) code = bnc_form_apply(work, &form);
  bnc_form_free(&form);
  return code;
}

int bnc_answer_save(bnc_work *work, const bnc_answer_options *options) {
  if (!options->save) return BNC_EXIT_DONE;
  const bnc_status status = bnc_session_save(work->session, options->save);
  return status == BNC_OK ? BNC_EXIT_DONE : bnc_work_fail(work, status, NULL, bnc_session_error(work->session));
}

const char *const bnc_answer_drafts[] = {"none", "lookup", NULL};

int bnc_answer_ask(bnc_answer *answer, const char *question, const bnc_answer_options *options) {
  bnc_work *work = answer->work;
  bnc_sampling sampling;
  bnc_status status = bnc_session_ask(work->session, question);
  if (status == BNC_OK) {
    answer->cut = bnc_session_was_cut(work->session) != 0;
    if (answer->cut && !answer->one_of_many)
      bnc_work_note(work, "the prompt was cut to its first %u rows, the most that this model reads; 'binocle compile --context' sets that",
                    work->info.prompt_limit);
    bnc_sampling_init(&sampling);
    sampling.temperature = options->temperature;
    sampling.top_p = options->top_p;
    sampling.top_k = (uint32_t)options->top_k;
    sampling.seed = options->seed;
    sampling.draft = options->draft;
    sampling.max_tokens = (uint32_t)options->max_tokens;
    sampling.stop = options->stop.item;
    sampling.stop_count = options->stop.count;
    status = bnc_session_generate(work->session, &sampling, on_text, answer, &answer->finish);
  }
  if (!answer->one_of_many) bnc_progress_clear(&work->progress);
  if (answer->stream && !answer->ends_line && (status == BNC_OK || answer->begun)) bnc_console_write("\n", 1);
  if (status != BNC_OK) return bnc_work_fail(work, status, NULL, bnc_session_error(work->session));
  if (answer->out_of_memory) return bnc_work_refuse(work, "out of memory for the answer");
  if (answer->stream && !bnc_console_flush()) return BNC_EXIT_FAILED; /* bnc_console_finish says it */
  if (answer->one_of_many) return BNC_EXIT_DONE;
  bnc_work_tell(work);
  if (!answer->said && answer->finish != BNC_FINISH_CALLER) bnc_work_note(work, "the model's answer is empty");
  if (answer->finish == BNC_FINISH_CONTEXT) bnc_work_note(work, "the answer ends here: the context of %u rows is full", work->info.context);
  return BNC_EXIT_DONE;
}

void bnc_answer_clear(bnc_answer *answer) {
  *answer = (bnc_answer){
      .work = answer->work, .stream = answer->stream, .one_of_many = answer->one_of_many, .text = answer->text, .room = answer->room};
}

void bnc_answer_free(bnc_answer *answer) { free(answer->text); }
