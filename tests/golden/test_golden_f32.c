/* SPDX-License-Identifier: Apache-2.0 */
/* f32 against the authors' PyTorch code, every stage of every case; one model and one run per picture serve all comparisons. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "platforms/base/mem.h"
#include "platforms/file/file.h"
#include "runtime/image/image.h"
#include "tests/golden/reference_case.h"
#include "tests/image/pictures.h"
#include "tests/unit.h"

#define BOUND 2e-5 /* relative L2 */

static run_stages seen[REFERENCE_PICTURES];
static reference_result scored[REFERENCE_CASES];

static int run_all(void **state) {
  (void)state;
  model_run m;
  bnc_compile_options o = reference_options("f32.bnc", BNC_WEIGHTS_F32, BNC_WEIGHTS_F32);
  o.report = "f32.json";
  assert_true(model_compile(&o));
  model_open(&m, "f32.bnc", 2);
  for (int p = 0; p < REFERENCE_PICTURES; p++) reference_see(&m, p, &seen[p]);
  for (int c = 0; c < REFERENCE_CASES; c++) {
    const reference_case *k = &reference_cases[c];
    if (k->context) continue;
    reference_score(&m, k, seen, SIZE_MAX, &scored[c]);
  }
  model_close(&m);
  for (int c = 0; c < REFERENCE_CASES; c++) {
    const reference_case *k = &reference_cases[c];
    if (!k->context) continue;
    o.output = "f32_context.bnc";
    o.report = NULL;
    o.context = (unsigned)k->context;
    assert_true(model_compile(&o));
    model_open(&m, o.output, 2);
    reference_score(&m, k, seen, SIZE_MAX, &scored[c]);
    assert_int_equal(scored[c].rows, k->context);
    model_close(&m);
  }
  return 0;
}

static int free_all(void **state) {
  (void)state;
  for (int p = 0; p < REFERENCE_PICTURES; p++) run_stages_free(&seen[p]);
  for (int c = 0; c < REFERENCE_CASES; c++) reference_result_free(&scored[c]);
  return 0;
}

/* expected/pixels.txt: CRC-32 of each picture's 1008 x 1008 pixels before normalisation. */
static void test_pixels(void **state) {
  (void)state;
  static const uint8_t pad[3] = {122, 116, 104};
  enum { SIDE = 1008 };
  bnc_kernels kernels;
  bnc_kernels_init(&kernels, BNC_CPU_SCALAR);
  FILE *list = fopen(REFERENCE "/expected/pixels.txt", "r");
  char name[32], path[512];
  unsigned crc;
  int pictures = 0;
  assert_non_null(list);
  uint8_t *pixels = malloc((size_t)SIDE * SIDE * 3);
  for (; fscanf(list, "%31s %x", name, &crc) == 2; pictures++) {
    bnc_image picture;
    bnc_error err = {0};
    snprintf(path, sizeof path, REFERENCE "/images/%s.png", name);
    assert_int_equal(bnc_image_load(&picture, path, BNC_IMAGE_MAX_PIXELS, NULL, &err), BNC_OK);
    assert_int_equal(bnc_image_fit(&picture, pad, SIDE, &kernels.resample, NULL, pixels, &err), BNC_OK);
    bnc_image_free(&picture);
    if (crc32_of(pixels, (size_t)SIDE * SIDE * 3) != crc) fail_msg("the pixels of %s differ", name);
  }
  free(pixels);
  fclose(list);
  assert_int_equal(pictures, REFERENCE_PICTURES);
}

static void test_stages(void **state) {
  (void)state;
  for (int p = 0; p < REFERENCE_PICTURES; p++) {
    double dem = reference_error(&seen[p], BNC_STAGE_DEM, reference_pictures[p], "dem");
    double projector = reference_error(&seen[p], BNC_STAGE_PROJECTOR, reference_pictures[p], "proj");
    print_message("%s: relative L2 dem %.2e, projector %.2e\n", reference_pictures[p], dem, projector);
    assert_true(dem < BOUND && projector < BOUND);
  }
}

