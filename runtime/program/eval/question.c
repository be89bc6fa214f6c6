/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/program/eval/question.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/program/json_value.h"

__attribute__((format(printf, 2, 3))) static bool wrong(char why[BNC_WHY], const char *format, ...) {
  va_list args;
  va_start(args, format);
  vsnprintf(why, BNC_WHY, format, args);
  va_end(args);
  return false;
}

/* A text without NUL inside; *text stays where value is NULL. */
static bool take_text(yyjson_val *value, const char *name, const char **text, char why[BNC_WHY]) {
  if (!value) return true;
  if (!yyjson_is_str(value)) return wrong(why, "\"%s\" is %s, expected a text", name, bnc_json_kind(value));
  if (strlen(yyjson_get_str(value)) != yyjson_get_len(value)) return wrong(why, "\"%s\" is a text with a NUL inside", name);
  *text = yyjson_get_str(value);
  return true;
}

/* One text or a list of them, into list [*count]. */
static bool take_texts(yyjson_val *value, const char *name, const char **list, size_t *count, char why[BNC_WHY]) {
  yyjson_val *item;
  yyjson_arr_iter items;
  if (!value) return true;
  if (!yyjson_is_arr(value)) return take_text(value, name, &list[(*count)++], why);
  for (yyjson_arr_iter_init(value, &items); (item = yyjson_arr_iter_next(&items)) != NULL;) {
    if (!yyjson_is_str(item))
      return wrong(why, "\"%s\" has %s as number %zu of its list, expected a text", name, bnc_json_kind(item), *count + 1);
    if (!take_text(item, name, &list[(*count)++], why)) return false;
  }
  return true;
}

/* The one of two names that is given. */
static bool choose(yyjson_val *root, const char *first, const char *second, yyjson_val **value, const char **name, char why[BNC_WHY]) {
  yyjson_val *a = bnc_json_member(root, first), *b = second ? bnc_json_member(root, second) : NULL;
  if (a && b) return wrong(why, "has both \"%s\" and \"%s\", expected one of them", first, second);
  *value = a ? a : b;
  *name = b ? second : first;
  return true;
}

static size_t items_of(yyjson_val *value) { return yyjson_is_arr(value) ? yyjson_arr_size(value) : value != NULL; }

static bool take_id(bnc_question *q, yyjson_val *value, char why[BNC_WHY]) {
  q->number = (int64_t)q->line;
  if (!value) return true;
  if (yyjson_is_str(value)) return take_text(value, "id", &q->id, why);
  if (!yyjson_is_int(value) || (yyjson_is_uint(value) && yyjson_get_uint(value) > INT64_MAX))
    return wrong(why, "\"id\" is %s, expected a text or a whole number of 64 bits", bnc_json_kind(value));
  q->number = yyjson_get_sint(value);
  return true;
}

/* "<image>" stands for each picture, or nowhere. */
static bool check_places(const bnc_question *q, char why[BNC_WHY]) {
  size_t named = 0;
  for (const char *at = q->text; (at = strstr(at, "<image>")) != NULL; at++) named++;
  if (named == 0 || named == q->images) return true;
  return wrong(
      why, "\"question\" has %zu <image>, but the line names %zu pictures; expected as many, or no <image>: then the pictures come first",
      named, q->images);
}

