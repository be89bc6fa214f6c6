/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/program/chat.h"
#include "runtime/program/commands.h"
#include "runtime/program/line_editor.h"

#define PROMPT "> "

static int question_line(bnc_chat *c, const char *question) {
  bnc_answer answer = {.work = &c->work, .stream = true};
  int code = bnc_answer_check_question(&c->work, question, c->pictures);
  if (code == BNC_EXIT_DONE) {
    code = bnc_answer_ask(&answer, question, &c->answer);
    /* Pictures of a question that failed wait for the next. */
    if (code == BNC_EXIT_DONE || answer.begun) c->pictures = 0;
  }
  bnc_answer_free(&answer);
  if (answer.output_failed) return BNC_EXIT_FAILED;
  return bnc_chat_after(c, code);
}

static int one_line(bnc_chat *c, char *line, size_t length) {
  if (strlen(line) != length) return bnc_chat_after(c, bnc_work_refuse(&c->work, "a question has a zero byte, expected text"));
  while (length && isspace((unsigned char)line[length - 1])) line[--length] = '\0';
  line += strspn(line, " \t");
  if (!*line) return BNC_CHAT_GO_ON;
  bnc_interrupt_arm();
  if (line[0] != '/') return question_line(c, line);
  return line[1] == '/' ? question_line(c, line + 1) : bnc_chat_command(c, line);
}

/* The next line, which is *length long; false at the end of input, or where an interrupt came. */
static bool next_line(const bnc_chat *c, bool editing, char **line, size_t *room, size_t *length) {
  if (editing) {
    const char *typed = bnc_line_editor_next(length);
    char *copy = typed ? strndup(typed, *length) : NULL; /* a line is changed where it is read */
    if (!copy) return false;
    free(*line);
    *line = copy;
    *room = *length + 1;
    return true;
  }
  if (c->keyboard) fputs(PROMPT, stderr);
  errno = 0;
  const ssize_t got = c->keyboard && !bnc_interrupt_or_input() ? -1 : getline(line, room, stdin);
  *length = got < 0 ? 0 : (size_t)got;
  return got >= 0;
}

/* As in a shell, Ctrl-C takes the line away. On an empty line it says how to leave, and a second one right behind leaves. A terminal that
 * edits no lines itself dropped what was typed before we hear of it: that counts as an empty line. */
static int line_interrupted(bnc_chat *c, bool editing, bool *told) {
  const bool drops = editing && bnc_line_editor_had_text();
  if (!c->keyboard || !bnc_interrupted_by_key() || (*told && !drops)) return BNC_EXIT_INTERRUPTED;
  clearerr(stdin);
  *told = !drops;
  if (drops) return BNC_CHAT_GO_ON;
  fputs("^D or /quit leaves, and so does another ^C\n", stderr);
  return BNC_CHAT_GO_ON;
}

static int converse(bnc_chat *c) {
  char *line = NULL;
  size_t room = 0, length = 0;
  bool first = true, told = false;
  int code = BNC_CHAT_GO_ON;
  const bool editing = c->keyboard && bnc_line_editor_open(PROMPT, bnc_chat_complete);
  while (code == BNC_CHAT_GO_ON) {
    bnc_interrupt_arm();
    if (!next_line(c, editing, &line, &room, &length)) {
      if (c->keyboard) fputs("\n", stderr);
      if (bnc_interrupted())
        code = line_interrupted(c, editing, &told);
      else
        code = editing || feof(stdin) ? BNC_EXIT_DONE : bnc_work_refuse(&c->work, "cannot read standard input: %s", strerror(errno));
    } else {
      const size_t mark = first ? bnc_console_mark(line, length) : 0;
      code = one_line(c, line + mark, length - mark);
      first = told = false;
    }
  }
  bnc_line_editor_close();
  free(line);
  return code;
}

static int run(const bnc_command *command, int argc, char **argv) {
  bnc_chat c = {.answer = BNC_ANSWER_DEFAULTS, .keyboard = isatty(STDIN_FILENO)};
  bnc_text_list images = {0};
  const bnc_option options[] = {
      {.name = "image", .value = "FILE", .help = "a picture to talk about", .list = &images},
      BNC_CONVERSATION_OPTIONS(c.answer),
      BNC_ANSWER_OPTIONS(c.answer),
      BNC_JOULES_OPTIONS(c.joules),
      BNC_WORK_POWER(c.work),
      BNC_WORK_MEMORY(c.work),
      BNC_WORK_THREADS(c.work),
      BNC_WORK_LINEAR(c.work),
      BNC_WORK_QUIET(c.work),
  };
  const bnc_arguments arguments = {(const char *const[]){"MODEL", NULL}, &c.path, options, BNC_COUNT_OF(options)};
  c.work.joules = &c.joules;
  c.arguments = &arguments;
  int code = bnc_options_parse(command, &arguments, argc, argv);
  if (code != BNC_PARSED) return code;
  code = bnc_work_begin(&c.work);
  if (code == BNC_EXIT_DONE) code = bnc_work_open_model(&c.work, c.path);
  if (code == BNC_EXIT_DONE) code = bnc_work_check_tokenizer(&c.work, c.path);
  if (code == BNC_EXIT_DONE && images.count) code = bnc_work_check_vision(&c.work, c.path);
  if (code == BNC_EXIT_DONE) code = bnc_work_open_session(&c.work);
  if (code == BNC_EXIT_DONE && c.answer.save) code = bnc_work_check_output(&c.work, c.answer.save);
  if (code == BNC_EXIT_DONE) code = bnc_answer_prepare(&c.work, &c.answer);
  if (code == BNC_EXIT_DONE) bnc_model_keep_pictures(c.work.model, 4);
  if (code == BNC_EXIT_DONE) code = bnc_work_add_images(&c.work, &images);
  if (code == BNC_EXIT_DONE) {
    bnc_progress_clear(&c.work.progress);
    bnc_work_tell(&c.work);
    c.pictures = images.count;
    code = converse(&c);
    if (code == BNC_EXIT_DONE) code = bnc_answer_save(&c.work, &c.answer);
  }
  bnc_chat_free(&c);
  bnc_joules_end(&c.joules, &c.work);
  return bnc_work_end(&c.work, code);
}

const bnc_command bnc_cmd_chat = {
    .name = "chat",
    .synopsis = "MODEL [--image FILE]... [options]",
    .summary = "answers a question per line of standard input; pictures and earlier lines are not computed again",
    .details = "Lines that begin with a slash steer:\n" BNC_CHAT_COMMANDS
               "At a terminal, lines are edited as in a shell where the system has libedit; the history is kept in\n"
               "~/.local/state/binocle/history.",
    .examples = "  binocle chat model.bnc --image street.jpg\n"
                "  printf 'What is on the sign?\\nWhich colour is it?\\n' | binocle chat model.bnc --image street.jpg --quiet",
    .run = run,
};
