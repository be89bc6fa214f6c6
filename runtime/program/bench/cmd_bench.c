/* SPDX-License-Identifier: Apache-2.0 */
/* Times what a user waits for: load, look at a picture, read the prompt, answer. Prompts are made-up ids, so that models without a
 * tokenizer serve too. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/program/bench/bench.h"
#include "runtime/program/command_line.h"
#include "runtime/program/commands.h"

#define REPEATS 1000u
#define REPEATS_DEFAULT 3u

bool bnc_bench_take_threads(bnc_bench *b, const char *text) {
  for (b->settings = 0; b->settings < BNC_BENCH_SETTINGS; b->settings++) {
    char *end;
    if (*text < '0' || *text > '9') return false;
    const unsigned long threads = strtoul(text, &end, 10);
    if (threads < 1 || threads > BNC_THREADS_LIMIT) return false;
    for (unsigned i = 0; i < b->settings; i++)
      if (b->setting[i].threads == threads) return false;
    b->setting[b->settings].threads = (unsigned)threads;
    if (*end == '\0') {
      b->settings++;
      return true;
    }
    if (*end != ',') return false;
    text = end + 1;
  }
  return false;
}

bool bnc_bench_take_cooldown(bnc_bench *b, const char *text) {
  char *end;
  if (*text < '0' || *text > '9') return false;
  const double value = strtod(text, &end);
  b->cooldown_s = b->cooldown_celsius = 0;
  *(*end == 'C' ? &b->cooldown_celsius : &b->cooldown_s) = value;
  end += *end == 'C' || *end == 's';
  return *end == '\0' && value > 0 && value <= 3600;
}

/* A prompt that is cut would be timed as if it were whole. */
static int check_prompt(bnc_bench *b) {
  const uint64_t rows = b->prompt_tokens + (b->image ? b->work.info.image_rows : 0), most = b->work.info.prompt_limit;
  if (rows <= most) return BNC_EXIT_DONE;
  return bnc_work_refuse(&b->work, "%s: a prompt of %llu rows, expected at most %llu; 'binocle compile --context' sets that", b->model,
                         (unsigned long long)rows, (unsigned long long)most);
}

static int open_sessions(bnc_bench *b) {
  int code = BNC_EXIT_DONE;
  for (unsigned i = 0; code == BNC_EXIT_DONE && i < b->settings; i++) {
    bnc_bench_setting *s = &b->setting[i];
    b->work.threads = s->threads;
    code = bnc_work_create_session(&b->work, &s->session);
    s->about.size = sizeof s->about;
    if (code == BNC_EXIT_DONE) bnc_session_get_statistics(s->session, &s->about);
  }
  return code;
}

static int load(bnc_bench *b) {
  const double start = bnc_seconds();
  int code = bnc_work_open_model(&b->work, b->model);
  if (code == BNC_EXIT_DONE && b->image) code = bnc_work_check_vision(&b->work, b->model);
  if (code == BNC_EXIT_DONE) code = check_prompt(b);
  if (code == BNC_EXIT_DONE) code = open_sessions(b);
  b->load = bnc_seconds() - start;
  return code;
}

static int report(bnc_bench *b) {
  double *values = malloc(bnc_bench_room(b) * sizeof *values);
  if (!values) return bnc_work_refuse(&b->work, "out of memory for the report");
  int code = b->csv ? bnc_bench_save_csv(b, values) : BNC_EXIT_DONE;
  if (code == BNC_EXIT_DONE && b->svg) code = bnc_bench_save_svg(b, values);
  if (code == BNC_EXIT_DONE)
    code = (b->work.json ? bnc_bench_print_json : b->markdown ? bnc_bench_print_markdown : bnc_bench_print_text)(b, values);
  free(values);
  return code;
}

/* Of a sustained run that Ctrl-C ended: nobody wants to lose its hours. */
static int report_what_there_is(bnc_bench *b, int code) {
  bnc_progress_clear(&b->work.progress);
  bnc_console_error("interrupted: what follows is of %.3g of %g minutes", (bnc_seconds() - b->origin) / 60, b->minutes);
  const int reported = report(b);
  return reported == BNC_EXIT_DONE ? code : reported;
}

static int measure(bnc_bench *b) {
  const char *const files[] = {b->csv, b->svg};
  int code = BNC_EXIT_DONE;
  for (size_t i = 0; code == BNC_EXIT_DONE && i < BNC_COUNT_OF(files); i++)
    if (files[i]) code = bnc_work_check_output(&b->work, files[i]);
  if (code == BNC_EXIT_DONE) code = load(b);
  if (code == BNC_EXIT_DONE) code = bnc_bench_identify(b);
  if (code == BNC_EXIT_DONE) code = bnc_bench_measure(b);
  if (code == BNC_EXIT_DONE) code = report(b);
  if (b->cut_short) code = report_what_there_is(b, code);
  for (unsigned i = 0; i < b->settings; i++) bnc_session_destroy(b->setting[i].session);
  free(b->round);
  free(b->token);
  free(b->watch.state);
  free(b->ids);
  return code;
}

