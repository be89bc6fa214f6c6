/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/program/commands.h"
#include "runtime/program/work.h"

static int run(const bnc_command *command, int argc, char **argv) {
  bnc_work work = {0};
  char *text = NULL;
  const bnc_option options[] = {BNC_WORK_JSON(work, "everything as one JSON object"), BNC_WORK_QUIET(work)};
  const bnc_arguments arguments = {(const char *const[]){NULL}, NULL, options, BNC_COUNT_OF(options)};
  int code = bnc_options_parse(command, &arguments, argc, argv);
  if (code != BNC_PARSED) return code;
  code = bnc_work_begin(&work);
  if (code == BNC_EXIT_DONE) {
    const bnc_status status = bnc_devices(work.context, work.json, &text);
    if (status == BNC_OK)
      bnc_console_text(text);
    else
      code = bnc_work_fail(&work, status, NULL, bnc_context_error(work.context));
  }
  bnc_string_free(text);
  return bnc_work_end(&work, code);
}

const bnc_command bnc_cmd_devices = {
    .name = "devices",
    .synopsis = "[--json]",
    .summary = "tells what this machine offers: CPU levels, caches, energy meters, temperatures",
    .examples = "  binocle devices\n  binocle devices --json | jq .cpu",
    .run = run,
};
