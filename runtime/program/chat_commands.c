/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/program/chat.h"
#include "runtime/program/nearest.h"

int bnc_chat_after(const bnc_chat *c, int code) { return code == BNC_EXIT_DONE || c->keyboard ? BNC_CHAT_GO_ON : code; }

static int after_status(bnc_chat *c, bnc_status status) {
  return status == BNC_OK ? BNC_CHAT_GO_ON : bnc_chat_after(c, bnc_work_fail(&c->work, status, NULL, bnc_session_error(c->work.session)));
}

/* A picture is an input as those of the command line are: what is saved must not take its place. */
static int remember(bnc_chat *c, const char *file) {
  if (c->answer.save && bnc_options_check_output(c->answer.save, file) != BNC_PARSED) return BNC_EXIT_FAILED;
  char **grown = realloc(c->shown, (c->shown_count + 1) * sizeof *grown), *copy = grown ? strdup(file) : NULL;
  if (grown) c->shown = grown;
  if (!copy) return bnc_work_refuse(&c->work, "out of memory");
  c->shown[c->shown_count++] = copy;
  return BNC_EXIT_DONE;
}

void bnc_chat_free(bnc_chat *c) {
  for (size_t i = 0; i < c->shown_count; i++) free(c->shown[i]);
  free(c->shown);
}

static int add_picture(bnc_chat *c, const char *file) {
  const bnc_text_list one = {1, {file}};
  int code = bnc_work_check_vision(&c->work, c->path);
  if (code == BNC_EXIT_DONE) code = remember(c, file);
  if (code == BNC_EXIT_DONE) code = bnc_work_add_images(&c->work, &one);
  bnc_progress_clear(&c->work.progress);
  c->pictures += code == BNC_EXIT_DONE;
  return bnc_chat_after(c, code);
}

static int save(bnc_chat *c, const char *file) {
  int code = bnc_options_check_output_of(c->arguments, file);
  for (size_t i = 0; code == BNC_PARSED && i < c->shown_count; i++) code = bnc_options_check_output(file, c->shown[i]);
  if (code == BNC_PARSED) code = bnc_work_check_output(&c->work, file);
  if (code != BNC_EXIT_DONE) return bnc_chat_after(c, code);
  const bnc_status status = bnc_session_save(c->work.session, file);
  if (status == BNC_OK) bnc_work_note(&c->work, "%s: holds the conversation of %zu rows", file, bnc_session_rows(c->work.session));
  return after_status(c, status);
}

static int restore(bnc_chat *c, const char *file) {
  const bnc_status status = bnc_session_restore(c->work.session, file);
  if (status == BNC_OK) {
    c->pictures = 0;
    bnc_work_note(&c->work, "%s: the conversation of %zu rows goes on", file, bnc_session_rows(c->work.session));
  }
  return after_status(c, status);
}

static int reset(bnc_chat *c, const char *unused) {
  (void)unused;
  bnc_session_reset(c->work.session);
  c->pictures = 0;
  return BNC_CHAT_GO_ON;
}

static double rate(uint64_t count, double seconds) { return seconds > 0 ? (double)count / seconds : 0; }

static int tell_statistics(bnc_chat *c, const char *unused) {
  bnc_statistics s = {.size = sizeof s};
  (void)unused;
  bnc_session_get_statistics(c->work.session, &s);
  fprintf(stderr, "pictures  %llu in %.2f s, %llu more were known\n", (unsigned long long)s.pictures, s.vision_seconds,
          (unsigned long long)s.pictures_reused);
  fprintf(stderr, "prompts   %llu rows in %.2f s, %.1f per second\n", (unsigned long long)s.prefill_rows, s.prefill_seconds,
          rate(s.prefill_rows, s.prefill_seconds));
  fprintf(stderr, "answers   %llu tokens in %.2f s, %.1f per second\n", (unsigned long long)s.decode_tokens, s.decode_seconds,
          rate(s.decode_tokens, s.decode_seconds));
  fprintf(stderr, "context   %zu of %u rows\n", bnc_session_rows(c->work.session), c->work.info.context);
  return BNC_CHAT_GO_ON;
}

static int tell_help(bnc_chat *c, const char *unused) {
  (void)c;
  (void)unused;
  fputs(BNC_CHAT_COMMANDS "A question that begins with a slash: write two.\n", stderr);
  return BNC_CHAT_GO_ON;
}

static int quit(bnc_chat *c, const char *unused) {
  (void)c;
  (void)unused;
  return BNC_EXIT_DONE;
}

static const struct {
  const char *name;
  int (*run)(bnc_chat *chat, const char *file);
  bool takes_file;
} commands[] = {
    {"/image", add_picture, true}, {"/save", save, true},       {"/restore", restore, true}, {"/stats", tell_statistics, false},
    {"/reset", reset, false},      {"/help", tell_help, false}, {"/quit", quit, false},      {"/exit", quit, false},
};
#define COMMANDS (sizeof commands / sizeof *commands)

static int run_with_file(bnc_chat *c, size_t at, const char *rest) {
  char *file = bnc_path_argument(rest);
  if (!file) return bnc_chat_after(c, bnc_work_refuse(&c->work, "out of memory"));
  const int code = commands[at].run(c, file);
  free(file);
  return code;
}

int bnc_chat_command(bnc_chat *c, char *line) {
  char said[96], *rest = line + strcspn(line, " \t");
  if (*rest) *rest++ = '\0';
  rest += strspn(rest, " \t");
  bnc_nearest nearest = {.typed = line};
  for (size_t i = 0; i < COMMANDS; i++) {
    bnc_nearest_offer(&nearest, commands[i].name);
    if (strcmp(line, commands[i].name) != 0) continue;
    if (!commands[i].takes_file && *rest)
      return bnc_chat_after(c, bnc_work_refuse(&c->work, "%s takes nothing, found '%.60s'", line, rest));
    if (!commands[i].takes_file) return commands[i].run(c, NULL);
    return *rest ? run_with_file(c, i, rest) : bnc_chat_after(c, bnc_work_refuse(&c->work, "%s lacks the name of a file", line));
  }
  bnc_nearest_say(&nearest, "", said);
  return bnc_chat_after(c, bnc_work_refuse(&c->work, "there is no '%.60s'%s", line, *said ? said : "; /help lists what there is"));
}

void bnc_chat_complete(const char *line, bnc_completion *completion) {
  const char *names[COMMANDS + 1] = {NULL};
  *completion = (bnc_completion){.insert = ""};
  line += strspn(line, " \t");
  const size_t length = strcspn(line, " \t");
  for (size_t i = 0; i < COMMANDS; i++) {
    names[i] = commands[i].name;
    if (line[length] && commands[i].takes_file && strlen(commands[i].name) == length && memcmp(line, commands[i].name, length) == 0)
      bnc_path_complete(line + length + strspn(line + length, " \t"), completion);
  }
  if (line[0] == '/' && !line[length]) bnc_name_complete(line, names, completion);
}
