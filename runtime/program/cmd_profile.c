/* SPDX-License-Identifier: Apache-2.0 */
/* Where the time of one question goes, op by op. Without a prompt, ids are made up, so that models without a tokenizer serve too. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/program/command_line.h"
#include "runtime/program/commands.h"
#include "runtime/program/joules.h"
#include "runtime/program/work.h"

typedef struct profile {
  bnc_work work;
  const char *model, *image, *prompt, *trace, *report, *csv, *compare;
  uint64_t prompt_tokens, gen_tokens, repeat;
  bnc_joules joules; /* its options alone: the library measures */
  bool no_roofs;
  char command[1024]; /* as it was given */
} profile;

static bnc_status append_made_up(profile *p) {
  const size_t count = (size_t)p->prompt_tokens + (p->image != NULL);
  int32_t *ids = malloc(count * sizeof *ids);
  if (!ids) return BNC_ERROR_MEMORY;
  for (size_t i = 0; i < count; i++) ids[i] = (int32_t)(i * 37 % p->work.info.vocabulary);
  if (p->image) ids[0] = BNC_IMAGE_TOKEN;
  const bnc_status status = bnc_session_append(p->work.session, ids, count);
  free(ids);
  return status;
}

static int on_text(void *user, int32_t id, const char *text, size_t length) {
  (void)user;
  (void)id;
  (void)text;
  (void)length;
  return bnc_interrupted();
}

static bnc_status ask(profile *p) {
  bnc_session *session = p->work.session;
  bnc_sampling sampling;
  bnc_status status = BNC_OK;
  bnc_sampling_init(&sampling);
  sampling.max_tokens = (uint32_t)p->gen_tokens;
  sampling.ignore_stop = 1;
  bnc_session_reset(session);
  if (p->image) status = bnc_session_add_image_file(session, bnc_work_input(p->image));
  if (status == BNC_OK) status = p->prompt ? bnc_session_ask(session, p->prompt) : append_made_up(p);
  return status == BNC_OK ? bnc_session_generate(session, &sampling, on_text, NULL, NULL) : status;
}

static int record(profile *p) {
  bnc_profile_settings settings;
  bnc_profile_settings_init(&settings);
  settings.command = p->command;
  settings.watts = p->joules.watts;
  settings.meter = p->joules.name;
  settings.meter_command = p->joules.command;
  settings.idle_seconds = p->joules.idle;
  settings.energy = p->joules.energy; /* that a limit of power looks at */
  settings.no_roofs = p->no_roofs;
  bnc_status status = bnc_session_profile_begin(p->work.session, &settings);
  for (uint64_t i = 0; status == BNC_OK && i < p->repeat && !bnc_interrupted(); i++) status = ask(p);
  if (status != BNC_OK) return bnc_work_fail(&p->work, status, NULL, bnc_session_error(p->work.session));
  return bnc_interrupted() ? BNC_EXIT_INTERRUPTED : BNC_EXIT_DONE;
}

static int print(profile *p, bnc_profile_form form, const char *path) {
  char *text = NULL;
  bnc_statistics s = {.size = sizeof s};
  bnc_json_object json;
  int code = BNC_EXIT_DONE;
  bnc_status status = bnc_session_profile(p->work.session, form, &text);
  if (status != BNC_OK) return bnc_work_fail(&p->work, status, NULL, bnc_session_error(p->work.session));
  if (path) {
    status = bnc_text_save(p->work.context, path, text);
    if (status != BNC_OK) code = bnc_work_fail(&p->work, status, NULL, bnc_context_error(p->work.context));
  } else if (form == BNC_PROFILE_TEXT) {
    bnc_console_text(text);
  } else {
    bnc_session_get_statistics(p->work.session, &s);
    bnc_json_begin(&json, p->work.context);
    bnc_json_words(&json, "model", p->model);
    bnc_json_count(&json, "threads", s.threads);
    bnc_json_words(&json, "cpu_level", s.cpu_level);
    bnc_joules_describe_power(&p->work, p->work.session, &json);
    bnc_json_raw(&json, "profile", text);
    status = bnc_json_end(&json);
    if (status != BNC_OK) code = bnc_work_fail(&p->work, status, NULL, bnc_context_error(p->work.context));
  }
  bnc_string_free(text);
  return code;
}

static int measure(profile *p) {
  int code = BNC_EXIT_DONE;
  const char *const files[] = {p->trace, p->report, p->csv};
  for (size_t i = 0; code == BNC_EXIT_DONE && i < BNC_COUNT_OF(files); i++)
    if (files[i]) code = bnc_work_check_output(&p->work, files[i]);
  if (code == BNC_EXIT_DONE) code = bnc_work_open_model(&p->work, p->model);
  if (code == BNC_EXIT_DONE && p->image) code = bnc_work_check_vision(&p->work, p->model);
  if (code == BNC_EXIT_DONE && p->prompt) code = bnc_work_check_tokenizer(&p->work, p->model);
  if (code == BNC_EXIT_DONE) code = bnc_work_open_session(&p->work);
  if (code == BNC_EXIT_DONE) code = record(p);
  if (code == BNC_EXIT_DONE && p->trace) code = print(p, BNC_PROFILE_TRACE, p->trace);
  if (code == BNC_EXIT_DONE && p->report) code = print(p, BNC_PROFILE_HTML, p->report);
  if (code == BNC_EXIT_DONE && p->csv) code = print(p, BNC_PROFILE_CSV, p->csv);
  if (code == BNC_EXIT_DONE) code = print(p, p->work.json ? BNC_PROFILE_JSON : BNC_PROFILE_TEXT, NULL);
  return code;
}

