/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/program/bus_guard.h"
#include "runtime/program/commands.h"
#include "runtime/program/work.h"

static int convert(bnc_work *work, bnc_tokenizer *tokenizer, bool decode) {
  char *line = NULL, where[32];
  size_t room = 0;
  ssize_t length;
  int code = BNC_EXIT_DONE;
  errno = 0;
  for (uint64_t number = 1; (length = getline(&line, &room, stdin)) >= 0; number++) {
    char *result = NULL;
    if (length && line[length - 1] == '\n') length--;
    const size_t mark = number == 1 ? bnc_console_mark(line, (size_t)length) : 0;
    const bnc_status status = bnc_tokenizer_json_line(tokenizer, line + mark, (size_t)length - mark, decode, &result);
    if (status == BNC_OK) {
      bnc_console_print("%s\n", result);
      /* Whoever sends one line and waits for its answer gets it. */
      if (!bnc_console_flush()) code = BNC_EXIT_FAILED;
    } else {
      snprintf(where, sizeof where, "line %llu", (unsigned long long)number);
      code = bnc_work_fail(work, status, where, bnc_context_error(work->context));
    }
    bnc_string_free(result);
    if (code != BNC_EXIT_DONE) break;
  }
  if (code == BNC_EXIT_DONE && bnc_interrupted())
    code = BNC_EXIT_INTERRUPTED;
  else if (code == BNC_EXIT_DONE && ferror(stdin))
    code = bnc_work_refuse(work, "cannot read standard input: %s", strerror(errno));
  free(line);
  return code;
}

static int run(const bnc_command *command, int argc, char **argv) {
  bnc_work work = {0};
  const char *path = NULL;
  bool decode = false;
  const bnc_option options[] = {
      {.name = "decode", .help = "back: an array of ids per line in, a string per line out", .flag = &decode},
      BNC_WORK_QUIET(work),
  };
  const bnc_arguments arguments = {(const char *const[]){"MODEL", NULL}, &path, options, BNC_COUNT_OF(options)};
  int code = bnc_options_parse(command, &arguments, argc, argv);
  if (code != BNC_PARSED) return code;
  bnc_tokenizer *tokenizer = NULL;
  code = bnc_work_begin(&work);
  if (code == BNC_EXIT_DONE) {
    bnc_bus_guard(path);
    const bnc_status status = bnc_tokenizer_open(work.context, path, &tokenizer);
    if (status != BNC_OK) code = bnc_work_fail(&work, status, NULL, bnc_context_error(work.context));
  }
  if (code == BNC_EXIT_DONE) code = convert(&work, tokenizer, decode);
  bnc_tokenizer_close(tokenizer);
  return bnc_work_end(&work, code);
}

const bnc_command bnc_cmd_tokenize = {
    .name = "tokenize",
    .synopsis = "MODEL [--decode]",
    .summary = "turns lines of JSON strings into lines of JSON arrays of ids, or back",
    .details = "MODEL is a model file, or a folder with a tokenizer.json. No token of its own is put in front of a text.",
    .examples = "  echo '\"a street sign\"' | binocle tokenize model.bnc\n"
                "  echo '[64, 8761, 1879]' | binocle tokenize INF-LLaVA --decode",
    .run = run,
};
