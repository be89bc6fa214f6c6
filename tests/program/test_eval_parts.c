/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of `binocle eval` by themselves: matching, intervals, reading questions, sharing them out, and the file of answers. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/program/eval/answer_match.h"
#include "runtime/program/eval/answers_file.h"
#include "runtime/program/eval/wilson.h"
#include "tests/unit.h"

static void matching(void **state) {
  static const struct {
    const char *answer, *expected;
    bool right;
  } cases[] = {
      {"stop", "stop", true},
      {"Stop.", "STOP", true},
      {"  stop \n", "stop", true},
      {"two  red\tcars", "two red cars", true},
      {"stop!?", "stop", true},
      {"stop . !", "stop", true},
      {"stop", "stops", false},
      {"stops", "stop", false},
      {"", "", true},
      {"", "stop", false},
      {".", ".", true},
      {"!", ".", false},
      {".", "", false},
      {" ", "", true},
      {"3.5", "3.5.", true},
      {"3.5", "35", false},
      {".5", "5", false},
      {"a.b", "ab", false},
      {"\xc3\x89t\xc3\xa9", "\xc3\x89T\xc3\xa9", true},
      {"\xc3\x89", "\xc3\xa9", false},
      {"redcar", "red car", false},
      {"no, sir", "no sir", false},
      {"\v\f\r x", "X", true},
  };
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    if (bnc_answer_matches(cases[i].answer, strlen(cases[i].answer), cases[i].expected) != cases[i].right)
      fail_msg("'%s' and '%s'", cases[i].answer, cases[i].expected);
    if (bnc_answer_matches(cases[i].expected, strlen(cases[i].expected), cases[i].answer) != cases[i].right)
      fail_msg("'%s' and '%s'", cases[i].expected, cases[i].answer);
  }
  const char *const any[] = {"two", "2"};
  assert_true(bnc_answer_matches_any("2.", 2, any, 2));
  assert_false(bnc_answer_matches_any("3", 1, any, 2));
  assert_false(bnc_answer_matches("a\0b", 3, "a"));
  assert_true(bnc_answer_matches("stop sign", 4, "stop"));
}

/* The formula, computed in Python. */
static void intervals(void **state) {
  static const struct {
    uint64_t right, count;
    double low, high;
  } cases[] = {{0, 0, 0, 1},
               {0, 10, 0, 0.277532800},
               {10, 10, 0.722467200, 1},
               {5, 10, 0.236593091, 0.763406909},
               {9, 12, 0.467694665, 0.911058332},
               {919, 1000, 0.900442798, 0.934350378}};
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const bnc_interval got = bnc_wilson(cases[i].right, cases[i].count);
    assert_true(fabs(got.low - cases[i].low) < 1e-8 && fabs(got.high - cases[i].high) < 1e-8);
  }
}

static FILE *file_of(const char *text, size_t size) {
  FILE *file = tmpfile();
  assert_non_null(file);
  assert_int_equal(fwrite(text, 1, size, file), size);
  rewind(file);
  return file;
}

static bnc_question_set set_of(const char *text) {
  bnc_question_set set;
  char why[BNC_WHY];
  FILE *file = file_of(text, strlen(text));
  if (!bnc_question_set_read(&set, file, why)) fail_msg("%s", why);
  fclose(file);
  return set;
}

static void questions(void **state) {
  (void)state;
  bnc_question_set set = set_of("\n{\"question\": \"a\", \"answer\": \"b\"}\n  \r\n"
                                "{\"images\": [\"x\", \"y\"], \"question\": \"<image> or <image>?\", \"answers\": [\"b\", \"c\"], "
                                "\"category\": \"k\", \"id\": -7, \"more\": {}}\r\n"
                                "{\"image\": \"x\", \"question\": \"q\", \"answers\": [\"\"], \"category\": null, \"id\": \"n\"}");
  assert_int_equal(set.count, 3);
  const bnc_question *q = set.question;
  assert_true(q[0].line == 2 && !q[0].id && q[0].number == 2 && q[0].images == 0 && q[0].answers == 1 && !q[0].category);
  assert_true(q[1].number == -7 && q[1].images == 2 && strcmp(q[1].image[1], "y") == 0 && strcmp(q[1].expected[1], "c") == 0 &&
              strcmp(q[1].category, "k") == 0);
  assert_true(strcmp(q[2].id, "n") == 0 && q[2].line == 5);
  assert_string_equal(bnc_question_difference(&q[0], &q[1]), "id");
  assert_null(bnc_question_difference(&q[1], &q[1]));
  bnc_question_set_free(&set);
}

