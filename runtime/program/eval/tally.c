/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/program/eval/tally.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/program/eval/wilson.h"

#define NAME_COLUMNS 24

typedef struct tally {
  const char *category;
  uint64_t questions, right, metered, prompt_tokens, answer_tokens;
  double seconds, joules; /* joules: of the metered ones */
} tally;

bool bnc_results_add(bnc_results *results, const bnc_answer_record *record, const char *category) {
  if (results->count == results->room) {
    const size_t room = results->room ? 2 * results->room : 64;
    bnc_result *grown = realloc(results->result, room * sizeof *grown);
    if (!grown) return false;
    results->result = grown;
    results->room = room;
  }
  results->result[results->count++] = (bnc_result){category,        record->right,  record->cut,           record->error != NULL,
                                                   record->seconds, record->joules, record->prompt_tokens, record->answer_tokens};
  return true;
}

void bnc_results_free(bnc_results *results) {
  free(results->result);
  *results = (bnc_results){0};
}

size_t bnc_results_cut(const bnc_results *results) {
  size_t cut = 0;
  for (size_t i = 0; i < results->count; i++) cut += results->result[i].cut;
  return cut;
}

size_t bnc_results_failed(const bnc_results *results) {
  size_t failed = 0;
  for (size_t i = 0; i < results->count; i++) failed += results->result[i].failed;
  return failed;
}

static tally sum(const bnc_result *result, size_t count) {
  tally t = {.questions = count};
  for (size_t i = 0; i < count; i++) {
    const bnc_result *r = &result[i];
    t.right += r->right;
    t.seconds += r->seconds;
    t.prompt_tokens += r->prompt_tokens;
    t.answer_tokens += r->answer_tokens;
    if (isnan(r->joules)) continue;
    t.metered++;
    t.joules += r->joules;
  }
  return t;
}

/* Those without a category come last. */
static int compare_categories(const char *a, const char *b) { return a && b ? strcmp(a, b) : (a == NULL) - (b == NULL); }
static int by_category(const void *a, const void *b) {
  return compare_categories(((const bnc_result *)a)->category, ((const bnc_result *)b)->category);
}

/* The category that begins at `from`; returns where the next one does. */
static size_t next_category(const bnc_results *results, size_t from, tally *t) {
  size_t to = from + 1;
  while (to < results->count && compare_categories(results->result[from].category, results->result[to].category) == 0) to++;
  *t = sum(results->result + from, to - from);
  t->category = results->result[from].category;
  return to;
}

static void sort(bnc_results *results) {
  if (results->count) qsort(results->result, results->count, sizeof *results->result, by_category);
}

static double share(double part, uint64_t of) { return of ? part / (double)of : (double)NAN; }

/* Up to NAME_COLUMNS characters, padded; whole UTF-8 characters, none that steer a terminal. */
static void print_name(FILE *file, const char *name) {
  int columns = 0;
  for (; *name && columns < NAME_COLUMNS; name++) {
    const unsigned char c = (unsigned char)*name;
    const bool inner = (c & 0xC0) == 0x80;
    fputc(c < ' ' || c == 127 ? '?' : c, file);
    columns += !inner && (name[1] & 0xC0) != 0x80; /* counted with its last byte */
    columns += inner && (name[1] & 0xC0) != 0x80;
  }
  fprintf(file, "%*s", NAME_COLUMNS - columns, "");
}

static void print_row(FILE *file, const char *name, const tally *t) {
  const bnc_interval i = bnc_wilson(t->right, t->questions);
  print_name(file, name);
  fprintf(file, " %8llu %8llu %8.1f %% %8.1f - %5.1f %% %12.3f", (unsigned long long)t->questions, (unsigned long long)t->right,
          100 * share((double)t->right, t->questions), 100 * i.low, 100 * i.high, share(t->seconds, t->questions));
  if (t->metered)
    fprintf(file, " %12.3f\n", t->joules / (double)t->metered);
  else
    fprintf(file, " %12s\n", "-");
}

void bnc_tally_print(bnc_results *results, FILE *file) {
  tally t;
  fprintf(file, "%-*s %8s %8s %10s %18s %12s %12s\n", NAME_COLUMNS, "category", "asked", "right", "accuracy", "95 % interval", "s/question",
          "J/question");
  sort(results);
  for (size_t at = 0; at < results->count;) {
    at = next_category(results, at, &t);
    print_row(file, t.category ? t.category : "(none)", &t);
  }
  t = sum(results->result, results->count);
  print_row(file, "all", &t);
}

static void put(bnc_json_object *json, const tally *t) {
  const bnc_interval i = bnc_wilson(t->right, t->questions);
  bnc_json_count(json, "questions", t->questions);
  bnc_json_count(json, "right", t->right);
  bnc_json_real(json, "accuracy", share((double)t->right, t->questions));
  bnc_json_real(json, "accuracy_low", i.low);
  bnc_json_real(json, "accuracy_high", i.high);
  bnc_json_real(json, "seconds", t->seconds);
  bnc_json_real(json, "seconds_per_question", share(t->seconds, t->questions));
  bnc_json_real(json, "questions_per_second", t->seconds > 0 ? (double)t->questions / t->seconds : (double)NAN);
  bnc_json_count(json, "metered_questions", t->metered);
  bnc_json_real(json, "joules", t->metered ? t->joules : (double)NAN);
  bnc_json_real(json, "joules_per_question", share(t->joules, t->metered));
  bnc_json_count(json, "prompt_tokens", t->prompt_tokens);
  bnc_json_count(json, "answer_tokens", t->answer_tokens);
}

void bnc_tally_json(bnc_results *results, bnc_json_object *json) {
  tally t = sum(results->result, results->count);
  put(json, &t);
  sort(results);
  bnc_json_open(json, "categories", "[");
  for (size_t at = 0; at < results->count;) {
    at = next_category(results, at, &t);
    bnc_json_open(json, NULL, "{");
    bnc_json_words(json, "category", t.category);
    put(json, &t);
    bnc_json_close(json, "}");
  }
  bnc_json_close(json, "]");
}