/* The operand is the second file. */
static int compare(profile *p) {
  char *text = NULL;
  const bnc_status status = bnc_profile_compare(p->work.context, p->compare, p->model, p->work.json, &text);
  if (status != BNC_OK) return bnc_work_fail(&p->work, status, NULL, bnc_context_error(p->work.context));
  bnc_console_text(text);
  bnc_string_free(text);
  return BNC_EXIT_DONE;
}

static bool asks_to_compare(int argc, char **argv) {
  for (int i = 0; i < argc; i++)
    if (strcmp(argv[i], "--compare") == 0 || strncmp(argv[i], "--compare=", 10) == 0) return true;
  return false;
}

static int run(const bnc_command *command, int argc, char **argv) {
  profile p = {.prompt_tokens = 64, .gen_tokens = 16, .repeat = 1, .joules.idle = BNC_JOULES_IDLE};
  const bnc_option options[] = {
      {.name = "image", .value = "FILE", .help = "a picture to look at in front of the prompt", .text = &p.image},
      {.name = "prompt", .value = "TEXT", .help = "the question; default: made-up ids", .text = &p.prompt},
      {.name = "prompt-tokens", .value = "N", .help = "made-up ids; default 64", .count = &p.prompt_tokens, .least = 1, .most = 1u << 24},
      {.name = "gen-tokens", .value = "N", .help = "tokens to generate; default 16", .count = &p.gen_tokens, .least = 1, .most = 1u << 20},
      {.name = "trace", .output = true, .value = "FILE.json", .help = "what ran when, for Perfetto or chrome://tracing", .text = &p.trace},
      {.name = "report",
       .output = true,
       .value = "FILE.html",
       .help = "a page with timeline, roofline, tables, energy and memory plan",
       .text = &p.report},
      {.name = "csv", .output = true, .value = "FILE.csv", .help = "a line per op", .text = &p.csv},
      {.name = "repeat",
       .value = "R",
       .help = "asks R times, so that vision's ops have medians and a spread too; default 1",
       .count = &p.repeat,
       .least = 1,
       .most = 1000},
      BNC_JOULES_OPTIONS(p.joules),
      {.name = "no-roofs", .help = "do not measure what this machine can do at most: starts 0.3 s sooner", .flag = &p.no_roofs},
      BNC_WORK_POWER(p.work),
      BNC_WORK_MEMORY(p.work),
      {.name = "compare", .value = "A.json", .help = "runs nothing: compares B.json, in MODEL's place, with A.json", .text = &p.compare},
      BNC_WORK_JSON(p.work, "print one JSON object"),
      BNC_WORK_THREADS(p.work),
      BNC_WORK_LINEAR(p.work),
      BNC_WORK_QUIET(p.work),
  };
  const bnc_arguments arguments = {(const char *const[]){asks_to_compare(argc, argv) ? "B.json" : "MODEL", NULL}, &p.model, options,
                                   BNC_COUNT_OF(options)};
  p.work.joules = &p.joules;
  int code = bnc_options_parse(command, &arguments, argc, argv);
  if (code != BNC_PARSED) return code;
  if (p.compare && (p.image || p.prompt || p.trace || p.report || p.csv))
    return bnc_usage_error(command->name, "--compare runs nothing: it takes two files of 'binocle profile --json', and --json");
  bnc_command_line(p.command, sizeof p.command, command->name, argc, argv);
  p.work.private_preamble = true;
  code = bnc_work_begin(&p.work);
  if (code == BNC_EXIT_DONE) code = p.compare ? compare(&p) : measure(&p);
  bnc_session_destroy(p.work.session); /* its record may look at the meter still */
  p.work.session = NULL;
  bnc_joules_end(&p.joules, &p.work);
  return bnc_work_end(&p.work, code);
}

const bnc_command bnc_cmd_profile = {
    .name = "profile",
    .synopsis = "MODEL [--image FILE] [--prompt TEXT] [--trace FILE.json] [--report FILE.html] [--csv FILE.csv] [--json] [options]",
    .summary = "tells where time, memory and energy go: a table, a trace, a page",
    .details =
        "Times of ops are wall times; CPU time stands beside them, with a warning where the machine was busy. The percentages of the\n"
        "roof are of the least time that computing or moving the bytes can take on this machine, measured before and behind the run.\n"
        "'binocle profile --compare A.json B.json' tells which medians of two profiles (--json) differ by more than their spread\n"
        "makes likely; --repeat 5 gives vision a spread too.",
    .examples = "  binocle profile model.bnc --image street.jpg\n"
                "  binocle profile model.bnc --image street.jpg --repeat 5 --json > a.json\n"
                "  binocle profile --compare a.json b.json\n"
                "  binocle profile model.bnc --image street.jpg --prompt \"What is on the sign?\" --trace trace.json --report profile.html",
    .run = run,
};
