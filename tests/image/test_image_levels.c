/* SPDX-License-Identifier: Apache-2.0 */
/* The normalised levels against NumPy's float32: ((arange(256, dtype=f4) / f4(255))[None] - mean[:, None]) / std[:, None], for CLIP's
 * constants. */
#include <stdint.h>
#include <string.h>

#include "ops/patches/patches.h"
#include "tests/image/pictures.h"
#include "tests/unit.h"

static void equals_numpy(void **state) {
  (void)state;
  static const float mean[3] = {0.48145466f, 0.4578275f, 0.40821073f}, std[3] = {0.26862954f, 0.26130258f, 0.27577711f};
  static const uint32_t some[3][4] = {{0xbfe568dc, 0xbfe38a7f, 0x3d9c5620, 0x3ff71541}, /* of the bytes 0, 1, 128 and 255 */
                                      {0xbfe044b8, 0xbfde58f1, 0x3e2cf36b, 0x4004cae5},
                                      {0xbfbd77d8, 0xbfbba5e1, 0x3eae0dc4, 0x40095660}};
  static const int bytes[4] = {0, 1, 128, 255};
  float levels[3][256];
  bnc_patches_levels(mean, std, levels);
  for (int c = 0; c < 3; c++)
    for (int i = 0; i < 4; i++) assert_memory_equal(&levels[c][bytes[i]], &some[c][i], 4);
  assert_int_equal(crc32_of((const uint8_t *)levels, sizeof levels), 0x88a84fb3); /* zlib.crc32 of NumPy's table */
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(equals_numpy)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
