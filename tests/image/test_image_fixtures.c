/* SPDX-License-Identifier: Apache-2.0 */
/* The reference's four pictures, which a fresh clone does not have: BINOCLE_SHARED names their folder, else it is looked for beside the
 * repository. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/image/pictures.h"
#include "tests/unit.h"

static const char *fixtures(char path[1024], const char *rest) {
  const char *shared = getenv("BINOCLE_SHARED");
  snprintf(path, 1024, "%s/fixtures/reference-w128/%s", shared && *shared ? shared : BINOCLE_SHARED_DEFAULT, rest);
  return path;
}

static void pixels_equal_the_reference(void **state) {
  (void)state;
  static const char *const names[] = {"text", "wide", "tall", "small"};
  static const uint8_t pad[3] = {122, 116, 104};
  enum { SIDE = 1008 };
  const bnc_resample_ops ops = best_resample();
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    char path[1024], rest[64];
    bnc_image picture, expected;
    bnc_error err = {0};
    snprintf(rest, sizeof rest, "images/%s.png", names[i]);
    if (bnc_image_load(&picture, fixtures(path, rest), BNC_IMAGE_MAX_PIXELS, NULL, &err) != BNC_OK) fail_msg("%s", err.text);
    snprintf(rest, sizeof rest, "expected/%s/pixels_u8.png", names[i]);
    if (bnc_image_load(&expected, fixtures(path, rest), BNC_IMAGE_MAX_PIXELS, NULL, &err) != BNC_OK) fail_msg("%s", err.text);
    assert_int_equal(expected.width, SIDE);
    assert_int_equal(expected.height, SIDE);
    uint8_t *out = bnc_mem_array(SIDE * SIDE, 3);
    assert_int_equal(bnc_image_fit(&picture, pad, SIDE, &ops, NULL, out, &err), BNC_OK);
    assert_memory_equal(out, expected.rgb, SIDE * SIDE * 3);
    bnc_mem_free(out);
    bnc_image_free(&picture);
    bnc_image_free(&expected);
  }
}

int main(void) {
  char path[1024];
  if (access(fixtures(path, "images"), R_OK) != 0) {
    printf("skipped: %s is not there (set BINOCLE_SHARED to the folder that holds fixtures/)\n", path);
    return 77;
  }
  const struct CMUnitTest tests[] = {cmocka_unit_test(pixels_equal_the_reference)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
