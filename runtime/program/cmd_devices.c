/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "runtime/program/commands.h"
#include "runtime/program/model_options.h"
#include "runtime/program/nearest.h"
#include "runtime/program/work.h"

/* What may be suggested, the largest first. */
static const char *const presets[] = {"inf-llava-8b", "inf-llava-3b", "inf-llava-1b"};
enum { PRESETS = BNC_COUNT_OF(presets), DEMANDS = PRESETS + 1, UNSAID = 99 };

typedef struct devices {
  bnc_work work;
  bnc_operand_list asked; /* a model or a preset, at most one */
  const char *board;
  unsigned vision, text; /* weights of presets, indices of the choices */
  bnc_demand *demand[DEMANDS];
  size_t count;
} devices;

static bool is_preset(const char *text) {
  const char *name;
  for (unsigned i = 0; (name = bnc_synth_preset_name(i, NULL)) != NULL; i++)
    if (strcmp(name, text) == 0) return true;
  return false;
}

/* What has a slash, or is there, is a file. */
static int refuse_unknown(devices *d, const char *asked) {
  char said[96];
  const char *name;
  bnc_nearest preset = {.typed = asked}, board = {.typed = asked};
  if (strchr(asked, '/') || access(asked, F_OK) == 0) return BNC_EXIT_DONE;
  for (unsigned i = 0; (name = bnc_synth_preset_name(i, NULL)) != NULL; i++) bnc_nearest_offer(&preset, name);
  for (unsigned i = 0; (name = bnc_board_name(i, NULL)) != NULL; i++) bnc_nearest_offer(&board, name);
  if (!preset.name && !board.name) return BNC_EXIT_DONE;
  const bool is_board = board.name && (!preset.name || board.distance < preset.distance);
  return bnc_work_refuse(&d->work, "%s: no such file or preset%s", asked,
                         bnc_nearest_say(is_board ? &board : &preset, is_board ? "--board " : "", said));
}

static int check_board(const bnc_command *command, const char *board) {
  char all[256] = "", said[96];
  const char *name;
  bnc_nearest nearest = {.typed = board};
  if (!board) return BNC_PARSED;
  for (unsigned i = 0; (name = bnc_board_name(i, NULL)) != NULL; i++) {
    const size_t used = strlen(all);
    if (strcmp(name, board) == 0) return BNC_PARSED;
    bnc_nearest_offer(&nearest, name);
    snprintf(all + used, sizeof all - used, "%s%s", used ? ", " : "", name);
  }
  return bnc_usage_error(command->name, "there is no board '%.60s', expected one of %s%s", board, all, bnc_nearest_say(&nearest, "", said));
}

static int add_preset(devices *d, const char *name) {
  bnc_compile_options o;
  bnc_compile_options_init(&o);
  o.vision_weights = bnc_vision_weights(d->vision);
  o.text_weights = (bnc_weights)d->text;
  const bnc_status s = bnc_synth_demand(d->work.context, name, &o, &d->demand[d->count]);
  if (s != BNC_OK) return bnc_work_fail(&d->work, s, NULL, bnc_context_error(d->work.context));
  d->count++;
  return BNC_EXIT_DONE;
}

static int add_model(devices *d, const char *path) {
  const int code = bnc_work_open_model(&d->work, path);
  if (code != BNC_EXIT_DONE) return code;
  const bnc_status s = bnc_model_demand(d->work.model, &d->demand[d->count]);
  if (s != BNC_OK) return bnc_work_fail(&d->work, s, NULL, bnc_context_error(d->work.context));
  d->count++;
  return BNC_EXIT_DONE;
}

/* What is asked about first, then what else could be suggested. */
static int collect(devices *d, const char *asked) {
  int code = !asked ? BNC_EXIT_DONE : is_preset(asked) ? add_preset(d, asked) : refuse_unknown(d, asked);
  if (code == BNC_EXIT_DONE && asked && !is_preset(asked)) code = add_model(d, asked);
  for (size_t i = 0; i < PRESETS && code == BNC_EXIT_DONE; i++)
    if (!asked || strcmp(asked, presets[i]) != 0) code = add_preset(d, presets[i]);
  return code;
}

