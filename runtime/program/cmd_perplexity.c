/* SPDX-License-Identifier: Apache-2.0 */
/* How well a model foresees a text, or answers: exp of the mean negative log probability of each token, given those before it in its
   window, or question. */
#include "runtime/program/commands.h"
#include "runtime/program/foresight.h"

static int run(const bnc_command *command, int argc, char **argv) {
  bnc_work work = {0};
  bnc_foresight found = {.layers.file = -1};
  const char *operand[2] = {NULL, NULL};
  bnc_foresee_options o = {0};
  const bnc_option options[] = {
      {.name = "context",
       .value = "N",
       .help = "tokens per window; default and most: the model's longest prompt",
       .count = &o.window,
       .least = 2,
       .most = 1u << 24},
      {.name = "skip",
       .value = "N",
       .help = "tokens at the start of each window that are read, but not scored; default 1",
       .count = &o.skip,
       .least = 1,
       .most = 1u << 24},
      {.name = "windows",
       .value = "N",
       .help = "how many windows of the text; default: all",
       .count = &o.windows,
       .least = 1,
       .most = 1u << 24},
      {.name = "against",
       .value = "MODEL.bnc",
       .help = "also tell how far the distributions of the next token are from this model's, such as the same in f32",
       .text = &o.reference},
      BNC_WORK_JSON(work, "print one JSON object"),
      BNC_WORK_THREADS(work),
      BNC_WORK_LINEAR(work),
      BNC_WORK_QUIET(work),
  };
  const bnc_arguments arguments = {(const char *const[]){"MODEL", "TEXTFILE", NULL}, operand, options, BNC_COUNT_OF(options)};
  int code = bnc_options_parse(command, &arguments, argc, argv);
  if (code != BNC_PARSED) return code;
  o.file = operand[1];
  code = bnc_work_begin(&work);
  if (code == BNC_EXIT_DONE) code = bnc_work_open_model(&work, operand[0]);
  if (code == BNC_EXIT_DONE) code = bnc_foresee(&work, operand[0], &o, &found);
  if (code == BNC_EXIT_DONE) code = bnc_foresight_print(&work, &found, o.reference);
  bnc_foresight_free(&found);
  return bnc_work_end(&work, code);
}

const bnc_command bnc_cmd_perplexity = {
    .name = "perplexity",
    .synopsis = "MODEL TEXTFILE [--context N] [--against MODEL.bnc] [--json] [options]",
    .summary = "tells how well a model foresees a text",
    .details = "A TEXTFILE whose name ends in .jsonl holds questions with pictures, as for eval: the first answer of each is foreseen.",
    .examples = "  binocle perplexity model.bnc wiki.txt --context 512\n"
                "  binocle perplexity int4.bnc wiki.txt --context 512 --skip 256 --against f32.bnc",
    .run = run,
};
