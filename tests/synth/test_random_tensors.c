/* SPDX-License-Identifier: Apache-2.0 */
/* Random tensors depend on name and index alone, and have the spread that they promise. */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "quant/synth/presets.h"
#include "quant/synth/random_tensors.h"
#include "tests/unit.h"

#define COUNT 5000u

static bnc_geometry geometry(void) {
  bnc_geometry g;
  assert_true(bnc_synth_geometry("w128", &g));
  return g;
}

static void any_part_is_alike(void **state) {
  static const char name[] = "model.layers.0.mlp.up_proj.weight";
  float whole[COUNT], part[COUNT];
  bnc_geometry g = geometry();
  (void)state;
  bnc_random_tensor(&g, name, 0, COUNT, whole);
  for (size_t first = 0; first < 140; first++)
    for (size_t count = 0; count < 140; count += 1 + count / 9) {
      part[count] = 99.0f;
      bnc_random_tensor(&g, name, first, count, part);
      assert_memory_equal(part, whole + first, count * sizeof *part);
      assert_true(part[count] == 99.0f);
    }
  bnc_random_tensor(&g, "model.layers.1.mlp.up_proj.weight", 0, COUNT, part);
  assert_memory_not_equal(part, whole, sizeof part);
}

static void check_spread(const bnc_geometry *g, const char *name, double centre, double deviation) {
  float x[COUNT];
  double sum = 0, squares = 0;
  bnc_random_tensor(g, name, 0, COUNT, x);
  for (size_t i = 0; i < COUNT; i++) {
    sum += (double)x[i];
    squares += ((double)x[i] - centre) * ((double)x[i] - centre);
  }
  assert_true(fabs(sum / COUNT - centre) < 0.05 * deviation);
  assert_true(fabs(sqrt(squares / COUNT) / deviation - 1.0) < 0.03);
}

static void the_spread_is_as_promised(void **state) {
  bnc_geometry g = geometry();
  (void)state;
  check_spread(&g, "model.layers.3.mlp.down_proj.weight", 0.0, 1.0 / sqrt(688.0));
  check_spread(&g, "vision_model.encoder.layers.1.mlp.fc2.weight", 0.0, 1.0 / sqrt(512.0));
  check_spread(&g, "model.norm.weight", 1.0, 0.1 / sqrt(3.0));
  check_spread(&g, "model.mm_projector.0.bias", 0.0, 0.02 / sqrt(3.0));
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(any_part_is_alike), cmocka_unit_test(the_spread_is_as_promised)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
