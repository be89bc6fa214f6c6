/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/program/eval/eval.h"

static int finish_json(bnc_work *work, bnc_json_object *json) {
  const bnc_status status = bnc_json_end(json);
  return status == BNC_OK ? BNC_EXIT_DONE : bnc_work_fail(work, status, NULL, bnc_context_error(work->context));
}

static int report_json(bnc_eval *e) {
  bnc_statistics s = {.size = sizeof s};
  bnc_json_object json;
  const bool ran = e->work.session && bnc_session_get_statistics(e->work.session, &s) == BNC_OK;
  bnc_json_begin(&json, e->work.context);
  bnc_json_words(&json, "model", e->model);
  bnc_json_words(&json, "fingerprint", e->by.model);
  bnc_json_count(&json, "max_tokens", e->max_tokens);
  bnc_json_count(&json, "shard", e->shard);
  bnc_json_count(&json, "shards", e->shards);
  bnc_json_count(&json, "resumed", e->resumed);
  bnc_json_words(&json, "cpu_level", ran ? s.cpu_level : NULL);
  bnc_json_real(&json, "threads", ran ? s.threads : (double)NAN);
  bnc_json_count(&json, "pictures_seen", s.pictures);
  bnc_json_count(&json, "cut_prompts", bnc_results_cut(&e->results));
  bnc_json_count(&json, "failed", bnc_results_failed(&e->results));
  bnc_joules_describe(&e->joules, &json);
  bnc_tally_json(&e->results, &json);
  return finish_json(&e->work, &json);
}

int bnc_eval_report(bnc_eval *e) {
  const size_t cut = bnc_results_cut(&e->results);
  if (cut)
    bnc_work_note(&e->work, "%zu prompts were cut to their first %u rows, the most that this model reads", cut, e->work.info.prompt_limit);
  const size_t failed = bnc_results_failed(&e->results);
  if (failed) bnc_work_note(&e->work, "%zu questions count as wrong, as their pictures could not be read", failed);
  bnc_work_tell(&e->work);
  if (!e->work.quiet) bnc_tally_print(&e->results, stderr);
  return e->work.json ? report_json(e) : BNC_EXIT_DONE;
}

/* A question of one of the files. */
typedef struct seen {
  uint64_t hash, line;
  size_t file;
} seen;

typedef struct summary {
  bnc_work *work;
  const bnc_operand_list *files;
  bnc_answerer by; /* of the first line */
  bool begun;
  bnc_results results;
  bnc_question_set set; /* keeps the categories' texts */
  seen *seen;           /* [room] */
  size_t room;
} summary;

static uint64_t mix(uint64_t hash, const char *text) {
  for (; text && *text; text++) hash = (hash ^ (unsigned char)*text) * 0x100000001b3u;
  return (hash ^ 0xFF) * 0x100000001b3u;
}

/* FNV-1a of what makes a question that question. */
static uint64_t hash_of(const bnc_question *q) {
  uint64_t hash = mix(0xcbf29ce484222325u, q->id);
  hash = (hash ^ (uint64_t)q->number) * 0x100000001b3u;
  for (size_t i = 0; i < q->images; i++) hash = mix(hash, q->image[i]);
  return mix(hash, q->text);
}

static bool keep(summary *s, const bnc_answer_record *record, bnc_question *question, size_t file, uint64_t line) {
  const size_t count = s->results.count;
  if (count == s->room) {
    const size_t room = s->room ? 2 * s->room : 64;
    seen *grown = realloc(s->seen, room * sizeof *grown);
    if (grown) s->seen = grown;
    bnc_question *questions = realloc(s->set.question, room * sizeof *questions);
    if (questions) s->set.question = questions;
    if (!grown || !questions) return false;
    s->room = room;
  }
  if (!bnc_results_add(&s->results, record, question->category)) return false;
  s->seen[count] = (seen){hash_of(question), line, file};
  s->set.question[s->set.count++] = *question;
  return true;
}

