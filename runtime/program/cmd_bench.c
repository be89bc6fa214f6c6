/* SPDX-License-Identifier: Apache-2.0 */
/* Times what a user waits for: load, look at a picture, read the prompt, answer. Prompts are made-up ids, so that models without a
 * tokenizer serve too. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "runtime/program/commands.h"
#include "runtime/program/joules.h"
#include "runtime/program/json_object.h"
#include "runtime/program/work.h"

#define REPEATS 1000u

typedef enum timing { VISION, PREFILL, DECODE, FIRST_TOKEN, JOULES_PICTURE, JOULES_PROMPT, JOULES_GENERATED, TIMINGS } timing;

typedef struct bench {
  bnc_work work;
  const char *model, *image;
  uint64_t prompt_tokens, gen_tokens, repeat, warm_up;
  double load;
  double *sample[TIMINGS]; /* [repeat] */
  double start;            /* of the repetition */
  double first;            /* seconds to its first token; 0: none yet */
  double start_reading;    /* joules.reading at its start */
  bnc_joules joules;
} bench;

static int on_token(void *user, int32_t id, const char *text, size_t length) {
  bench *b = user;
  (void)text;
  (void)length;
  if (id >= 0 && b->first == 0) b->first = bnc_seconds() - b->start - (b->joules.reading - b->start_reading);
  return bnc_interrupted();
}

/* ids [prompt_tokens]; a picture stands at their front */
static int once(bench *b, const int32_t *ids, size_t count, uint64_t i) {
  bnc_statistics before = {.size = sizeof before}, after = {.size = sizeof after};
  bnc_sampling sampling;
  bnc_work *w = &b->work;
  bnc_sampling_init(&sampling);
  sampling.max_tokens = (uint32_t)b->gen_tokens;
  sampling.ignore_stop = 1;
  bnc_session_reset(w->session);
  bnc_session_get_statistics(w->session, &before);
  double joules[4]; /* before vision, prefill and decode, and at the end */
  b->first = 0;
  joules[0] = bnc_joules_now(&b->joules);
  b->start_reading = b->joules.reading;
  b->start = bnc_seconds();
  bnc_status status = b->image ? bnc_session_add_image_file(w->session, bnc_work_input(b->image)) : BNC_OK;
  joules[1] = bnc_joules_now(&b->joules);
  if (status == BNC_OK) status = bnc_session_append(w->session, ids, count);
  joules[2] = bnc_joules_now(&b->joules);
  if (status == BNC_OK) status = bnc_session_generate(w->session, &sampling, on_token, b, NULL);
  joules[3] = bnc_joules_now(&b->joules);
  if (status != BNC_OK) return bnc_work_fail(w, status, NULL, bnc_session_error(w->session));
  if (bnc_interrupted()) return BNC_EXIT_INTERRUPTED;
  bnc_session_get_statistics(w->session, &after);
  const double prefill = after.prefill_seconds - before.prefill_seconds, decode = after.decode_seconds - before.decode_seconds;
  const double read = (double)(after.prefill_rows - before.prefill_rows), decoded = (double)(after.decode_tokens - before.decode_tokens);
  b->sample[VISION][i] = b->image ? after.vision_seconds - before.vision_seconds : NAN;
  b->sample[PREFILL][i] = prefill > 0 ? read / prefill : NAN;
  b->sample[DECODE][i] = decode > 0 ? decoded / decode : NAN;
  b->sample[FIRST_TOKEN][i] = b->first > 0 ? b->first : NAN;
  b->sample[JOULES_PICTURE][i] = b->image ? joules[1] - joules[0] : NAN;
  b->sample[JOULES_PROMPT][i] = (joules[2] - joules[1]) / read;
  b->sample[JOULES_GENERATED][i] = decoded > 0 ? (joules[3] - joules[2]) / decoded : NAN;
  return BNC_EXIT_DONE;
}

