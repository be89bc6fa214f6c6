/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "runtime/program/commands.h"
#include "runtime/program/eval/eval.h"

/* "I/N", I from 1 to N. */
static bool parse_shard(const char *text, bnc_eval *e) {
  unsigned long long index, of;
  char end;
  if (text[0] < '0' || text[0] > '9' || strlen(text) > 20 || sscanf(text, "%llu/%llu%c", &index, &of, &end) != 2) return false;
  if (strpbrk(text, " +-\t") || index < 1 || index > of || of > 1000000000) return false;
  e->shard = index;
  e->shards = of;
  return true;
}

static int run_summary(const bnc_command *command, int argc, char **argv) {
  bnc_work work = {0};
  bool summary;
  bnc_operand_list files;
  const bnc_option options[] = {
      {.name = "FILE...", .help = "files of answers", .required = true, .rest = &files},
      {.name = "summary", .help = "sum up files of answers instead of asking", .flag = &summary},
      BNC_WORK_JSON(work, "print one JSON object"),
      BNC_WORK_QUIET(work),
  };
  const bnc_arguments arguments = {(const char *const[]){NULL}, NULL, options, BNC_COUNT_OF(options)};
  int code = bnc_options_parse(command, &arguments, argc, argv);
  if (code != BNC_PARSED) return code;
  code = bnc_work_begin(&work);
  if (code == BNC_EXIT_DONE) code = bnc_eval_summary(&work, &files);
  return bnc_work_end(&work, code);
}

static int run(const bnc_command *command, int argc, char **argv) {
  bnc_eval e = {.shard = 1, .shards = 1, .max_tokens = 64, .file = BNC_ANSWERS_CLOSED};
  const char *operand[2] = {NULL, NULL}, *shard = NULL;
  bool help = false, summary = false;
  const bnc_option options[] = {
      {.name = "o",
       .output = true,
       .value = "ANSWERS.jsonl",
       .help = "the answers, a line each; what stands there already is not asked again; - for standard output",
       .required = true,
       .text = &e.output},
      {.name = "shard",
       .value = "I/N",
       .help = "only group I of N (from 1) of the questions, those about one picture together",
       .text = &shard},
      {.name = "max-tokens", .value = "N", .help = "longest answer; default 64", .count = &e.max_tokens, .least = 1, .most = 1000000},
      BNC_FORM_OPTIONS(e.form),
      {.name = "force", .help = "start anew whatever the file of answers holds", .flag = &e.force},
      {.name = "strict", .help = "end at the first picture that cannot be read; else its question counts as wrong", .flag = &e.strict},
      BNC_JOULES_OPTIONS(e.joules),
      {.name = "summary", .help = "sum up files of answers instead: --summary FILE... [--json]", .flag = &summary},
      BNC_WORK_JSON(e.work, "the summary as one JSON object on standard output too"),
      BNC_WORK_POWER(e.work),
      BNC_WORK_MEMORY(e.work),
      BNC_WORK_THREADS(e.work),
      BNC_WORK_LINEAR(e.work),
      BNC_WORK_QUIET(e.work),
  };
  const bnc_arguments arguments = {(const char *const[]){"MODEL", "QUESTIONS.jsonl", NULL}, operand, options, BNC_COUNT_OF(options)};
  for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++) {
    help |= strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0;
    summary |= strcmp(argv[i], "--summary") == 0;
  }
  if (summary && !help) return run_summary(command, argc, argv);
  e.work.joules = &e.joules;
  int code = bnc_options_parse(command, &arguments, argc, argv);
  if (code != BNC_PARSED) return code;
  if (shard && !parse_shard(shard, &e)) return bnc_usage_error(command->name, "--shard is '%.60s', expected I/N with I from 1 to N", shard);
  if (e.work.json && strcmp(e.output, "-") == 0) return bnc_usage_error(command->name, "--json and -o - both want standard output");
  e.model = operand[0];
  e.questions = operand[1];
  code = bnc_work_begin(&e.work);
  if (code == BNC_EXIT_DONE) code = bnc_eval_ask(&e);
  if (code == BNC_EXIT_DONE) code = bnc_eval_report(&e);
  bnc_form_free(&e.form);
  bnc_results_free(&e.results);
  bnc_question_set_free(&e.set);
  return bnc_work_end(&e.work, code);
}

const bnc_command bnc_cmd_eval = {
    .name = "eval",
    .synopsis = "MODEL QUESTIONS.jsonl -o ANSWERS.jsonl [options]",
    .summary = "asks a file of questions and tells how many answers are right",
    .details =
        "A line of questions: {\"image\": \"a.png\", \"question\": \"What is on the sign?\", \"answers\": [\"stop\"], \"category\": "
        "\"text\", \"id\": 7}.\n"
        "image may be a list or absent; paths count from the folder of the questions. category and id may be absent. - reads standard "
        "input.\n"
        "An answer is right where it equals one of the answers after both are made lower case (ASCII), white space is trimmed and "
        "collapsed,\n"
        "and . , ; : ! ? at the end are left out. Questions about the same pictures are asked one after the other: vision is paid once.\n"
        "A question whose picture cannot be read is recorded with an \"error\" and counts as wrong.\n"
        "A run that was interrupted goes on where it ended. The table gives 95 % score intervals (Wilson).",
    .examples = "  binocle eval model.bnc questions.jsonl -o answers.jsonl\n"
                "  binocle eval model.bnc questions.jsonl -o answers.3.jsonl --shard 3/8 --quiet\n"
                "  binocle eval --summary answers.*.jsonl --json",
    .run = run,
};
