/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/program/answer.h"
#include "runtime/program/commands.h"

typedef struct chat {
  bnc_work work;
  bnc_answer_options answer;
  const char *path;
  size_t pictures; /* added since the last question */
  bool keyboard;   /* a person types: what goes wrong is said, and the conversation goes on */
} chat;

#define GO_ON (-1) /* not an exit code: next line */

static const char help[] = "/image FILE  a picture for the next question\n"
                           "/reset       forget the conversation and its pictures\n"
                           "/quit        leave, as the end of input does; Ctrl-C stops an answer\n"
                           "A question that begins with a slash: write two.\n";

/* A line that failed ends a conversation only where nobody is there to see it. */
static int after(const chat *c, int code) { return code == BNC_EXIT_DONE || c->keyboard ? GO_ON : code; }

static int add_picture(chat *c, const char *file) {
  const bnc_text_list one = {1, {file}};
  int code = bnc_work_check_vision(&c->work, c->path);
  if (code == BNC_EXIT_DONE) code = bnc_work_add_images(&c->work, &one);
  bnc_progress_clear(&c->work.progress);
  c->pictures += code == BNC_EXIT_DONE;
  return after(c, code);
}

static int command_line(chat *c, char *line) {
  char *rest = line + strcspn(line, " \t");
  if (*rest) *rest++ = '\0';
  rest += strspn(rest, " \t");
  if (strcmp(line, "/image") == 0 && *rest) return add_picture(c, rest);
  if (strcmp(line, "/image") == 0) return after(c, bnc_work_refuse(&c->work, "/image lacks the name of a file"));
  if (!*rest && (strcmp(line, "/quit") == 0 || strcmp(line, "/exit") == 0)) return BNC_EXIT_DONE;
  if (!*rest && strcmp(line, "/help") == 0) {
    fputs(help, stderr);
    return GO_ON;
  }
  if (!*rest && strcmp(line, "/reset") == 0) {
    bnc_session_reset(c->work.session);
    c->pictures = 0;
    return GO_ON;
  }
  return after(c, bnc_work_refuse(&c->work, "there is no '%.60s', expected /image FILE, /reset, /help or /quit", line));
}

static int question_line(chat *c, const char *question) {
  bnc_answer answer = {.work = &c->work, .stream = true};
  int code = bnc_answer_check_question(&c->work, question, c->pictures);
  if (code == BNC_EXIT_DONE) {
    code = bnc_answer_ask(&answer, question, &c->answer);
    /* Pictures of a question that failed wait for the next. */
    if (code == BNC_EXIT_DONE || answer.begun) c->pictures = 0;
  }
  bnc_answer_free(&answer);
  if (answer.output_failed) return BNC_EXIT_FAILED;
  return after(c, code);
}

static int one_line(chat *c, char *line, size_t length) {
  if (strlen(line) != length) return after(c, bnc_work_refuse(&c->work, "a question has a zero byte, expected text"));
  while (length && isspace((unsigned char)line[length - 1])) line[--length] = '\0';
  line += strspn(line, " \t");
  if (!*line) return GO_ON;
  bnc_interrupt_arm();
  if (line[0] != '/') return question_line(c, line);
  return line[1] == '/' ? question_line(c, line + 1) : command_line(c, line);
}

static int converse(chat *c) {
  char *line = NULL;
  size_t room = 0;
  bool first = true;
  int code = GO_ON;
  while (code == GO_ON) {
    bnc_interrupt_arm();
    if (c->keyboard) fputs("> ", stderr);
    errno = 0;
    const ssize_t length = c->keyboard && !bnc_interrupt_or_input() ? -1 : getline(&line, &room, stdin);
    if (length < 0) {
      if (c->keyboard) fputs("\n", stderr);
      if (bnc_interrupted())
        code = BNC_EXIT_INTERRUPTED;
      else
        code = feof(stdin) ? BNC_EXIT_DONE : bnc_work_refuse(&c->work, "cannot read standard input: %s", strerror(errno));
    } else {
      const size_t mark = first ? bnc_console_mark(line, (size_t)length) : 0;
      code = one_line(c, line + mark, (size_t)length - mark);
      first = false;
    }
  }
  free(line);
  return code;
}

static int run(const bnc_command *command, int argc, char **argv) {
  chat c = {.answer = BNC_ANSWER_DEFAULTS, .keyboard = isatty(STDIN_FILENO)};
  bnc_text_list images = {0};
  const bnc_option options[] = {
      {.name = "image", .value = "FILE", .help = "a picture to talk about", .list = &images},
      BNC_CONVERSATION_OPTIONS(c.answer),
      BNC_ANSWER_OPTIONS(c.answer),
      BNC_WORK_THREADS(c.work),
      BNC_WORK_LINEAR(c.work),
      BNC_WORK_QUIET(c.work),
  };
  const bnc_arguments arguments = {(const char *const[]){"MODEL", NULL}, &c.path, options, BNC_COUNT_OF(options)};
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
  return bnc_work_end(&c.work, code);
}

const bnc_command bnc_cmd_chat = {
    .name = "chat",
    .synopsis = "MODEL [--image FILE]... [options]",
    .summary = "answers a question per line of standard input; pictures and earlier lines are not computed again",
    .details = "\nLines that begin with a slash steer:\n"
               "  /image FILE  a picture for the next question\n"
               "  /reset       forget the conversation and its pictures\n"
               "  /quit        leave, as the end of input does; Ctrl-C stops an answer",
    .examples = "  binocle chat model.bnc --image street.jpg\n"
                "  printf 'What is on the sign?\\nWhich colour is it?\\n' | binocle chat model.bnc --image street.jpg --quiet",
    .run = run,
};
