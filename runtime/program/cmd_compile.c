/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "runtime/program/bus_guard.h"
#include "runtime/program/commands.h"
#include "runtime/program/eval/question_set.h"
#include "runtime/program/foresight.h"
#include "runtime/program/model_options.h"
#include "runtime/program/question_rows.h"

#define EVALUATE_WINDOW 512u /* tokens */

static bool is_quantized(bnc_weights weights) { return weights == BNC_WEIGHTS_INT8 || weights == BNC_WEIGHTS_INT4; }

/* Calibration goes on from the folder that it leaves. */
static void tell_what_is_kept(bnc_work *work, const char *output) {
  char folder[4096];
  const int length = snprintf(folder, sizeof folder, "%s.calibration", output);
  if (length < 0 || (size_t)length >= sizeof folder || access(folder, F_OK) != 0) return;
  bnc_progress_clear(&work->progress);
  bnc_console_error("interrupted: %s holds the layers that are calibrated; the same command goes on from there", folder);
}

static int compile(bnc_work *work, const bnc_compile_options *options) {
  const double start = bnc_seconds();
  bnc_compile_options o = *options;
  bnc_question_rows rows = {0};
  int code = BNC_EXIT_DONE;
  bnc_progress_show(&work->progress, "reading the checkpoint", 0);
  bnc_bus_guard(o.checkpoint);
  if (o.calibration && is_quantized(o.text_weights) && bnc_is_questions(o.calibration)) {
    code = bnc_question_rows_read(work, &o, o.calibration, &rows);
    o.calibration = NULL;
    o.prompts = &rows.prompts;
    o.moments = rows.moments;
    bnc_bus_guard(o.checkpoint);
  }
  const bnc_status status = code == BNC_EXIT_DONE ? bnc_compile(work->context, &o) : BNC_OK;
  bnc_question_rows_free(&rows);
  if (code != BNC_EXIT_DONE) return code;
  if (status == BNC_ERROR_CANCELLED) tell_what_is_kept(work, o.output);
  if (status != BNC_OK) return bnc_work_fail(work, status, NULL, bnc_context_error(work->context));
  bnc_work_note(work, "%s is written, in %.1f s", o.output, bnc_seconds() - start);
  return BNC_EXIT_DONE;
}

/* The same checkpoint in f32, beside the model while it is compared; rotated as that is, so that layers can be. */
static int evaluate(bnc_work *work, const bnc_compile_options *o, const char *file) {
  char path[4096];
  bnc_foresight found = {.layers.file = -1};
  const bnc_foresee_options judged = {.file = file, .reference = path, .window = EVALUATE_WINDOW, .whole = true};
  bnc_compile_options exact = *o;
  const int length = snprintf(path, sizeof path, "%s.f32", o->output);
  if (length < 0 || (size_t)length >= sizeof path) return bnc_work_refuse(work, "%.60s...: the name is too long", o->output);
  int code = bnc_work_open_model(work, o->output);
  if (code != BNC_EXIT_DONE) return code;
  exact.output = path;
  exact.text_weights = exact.vision_weights = BNC_WEIGHTS_F32;
  exact.kv_cache = BNC_CACHE_DEFAULT;
  exact.rotation = work->info.rotated ? BNC_ROTATION_ON : BNC_ROTATION_OFF;
  exact.bits_per_weight = 0;
  exact.calibration = exact.report = NULL;
  exact.packed = 0;
  bnc_bus_guard(o->checkpoint);
  const bnc_status status = bnc_compile(work->context, &exact);
  if (status != BNC_OK) return bnc_work_fail(work, status, NULL, bnc_context_error(work->context));
  code = bnc_foresee(work, o->output, &judged, &found);
  unlink(path);
  if (code == BNC_EXIT_DONE) code = bnc_foresight_print(work, &found, "f32");
  bnc_foresight_free(&found);
  return code;
}

/* What is to be evaluated on, before hours of work. */
static int check_evaluated(bnc_work *work, const char *file) {
  bnc_question_set set = {0};
  char why[BNC_WHY];
  if (access(file, R_OK) != 0) return bnc_work_refuse(work, "%s: %s", file, strerror(errno));
  const bool fine = !bnc_is_questions(file) || bnc_question_set_load(&set, file, why);
  bnc_question_set_free(&set);
  return fine ? BNC_EXIT_DONE : bnc_work_refuse(work, "%s: %s", file, why);
}

static int run(const bnc_command *command, int argc, char **argv) {
  bnc_work work = {0};
  bnc_model_options m = BNC_MODEL_OPTIONS_DEFAULT;
  bnc_compile_options o;
  const char *checkpoint = NULL, *tower = NULL, *mmproj = NULL, *calibration = NULL, *text = NULL;
  const bnc_option options[] = {
      {.name = "vision-tower", .value = "DIR", .help = "folder of the CLIP tower; default: the checkpoint's own", .text = &tower},
      {.name = "mmproj", .value = "FILE", .help = "GGUF file of the vision side of a GGUF checkpoint (LLaVA-1.5)", .text = &mmproj},
      {.name = "calibration",
       .value = "FILE",
       .help = "fit int8 and int4 text weights to this text, QUESTIONS.jsonl as for eval (vision too), or: default",
       .text = &calibration},
      {.name = "evaluate",
       .value = "FILE",
       .help = "then compare it with the checkpoint in f32 on this text or QUESTIONS.jsonl: tokens, layers, KV caches",
       .text = &text},
      {.name = "json", .help = "with --evaluate: print one JSON object", .flag = &work.json, .needs = "evaluate"},
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
  if (code == BNC_EXIT_DONE && text) code = check_evaluated(&work, text);
  if (code == BNC_EXIT_DONE) code = compile(&work, &o);
  if (code == BNC_EXIT_DONE && text) code = evaluate(&work, &o, text);
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
