/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "runtime/program/commands.h"
#include "runtime/program/work.h"

typedef struct compile_arguments {
  const char *checkpoint, *output, *tower, *report;
  unsigned vision, text, group; /* indices of the choices */
  uint64_t context, input_size;
  bnc_text_list disabled;
  bool packed;
} compile_arguments;

static const char *const vision_choices[] = {"f32", "int8", NULL}, *const text_choices[] = {"f32", "int8", "int4", NULL},
                        *const group_choices[] = {"32", "64", "128", NULL};

/* Bits of the passes to leave out, or the exit code of wrong usage. */
static int find_passes(const bnc_command *command, const bnc_text_list *names, unsigned *bits) {
  for (size_t i = 0; i < names->count; i++) {
    char all[256] = "";
    unsigned pass = 0;
    const char *name;
    while ((name = bnc_compile_pass_name(pass)) != NULL && strcmp(name, names->item[i]) != 0) {
      const size_t used = strlen(all);
      snprintf(all + used, sizeof all - used, "%s%s", used ? ", " : "", name);
      pass++;
    }
    if (!name) return bnc_usage_error(command->name, "there is no pass '%.60s', expected one of %s", names->item[i], all);
    *bits |= 1u << pass;
  }
  return BNC_PARSED;
}

static int compile(bnc_work *work, const compile_arguments *a, unsigned disabled) {
  bnc_compile_options o;
  bnc_compile_options_init(&o);
  o.checkpoint = a->checkpoint;
  o.vision_tower = a->tower;
  o.output = a->output;
  o.vision_weights = (bnc_weights)a->vision;
  o.text_weights = (bnc_weights)a->text;
  o.group = 32u << a->group;
  o.context = (unsigned)a->context;
  o.input_size = (unsigned)a->input_size;
  o.disabled_passes = disabled;
  o.report = a->report;
  o.packed = a->packed;
  const double start = bnc_seconds();
  bnc_progress_show(&work->progress, "reading the checkpoint", 0);
  const bnc_status status = bnc_compile(work->context, &o);
  if (status != BNC_OK) return bnc_work_fail(work, status, NULL, bnc_context_error(work->context));
  bnc_work_note(work, "%s is written, in %.1f s", a->output, bnc_seconds() - start);
  return BNC_EXIT_DONE;
}

static int run(const bnc_command *command, int argc, char **argv) {
  bnc_work work = {0};
  unsigned disabled = 0;
  compile_arguments a = {.vision = BNC_WEIGHTS_INT8, .text = BNC_WEIGHTS_INT8};
  const bnc_option options[] = {
      {.name = "o", .value = "MODEL.bnc", .help = "the model file to write; it appears complete or not at all", .required = true, .text = &a.output},
      {.name = "vision-tower", .value = "DIR", .help = "folder of the CLIP tower; default: the checkpoint's own", .text = &a.tower},
      {.name = "vision-weights", .value = "TYPE", .help = "f32 or int8 (the default)", .choice = &a.vision, .choices = vision_choices},
      {.name = "text-weights", .value = "TYPE", .help = "f32, int8 (the default) or int4", .choice = &a.text, .choices = text_choices},
      {.name = "group", .value = "N", .help = "int4: weights per scale, 32 (the default), 64 or 128", .choice = &a.group, .choices = group_choices},
      {.name = "context", .value = "N", .help = "rows to which a prompt with its pictures is cut; default: the config's, at most 4096", .count = &a.context, .least = 1, .most = 1u << 24},
      {.name = "input-size", .value = "N", .help = "side of the resized picture in pixels; default: all tiles side by side", .count = &a.input_size, .least = 1, .most = 1u << 16},
      {.name = "packed", .help = "also hold the weights as this machine packs them: twice as large, needs no cache folder", .flag = &a.packed},
      {.name = "disable-pass", .value = "NAME", .help = "leave out a pass of the optimiser", .list = &a.disabled},
      {.name = "report", .value = "FILE.json", .help = "write what each pass saved", .text = &a.report},
      BNC_WORK_THREADS(work),
      BNC_WORK_QUIET(work),
  };
  const bnc_arguments arguments = {(const char *const[]){"CHECKPOINT", NULL}, &a.checkpoint, options, BNC_COUNT_OF(options)};
  int code = bnc_options_parse(command, &arguments, argc, argv);
  if (code == BNC_PARSED) code = find_passes(command, &a.disabled, &disabled);
  if (code != BNC_PARSED) return code;
  code = bnc_work_begin(&work);
  if (code == BNC_EXIT_DONE) code = bnc_work_check_output(&work, a.output);
  if (code == BNC_EXIT_DONE && a.report) code = bnc_work_check_output(&work, a.report);
  if (code == BNC_EXIT_DONE) code = compile(&work, &a, disabled);
  return bnc_work_end(&work, code);
}

const bnc_command bnc_cmd_compile = {
    .name = "compile",
    .synopsis = "CHECKPOINT -o MODEL.bnc [options]",
    .summary = "turns a checkpoint (a folder with config.json and safetensors) into a model file",
    .examples = "  binocle compile INF-LLaVA -o model.bnc\n"
                "  binocle compile INF-LLaVA -o small.bnc --text-weights int4 --group 64 --report passes.json\n"
                "  binocle compile INF-LLaVA --vision-tower clip-vit-large-patch14-336 --vision-weights f32 --text-weights f32 -o exact.bnc",
    .run = run,
};