static bool take(bnc_question *q, bnc_question_kind kind, yyjson_val *root, char why[BNC_WHY]) {
  yyjson_val *images, *answers;
  const char *images_name, *answers_name;
  const bool asked = kind == BNC_QUESTION_ASKED;
  if (!yyjson_is_obj(root))
    return wrong(why, "is %s, expected an object such as {\"image\": ..., \"question\": ..., \"answers\": [...]}", bnc_json_kind(root));
  if (!choose(root, "image", asked ? "images" : NULL, &images, &images_name, why)) return false;
  if (!choose(root, asked ? "answers" : "expected", asked ? "answer" : NULL, &answers, &answers_name, why)) return false;
  if (items_of(images) > BNC_QUESTION_IMAGES)
    return wrong(why, "\"%s\" names %zu pictures, expected at most %d", images_name, items_of(images), BNC_QUESTION_IMAGES);
  q->image = calloc(items_of(images) + items_of(answers) + 1, sizeof *q->image);
  if (!q->image) return wrong(why, "out of memory");
  q->expected = q->image + items_of(images);
  if (!take_texts(images, images_name, q->image, &q->images, why) || !take_texts(answers, answers_name, q->expected, &q->answers, why) ||
      !take_text(bnc_json_member(root, "question"), "question", &q->text, why) ||
      !take_text(bnc_json_member(root, "category"), "category", &q->category, why) || !take_id(q, bnc_json_member(root, "id"), why))
    return false;
  for (size_t i = 0; i < q->images; i++)
    if (!q->image[i][0]) return wrong(why, "\"%s\" is empty, expected the path of a picture", images_name);
  if (!q->text || !q->text[0]) return wrong(why, "\"question\" is %s, expected a text", q->text ? "empty" : "missing");
  if (q->answers == 0) return wrong(why, "\"%s\" is %s, expected the texts that are right", answers_name, answers ? "empty" : "missing");
  return check_places(q, why);
}

/* Which of two equal keys counts is nowhere said, so neither does. Values lie one behind the other; lines are short. */
static bool check_keys(yyjson_doc *document, char why[BNC_WHY]) {
  yyjson_val *root = yyjson_doc_get_root(document), *key, *earlier;
  for (size_t i = 0; i < yyjson_doc_get_val_count(document); i++) {
    yyjson_obj_iter members, before;
    if (!yyjson_obj_iter_init(root + i, &members)) continue;
    for (size_t count = 0; (key = yyjson_obj_iter_next(&members)) != NULL; count++) {
      yyjson_obj_iter_init(root + i, &before);
      for (size_t k = 0; k < count; k++) {
        earlier = yyjson_obj_iter_next(&before);
        if (yyjson_equals(earlier, key)) return wrong(why, "has \"%.100s\" twice, expected each key once", yyjson_get_str(key));
      }
    }
  }
  return true;
}

bool bnc_question_parse(bnc_question *question, bnc_question_kind kind, const char *line, size_t length, uint64_t number,
                        char why[BNC_WHY]) {
  yyjson_read_err problem;
  *question = (bnc_question){.line = number};
  /* Without YYJSON_READ_INSITU the text is only read; the parameter is not const for the sake of that flag. */
  yyjson_doc *document = yyjson_read_opts((char *)(uintptr_t)line, length, YYJSON_READ_NOFLAG, NULL, &problem);
  if (!document) return wrong(why, "is no valid JSON: %s at byte %zu", problem.msg, problem.pos + 1);
  question->document = document;
  if (check_keys(document, why) && take(question, kind, yyjson_doc_get_root(document), why)) return true;
  bnc_question_free(question);
  return false;
}

void bnc_question_free(bnc_question *question) {
  yyjson_doc_free(question->document);
  free(question->image);
  *question = (bnc_question){0};
}

static int compare_texts(const char *const *a, size_t a_count, const char *const *b, size_t b_count) {
  for (size_t i = 0; i < a_count && i < b_count; i++) {
    const int order = strcmp(a[i], b[i]);
    if (order) return order;
  }
  return (a_count > b_count) - (a_count < b_count);
}

int bnc_question_compare_images(const bnc_question *a, const bnc_question *b) {
  return compare_texts(a->image, a->images, b->image, b->images);
}

static bool same(const char *a, const char *b) { return a && b ? strcmp(a, b) == 0 : a == b; }

const char *bnc_question_difference(const bnc_question *a, const bnc_question *b) {
  if (!same(a->id, b->id) || (!a->id && a->number != b->number)) return "id";
  if (bnc_question_compare_images(a, b) != 0) return "image";
  if (!same(a->text, b->text)) return "question";
  if (!same(a->category, b->category)) return "category";
  if (compare_texts(a->expected, a->answers, b->expected, b->answers) != 0) return "expected";
  return NULL;
}
