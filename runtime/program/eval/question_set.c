/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/program/eval/question_set.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool add(bnc_question_set *set, const bnc_question *question) {
  if (set->count == set->room) {
    const size_t room = set->room ? 2 * set->room : 64;
    bnc_question *grown = realloc(set->question, room * sizeof *grown);
    if (!grown) return false;
    set->question = grown;
    set->room = room;
  }
  set->question[set->count++] = *question;
  return true;
}

static bool take_line(bnc_question_set *set, const bnc_lines *lines, char why[BNC_WHY]) {
  bnc_question question;
  char problem[BNC_WHY];
  bool ok = bnc_question_parse(&question, BNC_QUESTION_ASKED, lines->text, lines->length, lines->number, problem);
  if (ok && !add(set, &question)) {
    bnc_question_free(&question);
    snprintf(problem, sizeof problem, "out of memory");
    ok = false;
  }
  if (!ok) snprintf(why, BNC_WHY, "line %llu: %.*s", (unsigned long long)lines->number, BNC_WHY - 32, problem);
  return ok;
}

bool bnc_question_set_read(bnc_question_set *set, FILE *file, char why[BNC_WHY]) {
  bnc_lines lines = {.file = file, .limit = BNC_QUESTION_LIMIT};
  bnc_line line;
  *set = (bnc_question_set){0};
  while ((line = bnc_lines_next(&lines, why)) == BNC_LINE_READ)
    if (!bnc_lines_blank(&lines) && !take_line(set, &lines, why)) break;
  free(lines.text);
  return line == BNC_LINE_END;
}

bool bnc_question_set_load(bnc_question_set *set, const char *path, char why[BNC_WHY]) {
  const bool standard = strcmp(path, "-") == 0;
  FILE *file = standard ? stdin : fopen(path, "r");
  *set = (bnc_question_set){0};
  if (!file) {
    snprintf(why, BNC_WHY, "%s", strerror(errno));
    return false;
  }
  const bool ok = bnc_question_set_read(set, file, why);
  if (!standard) fclose(file);
  return ok;
}

char *bnc_question_picture(const char *questions, const char *image) {
  const char *slash = strrchr(questions, '/');
  const size_t folder = image[0] == '/' || !slash ? 0 : (size_t)(slash + 1 - questions), length = strlen(image);
  char *path = malloc(folder + length + 1);
  if (!path) return NULL;
  memcpy(path, questions, folder);
  memcpy(path + folder, image, length + 1);
  return path;
}

typedef struct place {
  bnc_question question;
  uint64_t first; /* line of the group's first question */
} place;

static int by_pictures(const void *a, const void *b) {
  const bnc_question *x = &((const place *)a)->question, *y = &((const place *)b)->question;
  const int order = bnc_question_compare_images(x, y);
  return order ? order : (x->line > y->line) - (x->line < y->line);
}

static int by_group(const void *a, const void *b) {
  const place *x = a, *y = b;
  if (x->first != y->first) return x->first > y->first ? 1 : -1;
  return (x->question.line > y->question.line) - (x->question.line < y->question.line);
}

bool bnc_question_set_share(bnc_question_set *set, uint64_t index, uint64_t of) {
  const size_t count = set->count;
  place *places = malloc((count + 1) * sizeof *places);
  if (!places) return false;
  for (size_t i = 0; i < count; i++) places[i] = (place){set->question[i], set->question[i].line};
  qsort(places, count, sizeof *places, by_pictures);
  for (size_t i = 1; i < count; i++)
    if (places[i].question.images && bnc_question_compare_images(&places[i].question, &places[i - 1].question) == 0)
      places[i].first = places[i - 1].first;
  qsort(places, count, sizeof *places, by_group);
  uint64_t group = 0;
  set->count = 0;
  for (size_t i = 0; i < count; i++) {
    group += i > 0 && places[i].first != places[i - 1].first;
    if (group % of == index)
      set->question[set->count++] = places[i].question;
    else
      bnc_question_free(&places[i].question);
  }
  free(places);
  return true;
}

void bnc_question_set_free(bnc_question_set *set) {
  for (size_t i = 0; i < set->count; i++) bnc_question_free(&set->question[i]);
  free(set->question);
  *set = (bnc_question_set){0};
}