static int measure(bench *b) {
  const size_t count = (size_t)b->prompt_tokens + (b->image != NULL);
  int32_t *ids = malloc(count * sizeof *ids);
  if (!ids) return bnc_work_refuse(&b->work, "out of memory for %zu ids", count);
  for (size_t i = 0; i < count; i++) ids[i] = (int32_t)(i * 37 % b->work.info.vocabulary);
  if (b->image) ids[0] = BNC_IMAGE_TOKEN;
  int code = bnc_joules_begin(&b->joules, &b->work);
  for (uint64_t i = 0; code == BNC_EXIT_DONE && i < b->warm_up; i++) code = once(b, ids, count, 0); /* overwritten */
  for (uint64_t i = 0; code == BNC_EXIT_DONE && i < b->repeat; i++) code = once(b, ids, count, i);
  bnc_joules_end(&b->joules);
  free(ids);
  return code;
}

/* What is not known comes last. */
static int ascending(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  if (isnan(x) || isnan(y)) return isnan(x) - isnan(y);
  return x < y ? -1 : x > y;
}

static double median(const double *sorted, size_t n) { return n % 2 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2; }

static uint64_t peak_rss(void) {
  struct rusage usage;
  return getrusage(RUSAGE_SELF, &usage) == 0 ? (uint64_t)usage.ru_maxrss * 1024 : 0;
}

static const struct {
  const char *name, *min, *median, *max, *words;
} timings[TIMINGS] = {
    {"vision_s", "vision_s_min", "vision_s_median", "vision_s_max", "vision, s"},
    {"prefill_tokens_per_s", "prefill_tokens_per_s_min", "prefill_tokens_per_s_median", "prefill_tokens_per_s_max", "prefill, tokens/s"},
    {"decode_tokens_per_s", "decode_tokens_per_s_min", "decode_tokens_per_s_median", "decode_tokens_per_s_max", "decode, tokens/s"},
    {"time_to_first_token_s", "time_to_first_token_s_min", "time_to_first_token_s_median", "time_to_first_token_s_max",
     "time to first token, s"},
    {"joules_per_picture", "joules_per_picture_min", "joules_per_picture_median", "joules_per_picture_max", "energy, J/picture"},
    {"joules_per_prompt_token", "joules_per_prompt_token_min", "joules_per_prompt_token_median", "joules_per_prompt_token_max",
     "energy, J/prompt token"},
    {"joules_per_generated_token", "joules_per_generated_token_min", "joules_per_generated_token_median", "joules_per_generated_token_max",
     "energy, J/answer token"},
};

static int report_json(bench *b, const bnc_statistics *s) {
  bnc_json_object o;
  const size_t n = (size_t)b->repeat;
  bnc_json_begin(&o, b->work.context);
  bnc_json_text(&o, "model", b->model, strlen(b->model));
  bnc_json_real(&o, "load_s", b->load);
  for (int t = 0; t < TIMINGS; t++) {
    bnc_json_real(&o, timings[t].name, median(b->sample[t], n));
    bnc_json_real(&o, timings[t].min, b->sample[t][0]);
    bnc_json_real(&o, timings[t].median, median(b->sample[t], n));
    bnc_json_real(&o, timings[t].max, b->sample[t][n - 1]);
  }
  bnc_joules_describe(&b->joules, &o);
  bnc_json_count(&o, "peak_rss_bytes", peak_rss());
  bnc_json_count(&o, "predicted_bytes", b->work.info.predicted_bytes);
  bnc_json_count(&o, "arena_bytes", s->arena_bytes);
  bnc_json_count(&o, "kv_bytes", s->kv_bytes);
  bnc_json_count(&o, "packed_bytes", s->packed_bytes);
  bnc_json_count(&o, "threads", s->threads);
  bnc_json_text(&o, "cpu_level", s->cpu_level, strlen(s->cpu_level));
  bnc_json_text(&o, "linear", s->linear, strlen(s->linear));
  bnc_json_count(&o, "repeat", b->repeat);
  bnc_json_count(&o, "warm_up", b->warm_up);
  bnc_json_count(&o, "prompt_tokens", b->prompt_tokens);
  bnc_json_count(&o, "gen_tokens", b->gen_tokens);
  const bnc_status status = bnc_json_end(&o);
  return status == BNC_OK ? BNC_EXIT_DONE : bnc_work_fail(&b->work, status, NULL, bnc_context_error(b->work.context));
}