/* BNC_PARSED, or what wrong usage ends with. */
static int check(const bnc_command *command, bnc_bench *b) {
  b->settings = 1; /* the default */
  if (b->threads_text && !bnc_bench_take_threads(b, b->threads_text))
    return bnc_usage_error(command->name, "--threads is '%.80s', expected different whole numbers from 1 to %d, %u at most: 1,2,4",
                           b->threads_text, BNC_THREADS_LIMIT, BNC_BENCH_SETTINGS);
  if (b->cooldown_text && !bnc_bench_take_cooldown(b, b->cooldown_text))
    return bnc_usage_error(command->name, "--cooldown is '%.80s', expected seconds such as 30, or a temperature such as 60C",
                           b->cooldown_text);
  if (b->minutes > 0 && (b->repeat || b->cooldown_text))
    return bnc_usage_error(command->name, "--minutes repeats without a pause: it takes neither --repeat nor --cooldown");
  if (b->svg && b->minutes == 0) return bnc_usage_error(command->name, "--svg draws what --minutes N measures");
  if (b->svg && b->settings > 1)
    return bnc_usage_error(command->name, "--svg draws one number of threads, and --threads has %u", b->settings);
  if (b->work.json && b->markdown) return bnc_usage_error(command->name, "--json and --markdown: standard output takes one of them");
  if (b->minutes == 0 && b->repeat == 0) b->repeat = REPEATS_DEFAULT;
  return BNC_PARSED;
}

static int run(const bnc_command *command, int argc, char **argv) {
  bnc_bench b = {.prompt_tokens = 64, .gen_tokens = 32, .warm_up = 1, .joules.idle = BNC_JOULES_IDLE};
  const bnc_option options[] = {
      {.name = "image", .value = "FILE", .help = "a picture to look at in front of the prompt", .text = &b.image},
      {.name = "prompt-tokens",
       .value = "N",
       .help = "ids in the prompt besides the picture; default 64",
       .count = &b.prompt_tokens,
       .least = 1,
       .most = 1u << 24},
      {.name = "gen-tokens", .value = "N", .help = "tokens to generate; default 32", .count = &b.gen_tokens, .least = 1, .most = 1u << 24},
      {.name = "repeat", .value = "R", .help = "repetitions; default 3", .count = &b.repeat, .least = 1, .most = REPEATS},
      {.name = "warm-up",
       .value = "N",
       .help = "repetitions before them that do not count: the first one maps the weights; default 1",
       .count = &b.warm_up,
       .most = REPEATS},
      {.name = "threads",
       .value = "N,...",
       .help = "threads to compute on; several numbers take turns in every round; default: the big cores that it may use",
       .text = &b.threads_text},
      {.name = "cooldown",
       .value = "S|TEMP",
       .help = "waits so many seconds between repetitions, or (60C) until the hottest zone is no hotter",
       .text = &b.cooldown_text},
      {.name = "minutes",
       .value = "N",
       .help = "a sustained run: repeats so long without a pause, and watches temperature and clock",
       .real = &b.minutes,
       .low = 0.001,
       .high = 1e5},
      {.name = "svg", .output = true, .value = "FILE.svg", .help = "draws what --minutes measured over time", .text = &b.svg},
      {.name = "csv", .output = true, .value = "FILE.csv", .help = "a line per round, with model and machine in each", .text = &b.csv},
      {.name = "markdown", .help = "print a table in Markdown", .flag = &b.markdown},
      BNC_JOULES_OPTIONS(b.joules),
      BNC_WORK_JSON(b.work, "print one JSON object, with every sample"),
      BNC_WORK_POWER(b.work),
      BNC_WORK_MEMORY(b.work),
      BNC_WORK_LINEAR(b.work),
      BNC_WORK_QUIET(b.work),
  };
  const bnc_arguments arguments = {(const char *const[]){"MODEL", NULL}, &b.model, options, BNC_COUNT_OF(options)};
  b.work.joules = &b.joules;
  int code = bnc_options_parse(command, &arguments, argc, argv);
  if (code == BNC_PARSED) code = check(command, &b);
  if (code != BNC_PARSED) return code;
  bnc_command_line(b.identity.command, sizeof b.identity.command, command->name, argc, argv);
  b.work.threads = b.setting[0].threads;
  code = bnc_work_begin(&b.work);
  if (code == BNC_EXIT_DONE) code = measure(&b);
  bnc_joules_end(&b.joules, &b.work);
  return bnc_work_end(&b.work, code);
}

const bnc_command bnc_cmd_bench = {
    .name = "bench",
    .synopsis = "MODEL [--image FILE] [--prompt-tokens N] [--gen-tokens N] [--repeat R] [--threads N,...] [--json] [options]",
    .summary = "times loading, vision, prefill and decode, and tells the energy and the peak memory",
    .details =
        "Reports name model and machine. Where the machine was busy with others, that is said: CPU time against wall time. Latencies of\n"
        "tokens are those from one token of an answer to the next; percentiles are over all of them (nearest rank). With several numbers\n"
        "of threads, JSON holds a list 'sweep', and its other members are those of the first number; peak memory is that of all together.\n"
        "Ctrl-C ends a sustained run: what was measured until then is told, and the exit code is 130.",
    .examples = "  binocle bench model.bnc --image street.jpg\n"
                "  binocle bench model.bnc --prompt-tokens 512 --gen-tokens 64 --repeat 5 --json\n"
                "  binocle bench model.bnc --image street.jpg --threads 1,2,4 --cooldown 60C --csv rows.csv --markdown\n"
                "  binocle bench model.bnc --image street.jpg --minutes 20 --svg sustained.svg",
    .run = run,
};
