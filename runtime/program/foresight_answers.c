/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "runtime/program/eval/question_set.h"
#include "runtime/program/foresight_reading.h"

/* The question that is read. */
typedef struct asking {
  const char *file;
  const bnc_question *question;
  char where[BNC_WHY];
} asking;

static int show_pictures(bnc_reading *r, bnc_session *session, const asking *a) {
  bnc_session_reset(session);
  for (size_t i = 0; i < a->question->images; i++) {
    char *path = bnc_question_picture(a->file, a->question->image[i]);
    if (!path) return bnc_work_refuse(r->w, "out of memory");
    const bnc_status status = bnc_session_add_image_file(session, path);
    free(path);
    if (status != BNC_OK) return bnc_reading_fail(r, session, status, a->where);
  }
  return BNC_EXIT_DONE;
}

/* The first id is foreseen behind the question, each other one behind the one before. */
static int read_answer(bnc_reading *r, bnc_session *session, bnc_on_logits take) {
  const asking *a = r->user;
  const float *logits;
  size_t columns;
  int code = show_pictures(r, session, a);
  if (code != BNC_EXIT_DONE) return code;
  bnc_status status = bnc_session_ask(session, a->question->text);
  if (status == BNC_OK) status = bnc_session_logits(session, &logits, &columns);
  if (status != BNC_OK) return bnc_reading_fail(r, session, status, a->where);
  r->at = 0;
  if (take(r, 0, 1, logits, columns) != 0) return BNC_EXIT_INTERRUPTED;
  r->at = 1;
  if (r->count > 1) status = bnc_session_append_each(session, r->ids, r->count - 1, take, r);
  return status == BNC_OK ? BNC_EXIT_DONE : bnc_reading_fail(r, session, status, a->where);
}

static int foresee_answer(bnc_reading *r, asking *a) {
  int32_t *ids;
  size_t count;
  snprintf(a->where, sizeof a->where, "%.200s: line %" PRIu64, a->file, a->question->line);
  const bnc_status status = bnc_session_answer_ids(r->session[0], a->question->expected[0], &ids, &count);
  if (status != BNC_OK) return bnc_reading_fail(r, r->session[0], status, a->where);
  r->ids = r->next = ids;
  r->count = count < BNC_PIECE ? count : BNC_PIECE;
  const int code = count ? bnc_read_in_turn(r, read_answer) : BNC_EXIT_DONE;
  bnc_tokens_free(ids);
  r->found->questions += count > 0;
  return bnc_interrupted() ? BNC_EXIT_INTERRUPTED : code;
}

/* Pictures of a question are often the next one's, too. */
static int keep_pictures(const bnc_reading *r) {
  bnc_status status = bnc_model_keep_pictures(r->w->model, 1);
  if (status == BNC_OK && r->reference_model) status = bnc_model_keep_pictures(r->reference_model, 1);
  return status == BNC_OK ? BNC_EXIT_DONE : bnc_work_refuse(r->w, "out of memory for a picture");
}

int bnc_foresee_answers(bnc_reading *r, const char *questions) {
  bnc_question_set set = {0};
  char why[BNC_WHY];
  asking a = {.file = questions};
  int code = bnc_question_set_load(&set, questions, why) ? keep_pictures(r) : bnc_work_refuse(r->w, "%s: %s", questions, why);
  r->user = &a;
  for (size_t i = 0; code == BNC_EXIT_DONE && i < set.count; i++) {
    a.question = &set.question[i];
    r->w->whole_done = (double)i / (double)set.count;
    code = foresee_answer(r, &a);
  }
  if (code == BNC_EXIT_DONE && r->found->questions == 0) code = bnc_work_refuse(r->w, "%s: has no questions", questions);
  bnc_question_set_free(&set);
  return code;
}
