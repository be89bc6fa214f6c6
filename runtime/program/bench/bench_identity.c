/* SPDX-License-Identifier: Apache-2.0 */
/* What was measured, and on what: without it a row is worth nothing a week later. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <yyjson.h>

#include "runtime/program/bench/bench.h"

static void copy(char *to, size_t size, yyjson_val *value) {
  if (yyjson_is_str(value)) snprintf(to, size, "%s", yyjson_get_str(value));
}

static bool about_model(bnc_bench_identity *id, const char *text) {
  yyjson_doc *doc = yyjson_read(text, strlen(text), 0);
  yyjson_val *root = yyjson_doc_get_root(doc), *by = yyjson_ptr_get(root, "/weights/by_dtype"), *key;
  yyjson_obj_iter each = yyjson_obj_iter_with(by);
  size_t used = 0;
  copy(id->model_name, sizeof id->model_name, yyjson_ptr_get(root, "/model/name"));
  while ((key = yyjson_obj_iter_next(&each)) && used < sizeof id->weights) {
    const double size = yyjson_get_num(yyjson_obj_iter_get_val(key));
    if (size > 0)
      used += (size_t)snprintf(id->weights + used, sizeof id->weights - used, "%s%s %.3g %s", used ? ", " : "", yyjson_get_str(key),
                               size < 1e9 ? size * 1e-6 : size * 1e-9, size < 1e9 ? "MB" : "GB");
  }
  yyjson_doc_free(doc);
  return doc != NULL;
}

static bool about_machine(bnc_bench_identity *id, const char *text) {
  yyjson_doc *doc = yyjson_read(text, strlen(text), 0);
  yyjson_val *root = yyjson_doc_get_root(doc);
  copy(id->cpu, sizeof id->cpu, yyjson_ptr_get(root, "/cpu/brand"));
  copy(id->uarch, sizeof id->uarch, yyjson_ptr_get(root, "/cpu/uarch"));
  copy(id->os, sizeof id->os, yyjson_ptr_get(root, "/system/os"));
  copy(id->kernel, sizeof id->kernel, yyjson_ptr_get(root, "/system/kernel"));
  id->cpus = yyjson_get_uint(yyjson_ptr_get(root, "/cpu/cpus"));
  id->memory_bytes = yyjson_get_uint(yyjson_ptr_get(root, "/memory/total_bytes"));
  yyjson_doc_free(doc);
  return doc != NULL;
}

int bnc_bench_identify(bnc_bench *b) {
  char *model = NULL, *machine = NULL;
  bnc_bench_identity *id = &b->identity;
  const time_t now = time(NULL);
  struct tm utc;
  if (gmtime_r(&now, &utc)) strftime(id->date, sizeof id->date, "%Y-%m-%dT%H:%M:%SZ", &utc);
  snprintf(id->fingerprint, sizeof id->fingerprint, "%016" PRIx64, b->work.info.fingerprint);
  bnc_status status = bnc_model_describe(b->work.model, BNC_DESCRIBE_JSON, &model);
  if (status == BNC_OK) status = bnc_devices(b->work.context, 1, &machine);
  int code = status == BNC_OK ? BNC_EXIT_DONE : bnc_work_fail(&b->work, status, NULL, bnc_context_error(b->work.context));
  if (code == BNC_EXIT_DONE && !(about_model(id, model) && about_machine(id, machine)))
    code = bnc_work_refuse(&b->work, "out of memory for the description of the model");
  bnc_string_free(model);
  bnc_string_free(machine);
  return code;
}
