/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "runtime/program/commands.h"
#include "runtime/program/work.h"

static int describe(bnc_work *work, bnc_description what, char **text) {
  const bnc_status status = bnc_model_describe(work->model, what, text);
  return status == BNC_OK ? BNC_EXIT_DONE : bnc_work_fail(work, status, NULL, bnc_context_error(work->context));
}

static int write_svg(bnc_work *work, const char *path) {
  char *svg = NULL;
  int code = describe(work, BNC_DESCRIBE_MEMORY_SVG, &svg);
  if (code == BNC_EXIT_DONE) {
    const bnc_status status = bnc_text_save(work->context, path, svg);
    if (status != BNC_OK) code = bnc_work_fail(work, status, NULL, bnc_context_error(work->context));
  }
  bnc_string_free(svg);
  return code;
}

static int print(bnc_work *work, bnc_description what) {
  char *text = NULL;
  const int code = describe(work, what, &text);
  if (code == BNC_EXIT_DONE) bnc_console_text(text);
  bnc_string_free(text);
  return code;
}

/* The JSON object, with the lines of the schedule as one more member. */
static int print_both(bnc_work *work) {
  char *json = NULL, *schedule = NULL;
  int code = describe(work, BNC_DESCRIBE_JSON, &json);
  if (code == BNC_EXIT_DONE) code = describe(work, BNC_DESCRIBE_SCHEDULE, &schedule);
  char *brace = code == BNC_EXIT_DONE ? strrchr(json, '}') : NULL;
  if (brace) {
    bnc_console_write(json, (size_t)(brace - json));
    bnc_console_print(",\n  \"schedule\": [");
    const char *separator = "\n    ";
    for (const char *line = schedule; *line && code == BNC_EXIT_DONE;) {
      const size_t length = strcspn(line, "\n");
      char *quoted = NULL;
      const bnc_status status = bnc_json_string(work->context, line, length, &quoted);
      if (status == BNC_OK)
        bnc_console_print("%s%s", separator, quoted);
      else
        code = bnc_work_fail(work, status, NULL, bnc_context_error(work->context));
      bnc_string_free(quoted);
      separator = ",\n    ";
      line += length + (line[length] == '\n');
    }
    bnc_console_print("\n  ]\n}\n");
  }
  bnc_string_free(json);
  bnc_string_free(schedule);
  return code;
}

static int run(const bnc_command *command, int argc, char **argv) {
  bnc_work work = {0};
  const char *path = NULL, *svg = NULL;
  bool schedule = false;
  const bnc_option options[] = {
      BNC_WORK_JSON(work, "everything as one JSON object"),
      {.name = "schedule", .help = "a line per op of each program; with --json one more member", .flag = &schedule},
      {.name = "memory-svg", .output = true, .value = "FILE.svg", .help = "draw the memory plan: who lives where and when", .text = &svg},
      BNC_WORK_QUIET(work),
  };
  const bnc_arguments arguments = {(const char *const[]){"MODEL", NULL}, &path, options, BNC_COUNT_OF(options)};
  int code = bnc_options_parse(command, &arguments, argc, argv);
  if (code != BNC_PARSED) return code;
  code = bnc_work_begin(&work);
  if (code == BNC_EXIT_DONE && svg) code = bnc_work_check_output(&work, svg);
  if (code == BNC_EXIT_DONE) code = bnc_work_open_model(&work, path);
  bnc_progress_clear(&work.progress);
  if (code == BNC_EXIT_DONE && svg) code = write_svg(&work, svg);
  if (code == BNC_EXIT_DONE && work.json && schedule)
    code = print_both(&work);
  else if (code == BNC_EXIT_DONE)
    code = print(&work, work.json ? BNC_DESCRIBE_JSON : schedule ? BNC_DESCRIBE_SCHEDULE : BNC_DESCRIBE_TEXT);
  return bnc_work_end(&work, code);
}

const bnc_command bnc_cmd_inspect = {
    .name = "inspect",
    .synopsis = "MODEL [--json] [--schedule] [--memory-svg FILE.svg]",
    .summary = "tells what a model file holds, runs and needs",
    .examples = "  binocle inspect model.bnc\n"
                "  binocle inspect model.bnc --json | jq .vision.live_tiles\n"
                "  binocle inspect model.bnc --schedule --memory-svg memory.svg",
    .run = run,
};