static int take_line(summary *s, size_t file, const bnc_lines *lines) {
  bnc_question question;
  bnc_answer_record record;
  char why[BNC_WHY];
  const char *path = s->files->item[file];
  const unsigned long long number = lines->number;
  if (!bnc_answer_record_parse(&record, &question, lines->text, lines->length, lines->number, why))
    return bnc_work_refuse(s->work, "%s: line %llu: %s", path, number, why);
  if (!s->begun) s->by = record.by;
  s->begun = true;
  int code = BNC_EXIT_DONE;
  if (strcmp(record.by.model, s->by.model) != 0)
    code = bnc_work_refuse(s->work, "%s: line %llu: is an answer of model %s, but earlier ones are of %s", path, number, record.by.model,
                           s->by.model);
  else if (record.by.max_tokens != s->by.max_tokens)
    code = bnc_work_refuse(s->work, "%s: line %llu: was answered with --max-tokens %llu, but earlier ones with %llu", path, number,
                           (unsigned long long)record.by.max_tokens, (unsigned long long)s->by.max_tokens);
  else if (strcmp(record.by.form, s->by.form) != 0)
    code = bnc_work_refuse(s->work, "%s: line %llu: was answered in the form '%s', but earlier ones in '%s'", path, number, record.by.form,
                           s->by.form);
  else if (!keep(s, &record, &question, file, lines->number))
    code = bnc_work_refuse(s->work, "out of memory");
  if (code != BNC_EXIT_DONE) bnc_question_free(&question);
  return code;
}

static int take_file(summary *s, size_t index) {
  char why[BNC_WHY];
  const char *path = s->files->item[index];
  const bool standard = strcmp(path, "-") == 0;
  bnc_lines lines = {.file = standard ? stdin : fopen(path, "r"), .limit = BNC_RECORD_LIMIT};
  bnc_line line = BNC_LINE_READ;
  int code = lines.file ? BNC_EXIT_DONE : bnc_work_refuse(s->work, "%s: %s", path, strerror(errno));
  while (code == BNC_EXIT_DONE && (line = bnc_lines_next(&lines, why)) == BNC_LINE_READ) {
    if (bnc_interrupted())
      code = BNC_EXIT_INTERRUPTED;
    else if (!lines.complete)
      bnc_work_note(s->work, "%s: line %llu is not whole and left out", path, (unsigned long long)lines.number);
    else
      code = take_line(s, index, &lines);
  }
  if (line == BNC_LINE_WRONG) code = bnc_work_refuse(s->work, "%s: %s", path, why);
  if (lines.file && !standard) fclose(lines.file);
  free(lines.text);
  return code;
}

static int by_hash(const void *a, const void *b) {
  const seen *x = a, *y = b;
  if (x->hash != y->hash) return x->hash > y->hash ? 1 : -1;
  return (x->file > y->file) - (x->file < y->file);
}

/* A file's own questions may be alike; the same one in two files was counted twice by mistake. */
static int check_twice(summary *s) {
  if (s->results.count) qsort(s->seen, s->results.count, sizeof *s->seen, by_hash);
  for (size_t i = 1; i < s->results.count; i++) {
    const seen *a = &s->seen[i - 1], *b = &s->seen[i];
    if (a->hash == b->hash && a->file != b->file)
      return bnc_work_refuse(s->work, "%s: line %llu: the question stands in %s, line %llu, too", s->files->item[b->file],
                             (unsigned long long)b->line, s->files->item[a->file], (unsigned long long)a->line);
  }
  return BNC_EXIT_DONE;
}

static int print(summary *s) {
  bnc_json_object json;
  if (s->results.count == 0) return bnc_work_refuse(s->work, "%s: has no answers", s->files->item[0]);
  if (!s->work->json) {
    bnc_tally_print(&s->results, stdout);
    return BNC_EXIT_DONE;
  }
  bnc_json_begin(&json, s->work->context);
  bnc_json_words(&json, "fingerprint", s->by.model);
  bnc_json_count(&json, "max_tokens", s->by.max_tokens);
  bnc_json_count(&json, "files", s->files->count);
  bnc_json_count(&json, "cut_prompts", bnc_results_cut(&s->results));
  bnc_json_count(&json, "failed", bnc_results_failed(&s->results));
  bnc_tally_json(&s->results, &json);
  return finish_json(s->work, &json);
}

int bnc_eval_summary(bnc_work *work, const bnc_operand_list *files) {
  summary s = {.work = work, .files = files};
  int code = BNC_EXIT_DONE;
  for (size_t i = 0; code == BNC_EXIT_DONE && i < files->count; i++) code = take_file(&s, i);
  if (code == BNC_EXIT_DONE) code = check_twice(&s);
  if (code == BNC_EXIT_DONE) code = print(&s);
  bnc_question_set_free(&s.set);
  bnc_results_free(&s.results);
  free(s.seen);
  return code;
}
