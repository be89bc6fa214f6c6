/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/program/commands.h"
#include "runtime/program/work.h"

static const char *const stages[] = {"pixels", "tiles", "dem", "projector", NULL}; /* in the order of bnc_image_stage */

static int encode(bnc_work *work, const char *path, const char *image, bnc_image_stage stage, const char *output) {
  bnc_array array = {0};
  int code = bnc_work_check_output(work, output);
  if (code == BNC_EXIT_DONE) code = bnc_work_open_model(work, path);
  if (code == BNC_EXIT_DONE) code = bnc_work_check_vision(work, path);
  if (code == BNC_EXIT_DONE) code = bnc_work_open_session(work);
  if (code != BNC_EXIT_DONE) return code;
  bnc_status status = bnc_session_encode(work->session, bnc_work_input(image), stage, &array);
  if (status != BNC_OK) return bnc_work_fail(work, status, NULL, bnc_session_error(work->session));
  status = bnc_array_save(work->context, output, array.values, array.shape, array.rank);
  bnc_array_free(&array);
  return status == BNC_OK ? BNC_EXIT_DONE : bnc_work_fail(work, status, NULL, bnc_context_error(work->context));
}

/* Behind the model, or as other commands take it. */
static int find_picture(const char *command, const bnc_operand_list *behind, const char **image) {
  if (behind->count > (*image ? 0 : 1)) return bnc_usage_error(command, "'%.60s' is one argument too many", behind->item[*image ? 0 : 1]);
  if (behind->count) *image = behind->item[0];
  return *image ? BNC_PARSED : bnc_usage_error(command, "IMAGE is missing");
}

static int run(const bnc_command *command, int argc, char **argv) {
  bnc_work work = {0};
  unsigned stage = 0;
  const char *model = NULL, *image = NULL, *output = NULL;
  bnc_operand_list behind;
  const bnc_option options[] = {
      {.name = "IMAGE", .rest = &behind, .help = "the picture, or --image"},
      {.name = "image", .value = "FILE", .help = "the picture; - reads standard input", .text = &image},
      {.name = "stage", .value = "STAGE", .help = "pixels, tiles, dem or projector", .required = true, .choice = &stage, .choices = stages},
      {.name = "o", .output = true, .value = "OUT.npy", .help = "the float32 array to write", .required = true, .text = &output},
      BNC_WORK_THREADS(work),
      BNC_WORK_LINEAR(work),
      BNC_WORK_QUIET(work),
  };
  const bnc_arguments arguments = {(const char *const[]){"MODEL", NULL}, &model, options, BNC_COUNT_OF(options)};
  int code = bnc_options_parse(command, &arguments, argc, argv);
  if (code == BNC_PARSED) code = find_picture(command->name, &behind, &image);
  if (code == BNC_PARSED) code = bnc_options_check_output(output, image);
  if (code != BNC_PARSED) return code;
  code = bnc_work_begin(&work);
  if (code == BNC_EXIT_DONE) code = encode(&work, model, image, (bnc_image_stage)stage, output);
  return bnc_work_end(&work, code);
}

const bnc_command bnc_cmd_encode = {
    .name = "encode",
    .synopsis = "MODEL IMAGE|--image FILE --stage STAGE -o OUT.npy [options]",
    .summary = "writes what vision makes of a picture, at one of its stages",
    .details = "stages, as float32 arrays:\n"
               "  pixels     [3, S, S]        the padded, resized and normalised picture\n"
               "  tiles      [T, rows, C]     the tower's features of each live tile ('binocle inspect --json' names them)\n"
               "  dem        [rows, C]        local and global features, fused\n"
               "  projector  [rows, H]        what the language model reads",
    .examples = "  binocle encode model.bnc street.jpg --stage projector -o street.npy",
    .run = run,
};