static void wrong_questions(void **state) {
  static const struct {
    const char *line, *words;
  } cases[] = {
      {"x", "no valid JSON"},
      {"[]", "a list, expected an object"},
      {"{}", "\"question\" is missing"},
      {"{\"question\": \"a\"}", "\"answers\" is missing"},
      {"{\"question\": \"a\", \"answers\": []}", "\"answers\" is empty"},
      {"{\"question\": \"\", \"answer\": \"x\"}", "\"question\" is empty"},
      {"{\"question\": 3, \"answer\": \"x\"}", "\"question\" is a number"},
      {"{\"question\": \"a\\u0000b\", \"answer\": \"x\"}", "NUL"},
      {"{\"question\": \"a\", \"answer\": 7}", "\"answer\" is a number"},
      {"{\"question\": \"a\", \"answers\": [\"x\", null]}", "null as number 2"},
      {"{\"question\": \"a\", \"answers\": [\"x\"], \"answer\": \"x\"}", "both \"answers\" and \"answer\""},
      {"{\"question\": \"a\", \"answer\": \"x\", \"image\": \"\"}", "\"image\" is empty"},
      {"{\"question\": \"a\", \"answer\": \"x\", \"image\": {}}", "\"image\" is an object"},
      {"{\"question\": \"a\", \"answer\": \"x\", \"image\": \"a\", \"images\": [\"a\"]}", "both"},
      {"{\"question\": \"<image>\", \"answer\": \"x\"}", "1 <image>, but the line names 0 pictures"},
      {"{\"question\": \"a\", \"answer\": \"x\", \"id\": 1.5}", "\"id\" is a number"},
      {"{\"question\": \"a\", \"answer\": \"x\", \"id\": 18446744073709551615}", "\"id\""},
      {"{\"question\": \"a\", \"answer\": \"x\", \"category\": []}", "\"category\" is a list"},
      {"{\"question\": \"\xff\", \"answer\": \"x\"}", "JSON"},
  };
  bnc_question_set set;
  char why[BNC_WHY], text[512];
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    snprintf(text, sizeof text, "{\"question\": \"a\", \"answer\": \"b\"}\n%s\n", cases[i].line);
    FILE *file = file_of(text, strlen(text));
    assert_false(bnc_question_set_read(&set, file, why));
    if (!strstr(why, cases[i].words) || strncmp(why, "line 2: ", 8) != 0) fail_msg("'%s' gives '%s'", cases[i].line, why);
    fclose(file);
    bnc_question_set_free(&set);
  }
  /* Long and deep lines are bounded, not followed. */
  char *big = malloc(BNC_QUESTION_LIMIT + 2);
  assert_non_null(big);
  memset(big, '[', BNC_QUESTION_LIMIT + 2);
  for (size_t size = BNC_QUESTION_LIMIT; size <= BNC_QUESTION_LIMIT + 1; size++) {
    FILE *file = file_of(big, size);
    assert_false(bnc_question_set_read(&set, file, why));
    assert_non_null(strstr(why, size > BNC_QUESTION_LIMIT ? "longer than 1048576 bytes" : "JSON"));
    fclose(file);
    bnc_question_set_free(&set);
  }
  free(big);
}

/* Lines of the set as "1 4 2 3". */
static void lines_are(const bnc_question_set *set, const char *expected) {
  char text[128] = "";
  for (size_t i = 0; i < set->count; i++)
    snprintf(text + strlen(text), sizeof text - strlen(text), "%s%d", i ? " " : "", (int)set->question[i].line);
  assert_string_equal(text, expected);
}

#define Q(image) "{\"image\": \"" image "\", \"question\": \"q\", \"answer\": \"b\"}\n"
#define T "{\"question\": \"q\", \"answer\": \"b\"}\n"

static void sharing(void **state) {
  static const char text[] = Q("b") T Q("a") Q("b") T Q("c") Q("a") Q("b");
  static const char *const shares[] = {"1 4 8 5", "2 6", "3 7"};
  (void)state;
  bnc_question_set set = set_of(text);
  assert_true(bnc_question_set_share(&set, 0, 1));
  lines_are(&set, "1 4 8 2 3 7 5 6");
  bnc_question_set_free(&set);
  for (uint64_t i = 0; i < 3; i++) {
    set = set_of(text);
    assert_true(bnc_question_set_share(&set, i, 3));
    lines_are(&set, shares[i]);
    bnc_question_set_free(&set);
  }
  set = set_of(text);
  assert_true(bnc_question_set_share(&set, 6, 7));
  lines_are(&set, "");
  bnc_question_set_free(&set);
}

static const bnc_answerer by = {"0123456789abcdef", 32, ""};