static int report(bench *b) {
  bnc_statistics s = {.size = sizeof s};
  const size_t n = (size_t)b->repeat;
  bnc_session_get_statistics(b->work.session, &s);
  for (int t = 0; t < TIMINGS; t++) qsort(b->sample[t], n, sizeof(double), ascending);
  if (b->work.json) return report_json(b, &s);
  bnc_console_print("%-24s %10s %10s %10s\n", "", "min", "median", "max");
  for (int t = 0; t < TIMINGS; t++)
    if (!isnan(b->sample[t][0]))
      bnc_console_print(t < JOULES_PICTURE ? "%-24s %10.3f %10.3f %10.3f\n" : "%-24s %10.3g %10.3g %10.3g\n", timings[t].words,
                        b->sample[t][0], median(b->sample[t], n), b->sample[t][n - 1]);
  bnc_console_print("%-24s %s%s%s\n", "energy meter",
                    b->joules.meter[0] ? b->joules.meter : "none: ", b->joules.meter[0] && b->joules.note[0] ? "; " : "", b->joules.note);
  bnc_console_print("%-24s %10.3f\n%-24s %10.1f (predicted %.1f)\n", "load, s", b->load, "peak memory, MB", (double)peak_rss() * 1e-6,
                    (double)b->work.info.predicted_bytes * 1e-6);
  bnc_console_print("%-24s %10u, %s, linear layers %s, %zu repetitions\n", "threads", s.threads, s.cpu_level, s.linear, n);
  return BNC_EXIT_DONE;
}

/* A prompt that is cut would be timed as if it were whole. */
static int check_prompt(bench *b) {
  const uint64_t rows = b->prompt_tokens + (b->image ? b->work.info.image_rows : 0), most = b->work.info.prompt_limit;
  if (rows <= most) return BNC_EXIT_DONE;
  return bnc_work_refuse(&b->work, "%s: a prompt of %llu rows, expected at most %llu; 'binocle compile --context' sets that", b->model,
                         (unsigned long long)rows, (unsigned long long)most);
}

static int load(bench *b) {
  const double start = bnc_seconds();
  int code = bnc_work_open_model(&b->work, b->model);
  if (code == BNC_EXIT_DONE && b->image) code = bnc_work_check_vision(&b->work, b->model);
  if (code == BNC_EXIT_DONE) code = check_prompt(b);
  if (code == BNC_EXIT_DONE) code = bnc_work_open_session(&b->work);
  b->load = bnc_seconds() - start;
  return code;
}

static int run(const bnc_command *command, int argc, char **argv) {
  bench b = {.prompt_tokens = 64, .gen_tokens = 32, .repeat = 3};
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
       .help = "repetitions before them that do not count: the first one maps the weights; default 0",
       .count = &b.warm_up,
       .most = REPEATS},
      BNC_JOULES_WATTS(b.joules),
      BNC_WORK_JSON(b.work, "print one JSON object"),
      BNC_WORK_MEMORY(b.work),
      BNC_WORK_THREADS(b.work),
      BNC_WORK_LINEAR(b.work),
      BNC_WORK_QUIET(b.work),
  };
  const bnc_arguments arguments = {(const char *const[]){"MODEL", NULL}, &b.model, options, BNC_COUNT_OF(options)};
  int code = bnc_options_parse(command, &arguments, argc, argv);
  if (code != BNC_PARSED) return code;
  double samples[TIMINGS][REPEATS];
  for (int t = 0; t < TIMINGS; t++) b.sample[t] = samples[t];
  code = bnc_work_begin(&b.work);
  if (code == BNC_EXIT_DONE) code = load(&b);
  if (code == BNC_EXIT_DONE) code = measure(&b);
  if (code == BNC_EXIT_DONE) code = report(&b);
  return bnc_work_end(&b.work, code);
}

const bnc_command bnc_cmd_bench = {
    .name = "bench",
    .synopsis = "MODEL [--image FILE] [--prompt-tokens N] [--gen-tokens N] [--repeat R] [--json] [options]",
    .summary = "times loading, vision, prefill and decode, and tells the energy and the peak memory",
    .examples = "  binocle bench model.bnc --image street.jpg\n"
                "  binocle bench model.bnc --prompt-tokens 512 --gen-tokens 64 --repeat 5 --json",
    .run = run,
};
