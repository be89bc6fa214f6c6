/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/program/eval/answers_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/program/console.h"

static bool failed(char why[BNC_WHY], const char *what) {
  snprintf(why, BNC_WHY, "%s: %s", what, strerror(errno));
  return false;
}

bool bnc_answers_file_open(bnc_answers_file *file, const char *path, char why[BNC_WHY]) {
  struct stat st;
  const bool standard = strcmp(path, "-") == 0, there = standard || stat(path, &st) == 0;
  *file = (bnc_answers_file){.fd = -1, .path = path, .made = !there};
  /* A pipe or device may have no way to be read. */
  const int way = !there ? O_RDWR | O_CREAT : standard || S_ISREG(st.st_mode) ? O_RDWR : O_WRONLY;
  file->fd = standard ? fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3) : open(path, way | O_CLOEXEC, 0666);
  if (file->fd < 0 || fstat(file->fd, &st) != 0) return failed(why, "cannot be written");
  file->regular = !standard && S_ISREG(st.st_mode);
  if (!file->regular || flock(file->fd, LOCK_EX | LOCK_NB) == 0) return true;
  if (errno == EWOULDBLOCK)
    snprintf(why, BNC_WHY, "is being written by another program");
  else
    failed(why, "cannot be locked");
  return false;
}

static bool cut(bnc_answers_file *file, uint64_t size, char why[BNC_WHY]) {
  file->size = size;
  if (!file->regular) return true;
  if (ftruncate(file->fd, (off_t)size) != 0 || lseek(file->fd, (off_t)size, SEEK_SET) < 0) return failed(why, "cannot be cut");
  return true;
}

bool bnc_answers_file_clear(bnc_answers_file *file, char why[BNC_WHY]) { return cut(file, 0, why); }

__attribute__((format(printf, 3, 4))) static bool other(char why[BNC_WHY], const bnc_lines *lines, const char *format, ...) {
  char text[BNC_WHY - 64];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  snprintf(why, BNC_WHY, "line %llu: %s; --force starts anew", (unsigned long long)lines->number, text);
  return false;
}

static bool take_line(const bnc_lines *lines, const bnc_question_set *set, size_t at, const bnc_answerer *by, bnc_results *results,
                      char why[BNC_WHY]) {
  bnc_question question;
  bnc_answer_record record;
  char problem[BNC_WHY];
  if (at == set->count) return other(why, lines, "answers a question that is not asked");
  if (!bnc_answer_record_parse(&record, &question, lines->text, lines->length, lines->number, problem))
    return other(why, lines, "%s", problem);
  const bnc_question *asked = &set->question[at];
  const char *difference = bnc_question_difference(&question, asked);
  bool ok = true;
  if (difference)
    ok = other(why, lines, "its \"%s\" is another than in line %llu of the questions", difference, (unsigned long long)asked->line);
  else if (strcmp(record.by.model, by->model) != 0)
    ok = other(why, lines, "is an answer of model %s, expected %s", record.by.model, by->model);
  else if (record.by.max_tokens != by->max_tokens)
    ok = other(why, lines, "was answered with --max-tokens %llu, expected %llu", (unsigned long long)record.by.max_tokens,
               (unsigned long long)by->max_tokens);
  else if (strcmp(record.by.form, by->form) != 0)
    ok = other(why, lines, "was answered in the form '%s', expected '%s'", record.by.form, by->form);
  else if (!bnc_results_add(results, &record, asked->category))
    ok = other(why, lines, "out of memory");
  bnc_question_free(&question);
  return ok;
}

/* What an interrupted write leaves is the beginning of the answer that was due: anything else is somebody's text, not ours to cut. */
static bool check_torn(const bnc_lines *lines, bnc_context *context, const bnc_question_set *set, size_t at, const bnc_answerer *by,
                       char why[BNC_WHY]) {
  size_t length = 0;
  char *front = at < set->count ? bnc_answer_record_front(context, &set->question[at], by, &length) : NULL;
  if (lines->length < length) length = lines->length;
  const bool ours = front && memcmp(front, lines->text, length) == 0;
  free(front);
  return ours || other(why, lines, "is not whole, and not the beginning of the answer that is due");
}

bool bnc_answers_file_resume(bnc_answers_file *file, bnc_context *context, const bnc_question_set *set, const bnc_answerer *by,
                             bnc_results *results, char why[BNC_WHY]) {
  if (!file->regular) return true;
  const int fd = fcntl(file->fd, F_DUPFD_CLOEXEC, 3);
  bnc_lines lines = {.file = fd >= 0 ? fdopen(fd, "r") : NULL, .limit = BNC_RECORD_LIMIT};
  if (!lines.file) {
    failed(why, "cannot be read");
    if (fd >= 0) close(fd);
    return false;
  }
  bnc_line line;
  uint64_t whole = 0;
  bool ok = true;
  while (ok && (line = bnc_lines_next(&lines, why)) != BNC_LINE_END) {
    if (line == BNC_LINE_WRONG)
      ok = false;
    else if (!lines.complete)
      ok = check_torn(&lines, context, set, results->count, by, why);
    else
      ok = take_line(&lines, set, results->count, by, results, why);
    if (ok && lines.complete) whole += lines.length + 1;
  }
  free(lines.text);
  fclose(lines.file);
  return ok && cut(file, whole, why);
}

bool bnc_answers_file_append(bnc_answers_file *file, const char *line, size_t length, char why[BNC_WHY]) {
  if (!bnc_console_write_to(file->fd, line, length)) {
    failed(why, "cannot be written");
    char unused[BNC_WHY];
    cut(file, file->size, unused);
    return false;
  }
  file->size += length;
  return true;
}

bool bnc_answers_file_close(bnc_answers_file *file, bool done, char why[BNC_WHY]) {
  const int fd = file->fd;
  if (fd >= 0 && !done && file->made && file->size == 0) unlink(file->path);
  file->fd = -1;
  return fd < 0 || close(fd) == 0 || failed(why, "cannot be written");
}