static int tell(devices *d, const char *asked) {
  char *text = NULL;
  bnc_status status;
  if (!asked && !d->board) {
    status = bnc_devices(d->work.context, d->work.json, &text);
  } else {
    const int code = collect(d, asked);
    if (code != BNC_EXIT_DONE) return code;
    const bnc_fit_request request = {.size = sizeof request,
                                     .board = d->board,
                                     .demand = (const bnc_demand *const *)d->demand,
                                     .count = d->count,
                                     .asked = asked ? 1 : d->count,
                                     .json = d->work.json};
    status = bnc_fit(d->work.context, &request, &text);
  }
  bnc_progress_clear(&d->work.progress);
  if (status != BNC_OK) return bnc_work_fail(&d->work, status, NULL, bnc_context_error(d->work.context));
  if (!d->work.json && ((asked && is_preset(asked)) || (!asked && d->board)))
    bnc_console_print("%-10s vision %s, text %s; 'binocle compile' makes both int8 unless it is told otherwise\n", "weights",
                      bnc_vision_choices[d->vision], bnc_text_choices[d->text]);
  bnc_console_text(text);
  bnc_string_free(text);
  return BNC_EXIT_DONE;
}

static int run(const bnc_command *command, int argc, char **argv) {
  devices d = {.vision = UNSAID, .text = UNSAID};
  const bnc_option options[] = {
      {.name = "MODEL|PRESET", .help = "a model file, or a preset of 'binocle synth': does it fit, and how fast is it?", .rest = &d.asked},
      {.name = "board",
       .value = "NAME",
       .help = "estimate for a board instead of measuring here: pi5, orin-nano, phone-mid ...",
       .text = &d.board},
      {.name = "vision-weights",
       .value = "TYPE",
       .help = "of a preset: f32, bf16 or int8 (the default)",
       .choice = &d.vision,
       .choices = bnc_vision_choices},
      {.name = "text-weights",
       .value = "TYPE",
       .help = "of a preset: f32, bf16, int8 or int4 (the default)",
       .choice = &d.text,
       .choices = bnc_text_choices},
      BNC_WORK_JSON(d.work, "everything as one JSON object"),
      BNC_WORK_THREADS(d.work),
      BNC_WORK_LINEAR(d.work),
      BNC_WORK_QUIET(d.work),
  };
  const bnc_arguments arguments = {(const char *const[]){NULL}, NULL, options, BNC_COUNT_OF(options)};
  int code = bnc_options_parse(command, &arguments, argc, argv);
  if (code != BNC_PARSED) return code;
  if (d.asked.count > 1) return bnc_usage_error(command->name, "'%.60s' is one argument too many", d.asked.item[1]);
  const char *asked = d.asked.count ? d.asked.item[0] : NULL;
  const bool of_preset = asked ? is_preset(asked) || access(asked, F_OK) != 0 : d.board != NULL;
  if (!of_preset && (d.vision != UNSAID || d.text != UNSAID))
    return bnc_usage_error(command->name, "--%s-weights needs a preset%s", d.vision != UNSAID ? "vision" : "text",
                           asked ? ": a model file has its own" : " or --board");
  if (d.vision == UNSAID) d.vision = BNC_WEIGHTS_INT8;
  if (d.text == UNSAID) d.text = BNC_WEIGHTS_INT4;
  code = check_board(command, d.board);
  if (code != BNC_PARSED) return code;
  code = bnc_work_begin(&d.work);
  if (code == BNC_EXIT_DONE) code = tell(&d, asked);
  for (size_t i = 0; i < d.count; i++) bnc_demand_free(d.demand[i]);
  return bnc_work_end(&d.work, code);
}

const bnc_command bnc_cmd_devices = {
    .name = "devices",
    .synopsis = "[MODEL|PRESET] [--board NAME] [--json] [options]",
    .summary = "tells what this machine offers, and whether a model fits it and how fast it will be",
    .details =
        "Without a model: CPU levels, caches, meters, temperatures, and what slows the machine down. With one: a measurement of less than\n"
        "5 seconds, then seconds per picture, tokens per second and, where there is a meter, joules; all before any download.\n"
        "Boards: pi3, zero2, pi4, pi5, jetson-nano, orin-nano, agx-orin, phone-mid, phone-flagship; without a model all presets are "
        "told.",
    .examples = "  binocle devices inf-llava-3b\n  binocle devices inf-llava-1b --board pi5\n  binocle devices --json | jq .cpu",
    .run = run,
};
