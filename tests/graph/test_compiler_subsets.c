/* SPDX-License-Identifier: Apache-2.0 */
/* Passes do not change results: random small models, compiled with every pass off, on, each alone, and random subsets of them, give the
   same bits. That holds for quantised weights too: activations are quantised row by row, from the same values, whichever rows are computed
   and whoever quantises them. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "quant/passes/passes.h"
#include "tests/golden/model_run.h"
#include "tests/graph/random_geometry.h"
#include "tests/unit.h"

#define FORCED 3

/* --quick: no pass alone. Sanitizers look at what odd geometries read and write, which none, all and random subsets of passes show. */
static bool quick;

typedef struct outcome {
  float *embeddings, *logits; /* [image_rows, hidden]; [FORCED + 1, vocabulary] */
  size_t embedding_count, logit_count;
  uint64_t macs[BNC_PROGRAMS];
  size_t tiles;
} outcome;

static void outcome_free(outcome *o) {
  free(o->embeddings);
  free(o->logits);
}

/* Of matrices and attention. Taps are left out: a gather that is joined to a resampling repeats its taps where views overlap, and saves the
   resampled picture's memory for it. */
static uint64_t matrix_macs(const bnc_program *program) {
  uint64_t sum = 0;
  for (uint32_t i = 0; i < program->head->ops; i++)
    if (program->op[i].kind != BNC_OP_RESAMPLE && program->op[i].kind != BNC_OP_GATHER) sum += program->op[i].macs;
  return sum;
}

static void read_outcome(model_run *m, uint64_t seed, outcome *out) {
  const bnc_file_meta *meta = &m->file.meta;
  uint64_t r = seed;
  *out = (outcome){.tiles = meta->tile_encodes};
  for (bnc_program_id p = 0; p < BNC_PROGRAMS; p++)
    if (m->file.program[p].head) out->macs[p] = matrix_macs(&m->file.program[p]);
  int64_t ids[9], forced[FORCED];
  for (size_t i = 0; i < 9; i++) ids[i] = (int64_t)random_below(&r, meta->vocabulary);
  for (size_t i = 0; i < FORCED; i++) forced[i] = (int64_t)random_below(&r, meta->vocabulary);
  const float *image = NULL;
  if (m->file.program[BNC_PROGRAM_VISION].head) {
    size_t pixels = (size_t)meta->input_side * meta->input_side * 3;
    uint8_t *picture = malloc(pixels);
    assert_non_null(picture);
    for (size_t i = 0; i < pixels; i++) picture[i] = (uint8_t)random_next(&r);
    run_stages stages;
    model_see_pixels(m, picture, &stages);
    const run_stage *s = run_stages_find(&stages, BNC_STAGE_PROJECTOR, "");
    out->embedding_count = s->rows * s->cols;
    out->embeddings = malloc(out->embedding_count * sizeof(float));
    assert_non_null(out->embeddings);
    memcpy(out->embeddings, s->data, out->embedding_count * sizeof(float));
    run_stages_free(&stages);
    free(picture);
    image = out->embeddings;
    ids[4] = -200;
  }
  size_t rows;
  float *x = model_join(m, ids, 9, &image, &rows);
  out->logit_count = (FORCED + 1) * (size_t)meta->vocabulary;
  out->logits = malloc(out->logit_count * sizeof(float));
  assert_non_null(out->logits);
  model_score(m, x, rows, SIZE_MAX, forced, FORCED + 1, out->logits);
  free(x);
}

typedef struct subject {
  const char *folder;
  uint64_t seed;
  bnc_weights vision, text;
  unsigned input_size;
} subject;

static void run_with(const subject *s, uint32_t passes, outcome *out) {
  model_run m;
  bnc_compile_options o;
  bnc_compile_options_init(&o);
  o.checkpoint = s->folder;
  o.output = "subset.bnc";
  o.vision_weights = s->vision;
  o.text_weights = s->text;
  o.input_size = s->input_size;
  o.disabled_passes = BNC_ALL_PASSES & ~passes;
  if (!model_compile(&o)) fail_msg("seed %llu does not compile with passes %#x", (unsigned long long)s->seed, passes);
  model_open(&m, o.output, 1);
  read_outcome(&m, s->seed, out);
  model_close(&m);
}

static void same_bits(const subject *s, uint32_t passes, const char *what, const float *a, const float *b, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (memcmp(&a[i], &b[i], sizeof *a) != 0)
      fail_msg("seed %llu, weights %d/%d, input size %u, passes %#x: %s %zu of %zu is %a, expected %a (relative L2 %.2e)",
               (unsigned long long)s->seed, (int)s->vision, (int)s->text, s->input_size, passes, what, i, count, (double)a[i], (double)b[i],
               relative_l2(a, b, count));
}

