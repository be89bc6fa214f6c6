/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <string.h>

#include "runtime/program/answer.h"
#include "runtime/program/commands.h"
#include "runtime/program/json_object.h"

typedef struct run_times {
  double start, loaded; /* bnc_seconds() */
  double joules[3];     /* before vision, before the prompt, at the end */
} run_times;

static double rate(uint64_t count, double seconds) { return seconds > 0 ? (double)count / seconds : 0; }

static double share(double joules, uint64_t of) { return of ? joules / (double)of : (double)NAN; }

static void put_energy(bnc_json_object *json, const bnc_answer *answer, const run_times *times, const bnc_statistics *s) {
  const double vision = s->pictures ? times->joules[1] - times->joules[0] : (double)NAN,
               first = answer->tokens ? answer->first_joules : times->joules[2];
  const double prefill = first - times->joules[1], decode = times->joules[2] - first;
  bnc_json_real(json, "vision_joules", vision);
  bnc_json_real(json, "prefill_joules", prefill);
  bnc_json_real(json, "decode_joules", decode);
  bnc_json_real(json, "joules_per_picture", share(vision, s->pictures));
  bnc_json_real(json, "joules_per_prompt_token", share(prefill, s->prefill_rows));
  bnc_json_real(json, "joules_per_generated_token", share(decode, s->decode_tokens));
  bnc_joules_describe(answer->joules, json);
}

static int print_json(bnc_work *work, const bnc_answer *answer, const run_times *times) {
  static const char *const finishes[] = {"stop", "length", "context", "interrupted"};
  const char *finish = finishes[answer->finish];
  bnc_statistics s = {.size = sizeof s};
  bnc_json_object json;
  bnc_session_get_statistics(work->session, &s);
  bnc_json_begin(&json, work->context);
  bnc_json_text(&json, "answer", answer->text ? answer->text : "", answer->length);
  bnc_json_count(&json, "tokens", answer->tokens);
  bnc_json_text(&json, "finish", finish, strlen(finish));
  bnc_json_bool(&json, "cut", bnc_session_was_cut(work->session) != 0);
  bnc_json_count(&json, "pictures", s.pictures);
  bnc_json_count(&json, "prompt_rows", s.prefill_rows + s.kept_rows);
  bnc_json_count(&json, "prompt_rows_kept", s.kept_rows);
  bnc_json_real(&json, "load_s", times->loaded - times->start);
  bnc_json_real(&json, "vision_s", s.vision_seconds);
  bnc_json_real(&json, "prefill_s", s.prefill_seconds);
  bnc_json_real(&json, "decode_s", s.decode_seconds);
  bnc_json_real(&json, "time_to_first_token_s", answer->tokens ? answer->first_token - times->start : 0);
  bnc_json_real(&json, "total_s", bnc_seconds() - answer->joules->reading - times->start);
  bnc_json_real(&json, "prefill_tokens_per_s", rate(s.prefill_rows, s.prefill_seconds));
  bnc_json_real(&json, "decode_tokens_per_s", rate(s.decode_tokens, s.decode_seconds));
  bnc_json_count(&json, "guessed_tokens", s.guessed_tokens);
  bnc_json_count(&json, "guessed_right", s.guessed_right);
  put_energy(&json, answer, times, &s);
  bnc_joules_describe_power(work, work->session, &json);
  bnc_json_count(&json, "threads", s.threads);
  bnc_json_text(&json, "cpu_level", s.cpu_level, strlen(s.cpu_level));
  const bnc_status status = bnc_json_end(&json);
  return status == BNC_OK ? BNC_EXIT_DONE : bnc_work_fail(work, status, NULL, bnc_context_error(work->context));
}

static int answer_one(bnc_work *work, const char *path, const char *prompt, const bnc_text_list *images, const bnc_answer_options *options,
                      bnc_joules *joules) {
  run_times times = {.start = bnc_seconds()};
  bnc_answer answer = {.work = work, .stream = !work->json, .joules = work->json ? joules : NULL};
  int code = bnc_work_open_model(work, path);
  if (code == BNC_EXIT_DONE) code = bnc_work_check_tokenizer(work, path);
  if (code == BNC_EXIT_DONE && images->count) code = bnc_work_check_vision(work, path);
  if (code == BNC_EXIT_DONE) code = bnc_answer_check_question(work, prompt, images->count);
  if (code == BNC_EXIT_DONE) code = bnc_work_open_session(work);
  if (code == BNC_EXIT_DONE && options->save) code = bnc_work_check_output(work, options->save);
  if (code == BNC_EXIT_DONE) code = bnc_answer_prepare(work, options);
  times.loaded = bnc_seconds();
  if (code == BNC_EXIT_DONE && work->json) code = bnc_joules_begin(joules, work);
  times.joules[0] = bnc_joules_now(joules);
  if (code == BNC_EXIT_DONE) code = bnc_work_add_images(work, images);
  times.joules[1] = bnc_joules_now(joules);
  if (code == BNC_EXIT_DONE) code = bnc_answer_ask(&answer, prompt, options);
  times.joules[2] = bnc_joules_now(joules);
  if (code == BNC_EXIT_DONE && bnc_interrupted()) code = BNC_EXIT_INTERRUPTED;
  if (code == BNC_EXIT_DONE) code = bnc_answer_save(work, options);
  if (code == BNC_EXIT_DONE && work->json) code = print_json(work, &answer, &times);
  bnc_joules_end(joules, work);
  bnc_answer_free(&answer);
  return code;
}

static int run(const bnc_command *command, int argc, char **argv) {
  bnc_work work = {0};
  bnc_answer_options answer = BNC_ANSWER_DEFAULTS;
  bnc_joules joules = {0};
  bnc_text_list images = {0};
  const char *model = NULL, *prompt = NULL;
  const bnc_option options[] = {
      {.name = "prompt",
       .value = "TEXT",
       .help = "the question; <image> in it marks where a picture belongs",
       .required = true,
       .text = &prompt},
      {.name = "image", .value = "FILE", .help = "a " BNC_IMAGE_FORMATS " picture, or - for one on standard input", .list = &images},
      BNC_CONVERSATION_OPTIONS(answer),
      BNC_ANSWER_OPTIONS(answer),
      BNC_JOULES_OPTIONS_NEEDING(joules, "json|power-limit"),
      BNC_WORK_JSON(work, "the answer with times, counts and energy as one JSON object"),
      BNC_WORK_POWER(work),
      BNC_WORK_MEMORY(work),
      BNC_WORK_THREADS(work),
      BNC_WORK_LINEAR(work),
      BNC_WORK_QUIET(work),
  };
  const bnc_arguments arguments = {(const char *const[]){"MODEL", NULL}, &model, options, BNC_COUNT_OF(options)};
  work.joules = &joules;
  int code = bnc_options_parse(command, &arguments, argc, argv);
  if (code != BNC_PARSED) return code;
  code = bnc_work_begin(&work);
  if (code == BNC_EXIT_DONE) code = answer_one(&work, model, prompt, &images, &answer, &joules);
  return bnc_work_end(&work, code);
}

const bnc_command bnc_cmd_run = {
    .name = "run",
    .synopsis = "MODEL --prompt TEXT [--image FILE]... [options]",
    .summary = "answers a question, about pictures or without; the answer streams to standard output",
    .examples = "  binocle run model.bnc --image street.jpg --prompt \"What is on the sign?\"\n"
                "  binocle run model.bnc --image a.png --image b.png --prompt \"What changed from <image> to <image>?\"\n"
                "  binocle run model.bnc --prompt \"Name three birds.\" --temperature 0.7 --seed 4 --json",
    .run = run,
};
