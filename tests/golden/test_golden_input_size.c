/* SPDX-License-Identifier: Apache-2.0 */
/* --input-size 336: the picture as the authors' demo feeds it, upsampled in the graph; against reference.py's float64 results. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "platforms/base/mem.h"
#include "runtime/npy/npy.h"
#include "tests/golden/reference_case.h"
#include "tests/unit.h"

#define BOUND 2e-5
#define EVERY 16 /* row of the projector is kept */

static void test_input_336(void **state) {
  (void)state;
  model_run m;
  run_stages stages;
  bnc_compile_options o = reference_options("input_336.bnc", BNC_WEIGHTS_F32, BNC_WEIGHTS_F32);
  o.input_size = 336;
  assert_true(model_compile(&o));
  model_open(&m, o.output, 2);
  assert_int_equal(m.file.meta.input_side, 336);
  /* Upsampling passes through the points that it was given: stride tile 4 is the base picture here too, and the compiler sees that its taps
   * say so. */
  assert_int_equal(m.file.meta.tile_encodes, 10);
  reference_see(&m, 0, &stages);
  const run_stage *s = run_stages_find(&stages, BNC_STAGE_PROJECTOR, "");
  float *want = load_f32(REFERENCE "/expected/_input_336/proj.npy", s->rows / EVERY * s->cols);
  float *logits = load_f32(REFERENCE "/expected/_input_336/logits.npy", REFERENCE_VOCABULARY);
  double worst = 0;
  for (size_t r = 0; r < s->rows / EVERY; r++) {
    double error = relative_l2(s->data + r * EVERY * s->cols, want + r * s->cols, s->cols);
    if (error > worst) worst = error;
  }
  reference_result r;
  run_stages seen[REFERENCE_PICTURES] = {stages};
  reference_score(&m, &reference_cases[0], seen, SIZE_MAX, &r);
  double first = relative_l2(r.logits, logits, REFERENCE_VOCABULARY);
  print_message("input size 336: worst relative L2 of a projector row %.2e, logits %.2e\n", worst, first);
  assert_true(worst < BOUND && first < BOUND);
  /* It is another input than the picture resized to 1008. */
  double moved = reference_error(&stages, BNC_STAGE_PROJECTOR, "text", "proj");
  print_message("the projector moves by %.3f from that of input size 1008\n", moved);
  assert_true(moved > 0.005);
  reference_result_free(&r);
  bnc_mem_free(want);
  bnc_mem_free(logits);
  run_stages_free(&stages);
  model_close(&m);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_input_336)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
