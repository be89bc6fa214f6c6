/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>

#include "tests/golden/reference_case.h"
#include "tests/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "platforms/base/mem.h"
#include "runtime/npy/npy.h"

const char *const reference_pictures[REFERENCE_PICTURES] = {"text", "wide", "tall", "small"};
const reference_case reference_cases[REFERENCE_CASES] = {
    {"text", 1, {0}, 0},       {"wide", 1, {1}, 0},         {"tall", 1, {2}, 0},           {"small", 1, {3}, 0},
    {"_text_only", 0, {0}, 0}, {"_image_first", 1, {3}, 0}, {"_two_images", 2, {3, 0}, 0}, {"_truncated", 1, {3}, 600},
};

bnc_compile_options reference_options(const char *output, bnc_weights vision, bnc_weights text) {
  bnc_compile_options o;
  bnc_compile_options_init(&o);
  o.checkpoint = REFERENCE "/checkpoint";
  o.output = output;
  o.vision_weights = vision;
  o.text_weights = text;
  return o;
}

void reference_see(model_run *m, int picture, run_stages *stages) {
  char path[512];
  snprintf(path, sizeof path, REFERENCE "/images/%s.png", reference_pictures[picture]);
  model_see(m, path, stages);
}

static int64_t *load_ids(const char *name, const char *what, size_t *count) {
  char path[512];
  bnc_error err = {0};
  int64_t *ids;
  snprintf(path, sizeof path, REFERENCE "/expected/%s/%s.npy", name, what);
  if (bnc_npy_load_ids(path, &ids, count, &err) != BNC_OK) fail_msg("%s", err.text);
  return ids;
}

void reference_score(model_run *m, const reference_case *c, const run_stages *seen, size_t chunk, reference_result *r) {
  char path[512];
  size_t count, tokens;
  const float *images[2] = {NULL, NULL};
  for (int i = 0; i < c->images; i++) images[i] = run_stages_find(&seen[c->picture[i]], BNC_STAGE_PROJECTOR, "")->data;
  int64_t *ids = load_ids(c->name, "input_ids", &count);
  float *x = model_join(m, ids, count, images, &r->rows);
  r->tokens = load_ids(c->name, "tokens", &tokens);
  assert_int_equal(tokens, REFERENCE_TOKENS);
  assert_int_equal(m->file.meta.vocabulary, REFERENCE_VOCABULARY);
  snprintf(path, sizeof path, REFERENCE "/expected/%s/gen_logits.npy", c->name);
  r->expected = load_f32(path, (size_t)REFERENCE_TOKENS * REFERENCE_VOCABULARY);
  r->logits = malloc((size_t)REFERENCE_TOKENS * REFERENCE_VOCABULARY * sizeof(float));
  assert_non_null(r->logits);
  model_score(m, x, r->rows, chunk, r->tokens, REFERENCE_TOKENS, r->logits);
  free(x);
  bnc_mem_free(ids);
}

void reference_result_free(reference_result *r) {
  free(r->logits);
  bnc_mem_free(r->expected);
  bnc_mem_free(r->tokens);
}

double reference_error(const run_stages *stages, bnc_stage stage, const char *case_name, const char *file) {
  char path[512];
  const run_stage *s = run_stages_find(stages, stage, "");
  assert_non_null(s);
  snprintf(path, sizeof path, REFERENCE "/expected/%s/%s.npy", case_name, file);
  float *expected = load_f32(path, s->rows * s->cols);
  double error = relative_l2(s->data, expected, s->rows * s->cols);
  bnc_mem_free(expected);
  return error;
}