static void compare(const subject *s, uint32_t passes, const outcome *plain, uint64_t macs[BNC_PROGRAMS]) {
  outcome out;
  run_with(s, passes, &out);
  same_bits(s, passes, "embedding", out.embeddings, plain->embeddings, plain->embedding_count);
  same_bits(s, passes, "logit", out.logits, plain->logits, plain->logit_count);
  for (bnc_program_id p = 0; p < BNC_PROGRAMS; p++)
    if (out.macs[p] > plain->macs[p])
      fail_msg("seed %llu: passes %#x raise the work of program %d", (unsigned long long)s->seed, passes, p);
  if (macs) memcpy(macs, out.macs, sizeof out.macs);
  outcome_free(&out);
}

static void check(const subject *s, size_t random_subsets) {
  outcome plain, all;
  uint64_t r = s->seed;
  run_with(s, 0, &plain);
  run_with(s, BNC_ALL_PASSES, &all);
  same_bits(s, BNC_ALL_PASSES, "embedding", all.embeddings, plain.embeddings, plain.embedding_count);
  same_bits(s, BNC_ALL_PASSES, "logit", all.logits, plain.logits, plain.logit_count);
  for (unsigned p = 0; !quick && p < BNC_PASSES; p++) {
    uint64_t macs[BNC_PROGRAMS];
    compare(s, 1u << p, &plain, NULL);
    if (p > BNC_PASS_MERGE_EQUAL) continue; /* those that follow save no arithmetic */
    compare(s, BNC_ALL_PASSES & ~(1u << p), &plain, macs);
    for (int i = 0; i < BNC_PROGRAMS; i++)
      if (all.macs[i] > macs[i])
        fail_msg("seed %llu: %s raises the work of program %d", (unsigned long long)s->seed, bnc_pass_name((bnc_pass_id)p), i);
  }
  for (size_t i = 0; i < random_subsets; i++) compare(s, (uint32_t)random_next(&r) & BNC_ALL_PASSES, &plain, NULL);
  outcome_free(&plain);
  outcome_free(&all);
}

static void check_seeds(uint64_t first, size_t count, bnc_weights vision, bnc_weights text) {
  for (uint64_t seed = first; seed < first + count; seed++) {
    make_spec spec = random_geometry(seed);
    const bnc_vision_geometry *v = &spec.geometry.vision;
    subject s = {.folder = "random", .seed = seed, .vision = vision, .text = text};
    if (spec.geometry.has_vision && seed % 4 == 3) s.input_size = (unsigned)(v->patch + seed * 7 % (v->input_side - v->patch + 1));
    assert_int_equal(make_checkpoint(s.folder, &spec), 0);
    print_message("seed %llu: n %zu, grid %zu, layers %zu of %zu, dem %d, cls %d, input %u of %zu; heads %zu/%zu, tied %d\n",
                  (unsigned long long)seed, v->views, v->grid, v->layers_used, v->layers, v->has_dem, v->select_cls, s.input_size,
                  v->input_side, spec.geometry.text.heads, spec.geometry.text.kv_heads, spec.geometry.text.tie_word_embeddings);
    check(&s, 4);
  }
}

static void test_f32(void **state) {
  (void)state;
  check_seeds(1, 7, BNC_WEIGHTS_F32, BNC_WEIGHTS_F32);
}

static void test_int8(void **state) {
  (void)state;
  check_seeds(101, 4, BNC_WEIGHTS_INT8, BNC_WEIGHTS_INT8);
}

static void test_int4_text(void **state) {
  (void)state;
  check_seeds(201, 2, BNC_WEIGHTS_F32, BNC_WEIGHTS_INT4);
}

/* Whatever the geometry, the compiler finds which tiles matter. */
static void test_live_tiles(void **state) {
  (void)state;
  for (uint64_t seed = 301; seed < 331; seed++) {
    make_spec spec = random_geometry(seed);
    const bnc_vision_geometry *v = &spec.geometry.vision;
    model_run m;
    bnc_compile_options o;
    if (!spec.geometry.has_vision) continue;
    assert_int_equal(make_checkpoint("random", &spec), 0);
    bnc_compile_options_init(&o);
    o.checkpoint = "random";
    o.output = "tiles.bnc";
    if (seed % 3 == 0) o.input_size = (unsigned)v->input_side - 1 ? (unsigned)v->input_side - 1 : 1;
    if (o.input_size && o.input_size < v->patch) o.input_size = 0;
    assert_true(model_compile(&o));
    model_open(&m, o.output, 1);
    bool exact;
    size_t expected = live_tiles(v, o.input_size ? o.input_size : v->input_side, &exact);
    if (m.file.meta.tile_encodes != expected && (exact || m.file.meta.tile_encodes != expected + 1))
      fail_msg("seed %llu: n %zu, grid %zu, input %u: %u tiles, expected %zu", (unsigned long long)seed, v->views, v->grid, o.input_size,
               m.file.meta.tile_encodes, expected);
    assert_int_equal(m.file.meta.tile_encodes_reference, v->has_dem ? 2 * v->views * v->views + 1 : 1);
    model_close(&m);
  }
}

int main(int argc, char **argv) {
  quick = argc > 1 && strcmp(argv[1], "--quick") == 0;
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_f32), cmocka_unit_test(test_int8), cmocka_unit_test(test_int4_text),
                                     cmocka_unit_test(test_live_tiles)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
