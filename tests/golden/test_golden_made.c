/* SPDX-License-Identifier: Apache-2.0 */
/* Made checkpoints of many geometries against reference.py's float64 results (tests/data/golden). With a folder as its argument the program
   writes there what reference.py reads. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "platforms/base/mem.h"
#include "tests/golden/made_case.h"
#include "tests/golden/model_run.h"
#include "tests/import/make_gguf.h"
#include "tests/unit.h"

#define BOUND 2e-5

static float *expected(const made_case *c, const char *what, size_t count) {
  char path[512];
  snprintf(path, sizeof path, BINOCLE_TEST_DATA "/golden/%s/%s.npy", c->name, what);
  return load_f32(path, count);
}

static double stage_error(const made_case *c, const run_stages *stages, bnc_stage stage, const char *what) {
  const run_stage *s = run_stages_find(stages, stage, "");
  assert_non_null(s);
  float *want = expected(c, what, s->rows * s->cols);
  double error = relative_l2(s->data, want, s->rows * s->cols);
  bnc_mem_free(want);
  return error;
}

typedef struct errors {
  double dem, projector, logits;
} errors;

static errors run_files(const made_case *c, const char *checkpoint, const char *tower, const char *mmproj, bnc_weights weights) {
  char output[64];
  model_run m;
  run_stages stages = {.count = 0};
  errors e = {0};
  const float *image = NULL;
  snprintf(output, sizeof output, "%s.bnc", c->name);
  bnc_compile_options o;
  bnc_compile_options_init(&o);
  o.checkpoint = checkpoint;
  o.vision_tower = tower;
  o.mmproj = mmproj;
  o.output = output;
  o.vision_weights = o.text_weights = weights;
  assert_true(model_compile(&o));
  model_open(&m, output, 2);
  assert_int_equal(m.file.meta.tile_encodes, c->tiles);
  if (c->spec.geometry.has_vision) {
    uint8_t *pixels = made_case_pixels(c);
    model_see_pixels(&m, pixels, &stages);
    free(pixels);
    e.projector = stage_error(c, &stages, BNC_STAGE_PROJECTOR, "proj");
    if (c->spec.geometry.vision.has_dem) e.dem = stage_error(c, &stages, BNC_STAGE_DEM, "dem");
    image = run_stages_find(&stages, BNC_STAGE_PROJECTOR, "")->data;
  }
  size_t rows, vocabulary = m.file.meta.vocabulary, count = (MADE_FORCED + 1) * vocabulary;
  float *x = model_join(&m, c->ids, c->count, &image, &rows), *logits = malloc(count * sizeof *logits),
        *want = expected(c, "logits", count);
  model_score(&m, x, rows, 7, c->forced, MADE_FORCED + 1, logits);
  e.logits = relative_l2(logits, want, count);
  free(x);
  free(logits);
  bnc_mem_free(want);
  run_stages_free(&stages);
  model_close(&m);
  return e;
}

static errors run_case(const made_case *c, bnc_weights weights) {
  char tower[64];
  snprintf(tower, sizeof tower, "%s_tower", c->name);
  return run_files(c, c->name, c->spec.tower_apart ? tower : NULL, NULL, weights);
}

/* The cases that llama.cpp's converters can write: text, and LLaVA-1.5. */
static void test_gguf(void **state) {
  (void)state;
  size_t ran = 0;
  for (size_t i = 0; i < MADE_CASES; i++) {
    made_case c = made_case_at(i);
    bnc_vision_geometry *v = &c.spec.geometry.vision;
    if (c.spec.geometry.has_vision && (v->has_dem || v->select_cls)) continue;
    v->layers = v->layers_used; /* they leave out what lies behind the features */
    memcpy(v->mean, (float[]){0.48145466f, 0.4578275f, 0.40821073f}, sizeof v->mean);
    memcpy(v->std, (float[]){0.26862954f, 0.26130258f, 0.27577711f}, sizeof v->std);
    const bool biased = c.spec.geometry.text.attention_bias;
    const make_gguf_spec gguf = {.spec = &c.spec, .architecture = biased ? "qwen2" : "llama"};
    assert_int_equal(make_gguf_text("text.gguf", &gguf), 0);
    if (c.spec.geometry.has_vision) assert_int_equal(make_gguf_vision("vision.gguf", &gguf), 0);
    errors e = run_files(&c, "text.gguf", NULL, c.spec.geometry.has_vision ? "vision.gguf" : NULL, BNC_WEIGHTS_F32);
    print_message("%s as GGUF: relative L2 projector %.2e, logits %.2e\n", c.name, e.projector, e.logits);
    assert_true(e.projector < BOUND && e.logits < BOUND);
    ran++;
  }
  assert_int_equal(ran, 3);
}

static void test_f32(void **state) {
  (void)state;
  for (size_t i = 0; i < MADE_CASES; i++) {
    made_case c = made_case_at(i);
    made_case_write(&c);
    errors e = run_case(&c, BNC_WEIGHTS_F32);
    print_message("%s: relative L2 dem %.2e, projector %.2e, logits %.2e; %zu tiles\n", c.name, e.dem, e.projector, e.logits, c.tiles);
    assert_true(e.dem < BOUND && e.projector < BOUND && e.logits < BOUND);
  }
}

/* Narrow random layers quantise badly; the bounds only tell a working model from a broken one. */
static void test_int8(void **state) {
  (void)state;
  for (size_t i = 0; i < MADE_CASES; i++) {
    made_case c = made_case_at(i);
    errors e = run_case(&c, BNC_WEIGHTS_INT8);
    print_message("%s int8: relative L2 dem %.4f, projector %.4f, logits %.4f\n", c.name, e.dem, e.projector, e.logits);
    assert_true(e.dem < 0.05 && e.projector < 0.05 && e.logits < 0.10);
  }
}

static int write_cases(const char *folder) {
  mkdir(folder, 0777);
  if (chdir(folder) != 0) return 1;
  for (size_t i = 0; i < MADE_CASES; i++) {
    char path[128];
    made_case c = made_case_at(i);
    made_case_write(&c);
    if (c.spec.geometry.has_vision) {
      uint8_t *pixels = made_case_pixels(&c);
      snprintf(path, sizeof path, "%s/pixels.bin", c.name);
      if (make_file(path, pixels, c.spec.geometry.vision.input_side * c.spec.geometry.vision.input_side * 3) != 0) return 1;
      free(pixels);
    }
    snprintf(path, sizeof path, "%s/ids.txt", c.name);
    FILE *f = fopen(path, "w");
    if (!f) return 1;
    for (size_t k = 0; k < c.count; k++) fprintf(f, "%d ", (int)c.ids[k]);
    fprintf(f, "-1");
    for (size_t k = 0; k < MADE_FORCED; k++) fprintf(f, " %d", (int)c.forced[k]);
    fclose(f);
  }
  return 0;
}

int main(int argc, char **argv) {
  if (argc == 2) return write_cases(argv[1]);
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_f32), cmocka_unit_test(test_gguf), cmocka_unit_test(test_int8)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
