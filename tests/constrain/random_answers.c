/* SPDX-License-Identifier: Apache-2.0 */
/* random_answers TOKENIZER.json: each line of standard input is {"kind": "choice|regex|schema", "texts": [...], "walks": n, "room": r,
 * "seed": s} and gives n answers drawn at random, of at most r tokens each, as lines {"how": ..., "tokens": ..., "text": ...} on standard
 * output. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "platforms/base/json.h"
#include "platforms/base/mem.h"
#include "tests/constrain/walk.h"

#define TEXTS 64

static void print_answer(const walk *w, const char *how, const bnc_error *problem) {
  bnc_error err;
  char *text = NULL;
  size_t length = 0;
  if (bnc_bpe_decode(w->bpe, w->ids, w->count, true, &text, &length, &err) != BNC_OK) exit(1);
  yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
  yyjson_mut_val *root = yyjson_mut_obj(doc);
  yyjson_mut_doc_set_root(doc, root);
  yyjson_mut_obj_add_str(doc, root, "how", how ? how : problem->status == BNC_ERROR_LIMIT ? "limit" : "failed");
  yyjson_mut_obj_add_uint(doc, root, "tokens", w->count);
  yyjson_mut_obj_add_strn(doc, root, "text", how ? text : problem->text, how ? length : strlen(problem->text));
  char *line = yyjson_mut_write(doc, YYJSON_WRITE_ESCAPE_UNICODE, NULL);
  if (!line) exit(1);
  puts(line);
  free(line);
  yyjson_mut_doc_free(doc);
  bnc_mem_free(text);
}

static void answer_line(walk *w, yyjson_val *task) {
  static const char *const kinds[] = {"", "choice", "regex", "schema"};
  const char *texts[TEXTS];
  yyjson_val *list = yyjson_obj_get(task, "texts");
  const size_t count = yyjson_arr_size(list);
  bnc_error err = {.status = BNC_OK};
  int kind = 3;
  while (kind && strcmp(kinds[kind], yyjson_get_str(yyjson_obj_get(task, "kind"))) != 0) kind--;
  for (size_t i = 0; i < count && i < TEXTS; i++) texts[i] = yyjson_get_str(yyjson_arr_get(list, i));
  const bool made = walk_constrain(w, (bnc_constraint_kind)kind, texts, count, &err);
  const uint64_t walks = yyjson_get_uint(yyjson_obj_get(task, "walks")), seed = yyjson_get_uint(yyjson_obj_get(task, "seed"));
  for (uint64_t i = 0; i < walks; i++) {
    w->random = seed + 7919 * i;
    w->count = 0;
    const char *how = made ? walk_answer(w, (size_t)yyjson_get_uint(yyjson_obj_get(task, "room")), &err) : NULL;
    print_answer(w, how, &err);
  }
}

int main(int argc, char **argv) {
  char *line = NULL;
  size_t room = 0;
  if (argc != 2) return 2;
  walk w = walk_open(argv[1]);
  for (ssize_t size; (size = getline(&line, &room, stdin)) > 0;) {
    yyjson_doc *doc = yyjson_read(line, (size_t)size, 0);
    if (!doc) return 2;
    answer_line(&w, yyjson_doc_get_root(doc));
    yyjson_doc_free(doc);
  }
  free(line);
  walk_close(&w);
  return 0;
}
