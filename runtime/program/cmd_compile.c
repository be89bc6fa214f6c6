/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/program/bus_guard.h"
#include "runtime/program/commands.h"
#include "runtime/program/model_options.h"

static int compile(bnc_work *work, const bnc_compile_options *o) {
  const double start = bnc_seconds();
  bnc_progress_show(&work->progress, "reading the checkpoint", 0);
  bnc_bus_guard(o->checkpoint);
  const bnc_status status = bnc_compile(work->context, o);
  if (status != BNC_OK) return bnc_work_fail(work, status, NULL, bnc_context_error(work->context));
  bnc_work_note(work, "%s is written, in %.1f s", o->output, bnc_seconds() - start);
  return BNC_EXIT_DONE;
}

static int run(const bnc_command *command, int argc, char **argv) {
  bnc_work work = {0};
  bnc_model_options m = BNC_MODEL_OPTIONS_DEFAULT;
  bnc_compile_options o;
  const char *checkpoint = NULL, *tower = NULL, *mmproj = NULL, *calibration = NULL;
  const bnc_option options[] = {
      {.name = "vision-tower", .value = "DIR", .help = "folder of the CLIP tower; default: the checkpoint's own", .text = &tower},
      {.name = "mmproj", .value = "FILE", .help = "GGUF file of the vision side of a GGUF checkpoint (LLaVA-1.5)", .text = &mmproj},
      {.name = "calibration",
       .value = "TEXT",
       .help = "int8, int4: fit the text weights to what this text file makes of them; int4 takes long, can be interrupted",
       .text = &calibration},
      BNC_MODEL_OPTIONS(m),
      BNC_WORK_THREADS(work),
      BNC_WORK_LINEAR(work),
      BNC_WORK_QUIET(work),
  };
  const bnc_arguments arguments = {(const char *const[]){"CHECKPOINT", NULL}, &checkpoint, options, BNC_COUNT_OF(options)};
  int code = bnc_options_parse(command, &arguments, argc, argv);
  if (code == BNC_PARSED) code = bnc_model_options_take(command, &m, &o);
  if (code != BNC_PARSED) return code;
  o.checkpoint = checkpoint;
  o.vision_tower = tower;
  o.mmproj = mmproj;
  o.calibration = calibration;
  code = bnc_work_begin(&work);
  if (code == BNC_EXIT_DONE) code = bnc_model_options_check(&work, &m);
  if (code == BNC_EXIT_DONE) code = compile(&work, &o);
  return bnc_work_end(&work, code);
}

const bnc_command bnc_cmd_compile = {
    .name = "compile",
    .synopsis = "CHECKPOINT -o MODEL.bnc [options]",
    .summary = "turns a checkpoint (a folder with config.json and safetensors, or a GGUF file) into a model file",
    .examples =
        "  binocle compile INF-LLaVA -o model.bnc\n"
        "  binocle compile INF-LLaVA -o small.bnc --text-weights int4 --group 64 --report passes.json\n"
        "  binocle compile INF-LLaVA --vision-tower clip-vit-large-patch14-336 --vision-weights f32 --text-weights f32 -o exact.bnc\n"
        "  binocle compile SmolLM2-135M-Instruct-Q4_1.gguf -o smol.bnc",
    .run = run,
};
