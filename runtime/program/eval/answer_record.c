/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/program/eval/answer_record.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <yyjson.h>

#include "runtime/program/json_object.h"

static void put_front(bnc_json_object *json, const bnc_question *q, const bnc_answerer *by) {
  if (q->id)
    bnc_json_words(json, "id", q->id);
  else
    bnc_json_whole(json, "id", q->number);
  bnc_json_words(json, "category", q->category);
  if (q->images <= 1) {
    bnc_json_words(json, "image", q->images ? q->image[0] : NULL);
  } else {
    bnc_json_open(json, "image", "[");
    for (size_t i = 0; i < q->images; i++) bnc_json_words(json, NULL, q->image[i]);
    bnc_json_close(json, "]");
  }
  bnc_json_words(json, "question", q->text);
  bnc_json_open(json, "expected", "[");
  for (size_t i = 0; i < q->answers; i++) bnc_json_words(json, NULL, q->expected[i]);
  bnc_json_close(json, "]");
  bnc_json_words(json, "model", by->model);
  bnc_json_count(json, "max_tokens", by->max_tokens);
  if (by->form[0]) bnc_json_words(json, "form", by->form);
}

static void put_outcome(bnc_json_object *json, const bnc_answer_record *r) {
  bnc_json_text(json, "answer", r->answer, r->length);
  bnc_json_bool(json, "right", r->right);
  bnc_json_words(json, "finish", r->finish);
  if (r->error) bnc_json_words(json, "error", r->error);
  bnc_json_bool(json, "cut", r->cut);
  bnc_json_real(json, "seconds", r->seconds);
  bnc_json_real(json, "joules", r->joules);
  bnc_json_count(json, "prompt_tokens", r->prompt_tokens);
  bnc_json_count(json, "answer_tokens", r->answer_tokens);
}

static char *print(bnc_context *context, const bnc_question *question, const bnc_answerer *by, const bnc_answer_record *record,
                   size_t *length) {
  bnc_json_object json;
  char *text = NULL;
  FILE *file = open_memstream(&text, length);
  if (!file) return NULL;
  bnc_json_begin_in(&json, context, file);
  put_front(&json, question, by);
  if (record) {
    put_outcome(&json, record);
    bnc_json_end(&json);
  }
  const bool written = !ferror(file);
  if (fclose(file) == 0 && written && json.status == BNC_OK) return text;
  free(text);
  return NULL;
}

char *bnc_answer_record_line(bnc_context *context, const bnc_answer_record *record, size_t *length) {
  return print(context, record->question, &record->by, record, length);
}
char *bnc_answer_record_front(bnc_context *context, const bnc_question *question, const bnc_answerer *by, size_t *length) {
  return print(context, question, by, NULL, length);
}

static bool lacks(char why[BNC_WHY], const char *name, const char *expected) {
  snprintf(why, BNC_WHY, "\"%s\" is not %s: this is no line of answers", name, expected);
  return false;
}

static bool take_outcome(bnc_answer_record *r, yyjson_val *root, char why[BNC_WHY]) {
  yyjson_val *model = yyjson_obj_get(root, "model"), *answer = yyjson_obj_get(root, "answer"), *right = yyjson_obj_get(root, "right");
  yyjson_val *seconds = yyjson_obj_get(root, "seconds"), *joules = yyjson_obj_get(root, "joules"), *form = yyjson_obj_get(root, "form");
  if (!yyjson_is_str(model) || strlen(yyjson_get_str(model)) != BNC_MODEL_NAME - 1)
    return lacks(why, "model", "the fingerprint of a model");
  if (!yyjson_is_str(answer)) return lacks(why, "answer", "a text");
  if (!yyjson_is_bool(right)) return lacks(why, "right", "true or false");
  if (!yyjson_is_num(seconds) || !(yyjson_get_num(seconds) >= 0)) return lacks(why, "seconds", "a time");
  if (!yyjson_is_num(joules) && !yyjson_is_null(joules)) return lacks(why, "joules", "a number or null");
  if (form && (!yyjson_is_str(form) || yyjson_get_len(form) >= BNC_ANSWER_FORM)) return lacks(why, "form", "the name of a form");
  if (form) snprintf(r->by.form, sizeof r->by.form, "%s", yyjson_get_str(form));
  memcpy(r->by.model, yyjson_get_str(model), BNC_MODEL_NAME);
  r->by.max_tokens = yyjson_get_uint(yyjson_obj_get(root, "max_tokens"));
  r->answer = yyjson_get_str(answer);
  r->length = yyjson_get_len(answer);
  r->right = yyjson_get_bool(right);
  r->seconds = yyjson_get_num(seconds);
  r->joules = yyjson_is_num(joules) ? yyjson_get_num(joules) : (double)NAN;
  r->prompt_tokens = yyjson_get_uint(yyjson_obj_get(root, "prompt_tokens"));
  r->answer_tokens = yyjson_get_uint(yyjson_obj_get(root, "answer_tokens"));
  r->finish = yyjson_get_str(yyjson_obj_get(root, "finish"));
  r->error = yyjson_get_str(yyjson_obj_get(root, "error"));
  r->cut = yyjson_get_bool(yyjson_obj_get(root, "cut"));
  return true;
}

bool bnc_answer_record_parse(bnc_answer_record *record, bnc_question *question, const char *line, size_t length, uint64_t number,
                             char why[BNC_WHY]) {
  *record = (bnc_answer_record){.question = question};
  if (!bnc_question_parse(question, BNC_QUESTION_ANSWERED, line, length, number, why)) return false;
  if (take_outcome(record, yyjson_doc_get_root(question->document), why)) return true;
  bnc_question_free(question);
  return false;
}
