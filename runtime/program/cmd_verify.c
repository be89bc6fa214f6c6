/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/program/commands.h"
#include "runtime/program/json_object.h"
#include "runtime/program/work.h"

static const char *state_name(uint32_t state) {
  static const char *const names[] = {"none", "whole", "damaged", "not trusted"};
  return state < BNC_COUNT_OF(names) ? names[state] : "?";
}

static int print_json(bnc_work *work, const char *path, const bnc_model_check *check, bool whole) {
  bnc_json_object json;
  bnc_json_begin(&json, work->context);
  bnc_json_words(&json, "file", path);
  bnc_json_bool(&json, "whole", whole);
  bnc_json_words(&json, "content", check->content);
  bnc_json_count(&json, "file_bytes", work->info.file_bytes);
  bnc_json_count(&json, "blocks", check->blocks);
  bnc_json_count(&json, "damaged_blocks", check->damaged_blocks);
  bnc_json_words(&json, "packed", state_name(check->packed));
  bnc_json_count(&json, "packed_bytes", check->packed_bytes);
  bnc_json_words(&json, "cache", state_name(check->cache));
  bnc_json_count(&json, "cache_bytes", check->cache_bytes);
  const bnc_status status = bnc_json_end(&json);
  return status == BNC_OK ? BNC_EXIT_DONE : bnc_work_fail(work, status, NULL, bnc_context_error(work->context));
}

static void print_text(const char *path, const bnc_work *work, const bnc_model_check *check) {
  bnc_console_print("%s: %llu bytes, %llu of %llu blocks of weights whole\n", path, (unsigned long long)work->info.file_bytes,
                    (unsigned long long)(check->blocks - check->damaged_blocks), (unsigned long long)check->blocks);
  bnc_console_print("packed weights inside: %s\npacked weights in the cache folder: %s\ncontent: %s\n", state_name(check->packed),
                    state_name(check->cache), check->content);
}

static int verify(bnc_work *work, const char *path) {
  bnc_model_check check = {.size = sizeof check};
  const bnc_status status = bnc_model_verify(work->model, &check);
  bnc_progress_clear(&work->progress);
  if (status != BNC_OK && status != BNC_ERROR_FORMAT && status != BNC_ERROR_UNSUPPORTED)
    return bnc_work_fail(work, status, NULL, bnc_context_error(work->context));
  const int failed = status == BNC_OK ? BNC_EXIT_DONE : bnc_work_fail(work, status, NULL, bnc_context_error(work->context));
  int code = BNC_EXIT_DONE;
  if (work->json)
    code = print_json(work, path, &check, status == BNC_OK);
  else
    print_text(path, work, &check);
  return failed != BNC_EXIT_DONE ? failed : code;
}

static int run(const bnc_command *command, int argc, char **argv) {
  bnc_work work = {0};
  const char *path = NULL;
  const bnc_option options[] = {BNC_WORK_THREADS(work), BNC_WORK_JSON(work, "the findings as one JSON object"), BNC_WORK_QUIET(work)};
  const bnc_arguments arguments = {(const char *const[]){"MODEL", NULL}, &path, options, BNC_COUNT_OF(options)};
  int code = bnc_options_parse(command, &arguments, argc, argv);
  if (code != BNC_PARSED) return code;
  code = bnc_work_begin(&work);
  if (code == BNC_EXIT_DONE) code = bnc_work_open_model(&work, path);
  if (code == BNC_EXIT_DONE) code = verify(&work, path);
  return bnc_work_end(&work, code);
}

const bnc_command bnc_cmd_verify = {
    .name = "verify",
    .synopsis = "MODEL [--json]",
    .summary = "checks every byte of a model file and of its packed weights, cache included",
    .details =
        "Fails where a byte is damaged, or where packed weights lie where others could have written them. Damaged packed weights in\n"
        "the cache folder are made anew at the next start; a damaged model file has to be compiled or copied anew. The content's\n"
        "name is BLAKE2b-256 over all sections: equal names, equal models.",
    .examples = "  binocle verify model.bnc\n  binocle verify model.bnc --json | jq .content",
    .run = run,
};
