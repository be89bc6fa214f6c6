/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/profile/profile_saved.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "platforms/base/mem.h"

#define FILE_MAX ((size_t)256 << 20)
#define OPS_MAX ((size_t)1 << 20)
#define TIME_MAX 1e18 /* nanoseconds: 30 years */
#define CALLS_MAX ((size_t)1 << 30)

int bnc_saved_order(const bnc_saved_runs *a, const bnc_saved_runs *b) {
  int order = strcmp(a->program, b->program);
  if (order == 0) order = strcmp(a->name, b->name);
  return order ? order : strcmp(a->kind, b->kind);
}

static int in_order(const void *a, const void *b) { return bnc_saved_order(a, b); }

static int ascending(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* Texts are shown on terminals. */
static bnc_status read_text(yyjson_val *object, const char *key, const char **text, bnc_error *err) {
  bnc_status s = bnc_json_require(object, key, err);
  if (s == BNC_OK) s = bnc_json_get_string(object, key, text, err);
  for (const char *c = s == BNC_OK ? *text : ""; s == BNC_OK && *c; c++)
    if ((unsigned char)*c < 0x20 || *c == 0x7f) s = bnc_fail(err, BNC_ERROR_FORMAT, "%s holds a control character", key);
  return s;
}

static bool is_program(const char *name) {
  return strcmp(name, "vision") == 0 || strcmp(name, "prefill") == 0 || strcmp(name, "decode") == 0;
}

static bnc_status read_time(yyjson_val *object, const char *key, double *time, bnc_error *err) {
  const bnc_status s = bnc_json_require(object, key, err);
  return s == BNC_OK ? bnc_json_get_double(object, key, 0, TIME_MAX, time, err) : s;
}

static bnc_status read_op(yyjson_val *op, const char *program, bnc_saved_runs *runs, bnc_error *err) {
  static const char *const quartiles[3] = {"nanoseconds_p25", "nanoseconds_median", "nanoseconds_p75"};
  runs->program = program;
  bnc_status s = bnc_json_expect_object(op, "an op", err);
  if (s == BNC_OK) s = read_text(op, "name", &runs->name, err);
  if (s == BNC_OK) s = read_text(op, "kind", &runs->kind, err);
  if (s == BNC_OK) s = bnc_json_require(op, "calls", err);
  if (s == BNC_OK) s = bnc_json_get_size(op, "calls", 1, CALLS_MAX, &runs->calls, err);
  for (int q = 0; s == BNC_OK && q < 3; q++) s = read_time(op, quartiles[q], &runs->quartile[q], err);
  return s;
}

/* A list of an object; NULL and an error where it is none. */
static yyjson_val *list_of(yyjson_val *object, const char *key, size_t most, bnc_error *err) {
  yyjson_val *list = bnc_json_given(object, key);
  char found[BNC_JSON_FOUND_SIZE];
  if (list && yyjson_is_arr(list) && yyjson_arr_size(list) <= most) return list;
  bnc_fail(err, BNC_ERROR_FORMAT, "%s is %s, expected a list of at most %zu", key, bnc_json_found(list, found), most);
  return NULL;
}

static bnc_status read_ops(bnc_saved_profile *saved, yyjson_val *programs, bnc_error *err) {
  size_t at, most, count = 0;
  yyjson_val *name, *program;
  yyjson_obj_foreach(programs, at, most, name, program) {
    if (!is_program(yyjson_get_str(name)))
      return bnc_fail(err, BNC_ERROR_FORMAT, "programs has '%.40s', expected vision, prefill or decode", yyjson_get_str(name));
    const bnc_status s = bnc_json_expect_object(program, yyjson_get_str(name), err);
    if (s != BNC_OK) return s;
    yyjson_val *ops = list_of(program, "ops", OPS_MAX - count, err);
    if (!ops) return BNC_ERROR_FORMAT;
    count += yyjson_arr_size(ops);
  }
  saved->ops = bnc_mem_array(count + 1, sizeof *saved->ops);
  if (!saved->ops) return bnc_fail_memory(err, count * sizeof *saved->ops);
  yyjson_obj_foreach(programs, at, most, name, program) {
    size_t k, ops;
    yyjson_val *op;
    yyjson_arr_foreach(bnc_json_given(program, "ops"), k, ops, op) {
      const bnc_status s = read_op(op, yyjson_get_str(name), &saved->ops[saved->op_count++], err);
      if (s != BNC_OK) return s;
    }
  }
  qsort(saved->ops, saved->op_count, sizeof *saved->ops, in_order);
  return BNC_OK;
}

/* The runs of one program are phases. */
static bnc_status read_program(bnc_saved_profile *saved, yyjson_val *phases, const char *phase, double *time /* [phases] */,
                               bnc_error *err) {
  size_t at, most, count = 0;
  yyjson_val *entry;
  yyjson_arr_foreach(phases, at, most, entry) {
    const char *name = "";
    bnc_status s = bnc_json_expect_object(entry, "a phase", err);
    if (s == BNC_OK) s = read_text(entry, "phase", &name, err);
    if (s == BNC_OK && strcmp(name, phase) == 0) s = read_time(entry, "nanoseconds", &time[count++], err);
    if (s != BNC_OK) return s;
  }
  if (count == 0) return BNC_OK;
  qsort(time, count, sizeof *time, ascending);
  bnc_saved_runs *runs = &saved->programs[saved->program_count++];
  *runs = (bnc_saved_runs){.program = phase, .name = phase, .kind = "", .calls = count};
  for (size_t q = 0; q < 3; q++) runs->quartile[q] = time[((q + 1) * count + 3) / 4 - 1];
  return BNC_OK;
}

static bnc_status read_programs(bnc_saved_profile *saved, yyjson_val *profile, bnc_error *err) {
  static const char *const names[] = {"vision", "prefill", "token"};
  yyjson_val *phases = list_of(profile, "phases", OPS_MAX, err);
  if (!phases) return BNC_ERROR_FORMAT;
  double *time = bnc_mem_array(yyjson_arr_size(phases) + 1, sizeof *time);
  bnc_status s = time ? BNC_OK : bnc_fail_memory(err, yyjson_arr_size(phases) * sizeof *time);
  for (size_t i = 0; s == BNC_OK && i < 3; i++) s = read_program(saved, phases, names[i], time, err);
  bnc_mem_free(time);
  return s;
}

static bnc_status read_identity(bnc_saved_profile *saved, yyjson_val *profile, bnc_error *err) {
  yyjson_val *identity = NULL, *machine = NULL;
  bnc_status s = bnc_json_require(profile, "identity", err);
  if (s == BNC_OK) s = bnc_json_get_object(profile, "identity", &identity, err);
  if (s == BNC_OK) s = bnc_json_require(identity, "machine", err);
  if (s == BNC_OK) s = bnc_json_get_object(identity, "machine", &machine, err);
  if (s == BNC_OK) s = read_text(machine, "cpu", &saved->cpu, err);
  if (s == BNC_OK) s = read_text(identity, "fingerprint", &saved->fingerprint, err);
  if (s == BNC_OK) s = read_text(identity, "cpu_level", &saved->level, err);
  if (s == BNC_OK) s = read_text(identity, "version", &saved->version, err);
  if (s == BNC_OK) s = read_text(identity, "date", &saved->date, err);
  if (s == BNC_OK) s = bnc_json_require(identity, "threads", err);
  if (s == BNC_OK) s = bnc_json_get_size(identity, "threads", 1, 1u << 20, &saved->threads, err);
  return s;
}

static bnc_status take(bnc_saved_profile *saved, bnc_error *err) {
  yyjson_val *root = yyjson_doc_get_root(saved->doc), *profile = NULL, *programs = NULL;
  bnc_status s = bnc_json_expect_object(root, "a profile", err);
  if (s == BNC_OK) s = bnc_json_require(root, "profile", err);
  if (s == BNC_OK) s = bnc_json_get_object(root, "profile", &profile, err);
  if (s == BNC_OK) s = read_identity(saved, profile, err);
  if (s == BNC_OK) s = read_time(profile, "wall_nanoseconds", &saved->wall, err);
  if (s == BNC_OK) s = read_time(profile, "cpu_nanoseconds", &saved->cpu_time, err);
  if (s == BNC_OK) s = bnc_json_require(profile, "programs", err);
  if (s == BNC_OK) s = bnc_json_get_object(profile, "programs", &programs, err);
  if (s == BNC_OK) s = read_ops(saved, programs, err);
  return s == BNC_OK ? read_programs(saved, profile, err) : s;
}

bnc_status bnc_saved_profile_parse(bnc_saved_profile *saved, const char *text, size_t size, bnc_error *err) {
  *saved = (bnc_saved_profile){0};
  const bnc_status s = bnc_json_parse(&saved->doc, text, size, err);
  return s == BNC_OK ? take(saved, err) : s;
}

bnc_status bnc_saved_profile_read(bnc_saved_profile *saved, const char *path, bnc_error *err) {
  *saved = (bnc_saved_profile){0};
  bnc_status s = bnc_json_read_file(&saved->doc, path, FILE_MAX, err);
  if (s != BNC_OK) return s;
  s = take(saved, err);
  return s == BNC_OK ? s : bnc_error_prefix(err, "%s: not from 'binocle profile --json'", path);
}

void bnc_saved_profile_free(bnc_saved_profile *saved) {
  yyjson_doc_free(saved->doc);
  bnc_mem_free(saved->ops);
  *saved = (bnc_saved_profile){0};
}
