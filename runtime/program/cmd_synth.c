/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "runtime/program/commands.h"
#include "runtime/program/model_options.h"

static int synth(bnc_work *work, const char *preset, const bnc_compile_options *o) {
  const double start = bnc_seconds();
  bnc_progress_show(&work->progress, "making up weights", 0);
  const bnc_status status = bnc_synth(work->context, preset, o);
  if (status != BNC_OK) return bnc_work_fail(work, status, NULL, bnc_context_error(work->context));
  bnc_work_note(work, "%s is written, in %.1f s", o->output, bnc_seconds() - start);
  return BNC_EXIT_DONE;
}

static bool is_preset(const char *preset) {
  const char *name;
  for (unsigned i = 0; (name = bnc_synth_preset_name(i, NULL)) != NULL; i++)
    if (strcmp(name, preset) == 0) return true;
  return false;
}

static int run(const bnc_command *command, int argc, char **argv) {
  bnc_work work = {0};
  bnc_model_options m = BNC_MODEL_OPTIONS_DEFAULT;
  bnc_compile_options o;
  const char *preset = NULL;
  const bnc_option options[] = {BNC_MODEL_OPTIONS(m), BNC_WORK_THREADS(work), BNC_WORK_LINEAR(work), BNC_WORK_QUIET(work)};
  const bnc_arguments arguments = {(const char *const[]){"PRESET", NULL}, &preset, options, BNC_COUNT_OF(options)};
  int code = bnc_options_parse(command, &arguments, argc, argv);
  if (code == BNC_PARSED) code = bnc_model_options_take(command, &m, &o);
  if (code != BNC_PARSED) return code;
  if (!is_preset(preset))
    return bnc_usage_error(
        command->name, "there is no preset '%.60s', expected inf-llava-8b, inf-llava-3b, inf-llava-1b, llava-tile, w128 or pocket", preset);
  code = bnc_work_begin(&work);
  if (code == BNC_EXIT_DONE) code = bnc_model_options_check(&work, &m);
  if (code == BNC_EXIT_DONE) code = synth(&work, preset, &o);
  return bnc_work_end(&work, code);
}

const bnc_command bnc_cmd_synth = {
    .name = "synth",
    .synopsis = "PRESET -o MODEL.bnc [options]",
    .summary = "makes up a model of random weights in a real geometry, to time a size without its checkpoint",
    .details = "Presets: inf-llava-8b (as released: CLIP ViT-L/14-336 and LLaMA-3-8B), inf-llava-3b and inf-llava-1b (the same vision, a\n"
               "LLaMA-3.2-3B or -1B), llava-tile (LLaVA-1.5's vision: a single tile, before one small layer of text), w128 and pocket\n"
               "(small ones, for tests). The file has no tokenizer: 'binocle bench' and 'binocle score' take it.",
    .examples = "  binocle synth inf-llava-8b -o big.bnc --text-weights int4\n"
                "  binocle bench big.bnc --json",
    .run = run,
};