static bool append(bnc_answers_file *file, bnc_context *context, const bnc_question *question, bool whole, char why[BNC_WHY]) {
  bnc_answer_record record = {.question = question,
                              .by = by,
                              .answer = "B.\n",
                              .length = 3,
                              .finish = "stop",
                              .right = true,
                              .seconds = 0.5,
                              .joules = (double)NAN};
  size_t length;
  char *line = bnc_answer_record_line(context, &record, &length);
  assert_non_null(line);
  const bool ok = bnc_answers_file_append(file, line, whole ? length : length - 20, why);
  free(line);
  return ok;
}

/* Opens and reads the file back; how many answers there were, or -1 with why. */
static int resume(bnc_context *context, const bnc_question_set *set, const bnc_answerer *answerer, bnc_answers_file *file,
                  char why[BNC_WHY]) {
  bnc_results results = {0};
  assert_true(bnc_answers_file_open(file, "answers.jsonl", why));
  const bool ok = bnc_answers_file_resume(file, context, set, answerer, &results, why);
  const int count = ok ? (int)results.count : -1;
  bnc_results_free(&results);
  return count;
}

static void answers_go_on(void **state) {
  bnc_context *context;
  bnc_answers_file file, second;
  bnc_answerer other = by;
  char why[BNC_WHY];
  (void)state;
  assert_int_equal(bnc_context_create(NULL, &context), BNC_OK);
  unlink("answers.jsonl");
  bnc_question_set set = set_of(
      Q("b") T
      "{\"image\": [\"\xc3\xa9\", \"y\"], \"question\": \"a\\\"\\n\", \"answers\": [\"1\", \"2\"], \"category\": \"k\", \"id\": \"i\"}\n");
  assert_int_equal(resume(context, &set, &by, &file, why), 0);
  assert_false(bnc_answers_file_open(&second, "answers.jsonl", why)); /* one writer at a time */
  assert_non_null(strstr(why, "another program"));
  assert_true(bnc_answers_file_close(&second, false, why));
  assert_true(append(&file, context, &set.question[0], true, why) && append(&file, context, &set.question[1], false, why));
  assert_true(bnc_answers_file_close(&file, false, why));
  /* The torn line is cut away; then the rest follows. */
  assert_int_equal(resume(context, &set, &by, &file, why), 1);
  assert_int_equal(lseek(file.fd, 0, SEEK_END), (off_t)file.size);
  assert_true(append(&file, context, &set.question[1], true, why) && append(&file, context, &set.question[2], true, why));
  assert_true(bnc_answers_file_close(&file, true, why));
  assert_int_equal(resume(context, &set, &by, &file, why), 3);
  assert_true(bnc_answers_file_close(&file, true, why));
  /* What does not belong is refused, and left alone. */
  other.max_tokens = 8;
  assert_int_equal(resume(context, &set, &other, &file, why), -1);
  assert_string_equal(why, "line 1: was answered with --max-tokens 32, expected 8; --force starts anew");
  bnc_answers_file_close(&file, false, why);
  other = by;
  other.model[0] = 'f';
  assert_int_equal(resume(context, &set, &other, &file, why), -1);
  assert_non_null(strstr(why, "model 0123456789abcdef, expected f123456789abcdef"));
  bnc_answers_file_close(&file, false, why);
  set.count = 2;
  assert_int_equal(resume(context, &set, &by, &file, why), -1);
  assert_non_null(strstr(why, "line 3: answers a question that is not asked"));
  bnc_answers_file_close(&file, false, why);
  set.count = 3;
  set.question[1].text = "another";
  assert_int_equal(resume(context, &set, &by, &file, why), -1);
  assert_non_null(strstr(why, "line 2: its \"question\" is another than in line 2"));
  assert_int_equal(lseek(file.fd, 0, SEEK_END) > 400, 1);
  bnc_answers_file_close(&file, false, why);
  /* Somebody's text without a line break is no torn answer of ours. */
  FILE *text = fopen("answers.jsonl", "w");
  assert_true(text && fputs("{\"id\": 1, \"precious\"", text) >= 0 && fclose(text) == 0);
  assert_int_equal(resume(context, &set, &by, &file, why), -1);
  assert_int_equal(lseek(file.fd, 0, SEEK_END), 20);
  assert_true(bnc_answers_file_clear(&file, why));
  bnc_answers_file_close(&file, false, why);
  bnc_question_set_free(&set);
  bnc_context_destroy(context);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(matching),        cmocka_unit_test(intervals), cmocka_unit_test(questions),
      cmocka_unit_test(wrong_questions), cmocka_unit_test(sharing),   cmocka_unit_test(answers_go_on),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