/* Of the 19 tiles that the reference encodes the program runs ten; four of them are compared. */
static void test_tiles(void **state) {
  (void)state;
  static const char *const live[] = {"crop0", "crop1", "crop2", "crop3", "crop4", "crop5", "crop6", "crop7", "crop8", "stride4"};
  static const char *const compared[] = {"crop0", "crop4", "crop8", "stride4"};
  const run_stages *stages = &seen[0];
  size_t tiles = 0, count = 576 * 128;
  for (size_t i = 0; i < stages->count; i++) tiles += stages->at[i].stage == BNC_STAGE_TILES && strcmp(stages->at[i].name, "base") != 0;
  assert_int_equal(tiles, 10);
  for (size_t i = 0; i < 10; i++) assert_non_null(run_stages_find(stages, BNC_STAGE_TILES, live[i]));
  float *expected = load_f32(REFERENCE "/expected/text/tiles.npy", 4 * count);
  for (size_t i = 0; i < 4; i++) {
    const run_stage *tile = run_stages_find(stages, BNC_STAGE_TILES, compared[i]);
    double error = relative_l2(tile->data, expected + i * count, count);
    print_message("text: relative L2 %s %.2e\n", compared[i], error);
    assert_true(error < BOUND);
  }
  bnc_mem_free(expected);
}

static void test_logits(void **state) {
  (void)state;
  for (int c = 0; c < REFERENCE_CASES; c++) {
    const reference_result *r = &scored[c];
    double first = relative_l2(r->logits, r->expected, REFERENCE_VOCABULARY), worst = 0;
    for (size_t t = 0; t < REFERENCE_TOKENS; t++) {
      const float *row = r->logits + t * REFERENCE_VOCABULARY;
      double error = relative_l2(row, r->expected + t * REFERENCE_VOCABULARY, REFERENCE_VOCABULARY);
      if (error > worst) worst = error;
      assert_int_equal(largest_at(row, REFERENCE_VOCABULARY), r->tokens[t]);
    }
    print_message("%s: relative L2 logits %.2e, worst forced %.2e\n", reference_cases[c].name, first, worst);
    assert_true(first < BOUND && worst < BOUND);
  }
}

/* Other numbers of threads, and the prompt in uneven chunks: the same bits. */
static void test_threads_and_chunks(void **state) {
  (void)state;
  static const size_t threads[] = {1, 4}, chunks[] = {97, 1000};
  for (int i = 0; i < 2; i++) {
    model_run m;
    run_stages stages;
    reference_result r;
    model_open(&m, "f32.bnc", threads[i]);
    reference_see(&m, 0, &stages);
    assert_int_equal(stages.count, seen[0].count);
    for (size_t s = 0; s < stages.count; s++)
      assert_memory_equal(stages.at[s].data, seen[0].at[s].data, stages.at[s].rows * stages.at[s].cols * sizeof(float));
    reference_score(&m, &reference_cases[0], &stages, chunks[i], &r);
    assert_memory_equal(r.logits, scored[0].logits, (size_t)REFERENCE_TOKENS * REFERENCE_VOCABULARY * sizeof(float));
    reference_result_free(&r);
    run_stages_free(&stages);
    model_close(&m);
  }
}

/* One row at a time through the prefill program is what decoding does. */
static void test_row_by_row(void **state) {
  (void)state;
  model_run m;
  reference_result r;
  model_open(&m, "f32.bnc", 2);
  reference_score(&m, &reference_cases[4], NULL, 1, &r);
  assert_memory_equal(r.logits, scored[4].logits, (size_t)REFERENCE_TOKENS * REFERENCE_VOCABULARY * sizeof(float));
  reference_result_free(&r);
  model_close(&m);
}

/* The tower in a folder of its own has equal values: the same model file, byte for byte. */
static void test_vision_tower(void **state) {
  (void)state;
  bnc_error err = {0};
  char *a, *b;
  size_t a_size, b_size;
  bnc_compile_options o = reference_options("tower.bnc", BNC_WEIGHTS_F32, BNC_WEIGHTS_F32);
  o.vision_tower = REFERENCE "/tower";
  assert_true(model_compile(&o));
  assert_int_equal(bnc_file_read("f32.bnc", 1u << 26, &a, &a_size, &err), BNC_OK);
  assert_int_equal(bnc_file_read("tower.bnc", 1u << 26, &b, &b_size, &err), BNC_OK);
  assert_int_equal(a_size, b_size);
  assert_memory_equal(a, b, a_size);
  bnc_mem_free(a);
  bnc_mem_free(b);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_pixels),
      cmocka_unit_test(test_stages),
      cmocka_unit_test(test_tiles),
      cmocka_unit_test(test_logits),
      cmocka_unit_test(test_threads_and_chunks),
      cmocka_unit_test(test_row_by_row),
      cmocka_unit_test(test_vision_tower),
  };
  return cmocka_run_group_tests(tests, run_all, free_all);
}
