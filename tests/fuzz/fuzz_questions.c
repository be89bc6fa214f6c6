/* SPDX-License-Identifier: Apache-2.0 */
/* The input is a file of questions, and a line of answers. What is read is written and read back as it was. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/program/eval/answer_match.h"
#include "runtime/program/eval/answer_record.h"
#include "runtime/program/eval/question_set.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition) {
  if (!condition) abort();
}

static void write_and_read(bnc_context *context, const bnc_answer_record *record) {
  bnc_answer_record again;
  bnc_question question;
  char why[BNC_WHY];
  size_t length;
  char *line = bnc_answer_record_line(context, record, &length);
  require(line && length && line[length - 1] == '\n' && memchr(line, '\n', length - 1) == NULL);
  require(bnc_answer_record_parse(&again, &question, line, length - 1, 1, why));
  require(bnc_question_difference(record->question, &question) == NULL);
  require(again.length == record->length && memcmp(again.answer, record->answer, record->length) == 0 && again.right == record->right);
  bnc_question_free(&question);
  free(line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static bnc_context *context;
  char why[BNC_WHY];
  bnc_question_set set;
  bnc_answer_record record;
  bnc_question question;
  if (!context) require(bnc_context_create(NULL, &context) == BNC_OK);
  FILE *file = size ? fmemopen((void *)(uintptr_t)data, size, "r") : NULL;
  if (file) {
    if (bnc_question_set_read(&set, file, why)) {
      const size_t count = set.count;
      for (size_t i = 0; i < count; i++) {
        const bnc_question *q = &set.question[i];
        const bnc_answer_record made = {.question = q,
                                        .by = {.model = "0123456789abcdef", .max_tokens = 9},
                                        .answer = q->text,
                                        .length = strlen(q->text),
                                        .finish = "stop",
                                        .joules = (double)NAN,
                                        .right = bnc_answer_matches_any(q->text, strlen(q->text), q->expected, q->answers)};
        write_and_read(context, &made);
      }
      require(bnc_question_set_share(&set, 0, 1) && set.count == count);
      require(bnc_question_set_share(&set, 1, 2) && set.count <= count);
    } else {
      require(strlen(why) > 0 && strlen(why) < BNC_WHY);
    }
    bnc_question_set_free(&set);
    fclose(file);
  }
  if (bnc_answer_record_parse(&record, &question, (const char *)data, size, 1, why)) {
    if (!record.finish) record.finish = "";
    write_and_read(context, &record);
    bnc_question_free(&question);
  }
  return 0;
}
