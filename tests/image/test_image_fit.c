/* SPDX-License-Identifier: Apache-2.0 */
/* Padding and resizing against Pillow (fit.txt), and the properties of the taps. */
#include <stdint.h>
#include <string.h>

#include "tests/image/pictures.h"
#include "tests/unit.h"

static void equals_pillow(void **state) {
  (void)state;
  enum { POOLS = 3 }; /* of 1, 2 and 3 threads */
  bnc_pool *pool[POOLS];
  bnc_kernels scalar;
  bnc_kernels_init(&scalar, BNC_CPU_SCALAR);
  const bnc_resample_ops ops[2] = {scalar.resample, best_resample()};
  for (size_t i = 0; i < POOLS; i++) assert_int_equal(bnc_pool_create(&pool[i], i + 1, NULL), BNC_OK);
  FILE *list = open_list("fit.txt");
  char name[64], path[512];
  size_t side;
  unsigned r, g, b, crc, count = 0, wrong = 0;
  while (fscanf(list, "%63s %zu %u %u %u %x", name, &side, &r, &g, &b, &crc) == 6) {
    const uint8_t pad[3] = {(uint8_t)r, (uint8_t)g, (uint8_t)b};
    bnc_image image;
    bnc_error err = {0};
    if (bnc_image_load(&image, picture_path(path, name), BNC_IMAGE_MAX_PIXELS, NULL, &err) != BNC_OK) fail_msg("%s", err.text);
    uint8_t *out = bnc_mem_array(side * side, 3);
    uint8_t *again = bnc_mem_array(side * side, 3);
    assert_true(out && again);
    for (size_t i = 0; i < 2 * POOLS; i++) {
      assert_int_equal(bnc_image_fit(&image, pad, side, &ops[i % 2], pool[i / 2], i ? again : out, &err), BNC_OK);
      if (i ? memcmp(again, out, side * side * 3) == 0 : crc32_of(out, side * side * 3) == crc) continue;
      print_error("%s to %zu, %s, %zu threads: the pixels are others\n", name, side, i % 2 ? "this CPU's kernels" : "scalar", i / 2 + 1);
      wrong++;
    }
    count++;
    bnc_mem_free(out);
    bnc_mem_free(again);
    bnc_image_free(&image);
  }
  fclose(list);
  for (size_t i = 0; i < POOLS; i++) bnc_pool_destroy(pool[i]);
  assert_int_equal(wrong, 0);
  assert_in_range(count, 80, 1000);
}

static void one_colour_stays(void **state) {
  (void)state;
  uint8_t rgb[7 * 31 * 3], out[64 * 64 * 3];
  const bnc_resample_ops ops = best_resample();
  memset(rgb, 201, sizeof rgb);
  const bnc_image image = {7, 31, rgb, NULL};
  const uint8_t pad[3] = {201, 201, 201};
  for (size_t side = 1; side <= 64; side++) {
    assert_int_equal(bnc_image_fit(&image, pad, side, &ops, NULL, out, NULL), BNC_OK);
    for (size_t k = 0; k < side * side * 3; k++) assert_int_equal(out[k], 201);
  }
}

static void taps_are_sound(void **state) {
  (void)state;
  static const size_t sizes[] = {1, 2, 3, 5, 17, 100, 1007, 1008, 1009, 4032, 32768};
  enum { N = sizeof sizes / sizeof *sizes };
  for (size_t a = 0; a < N; a++)
    for (size_t b = 0; b < N - 1; b++) {
      bnc_resample r;
      assert_int_equal(bnc_resample_create(&r, sizes[a], sizes[b], NULL), BNC_OK);
      for (size_t i = 0; i < r.out; i++) {
        int64_t sum = 0, magnitude = 0;
        const int16_t *part = r.parts + 2 * i * r.taps;
        assert_true(r.count[i] >= 1 && r.count[i] <= r.taps && (size_t)r.first[i] + r.count[i] <= r.in);
        assert_true(i == 0 || r.first[i] >= r.first[i - 1]);
        for (size_t t = 0; t < r.taps; t++) {
          const int64_t w = r.weights[i * r.taps + t];
          assert_true(t < r.count[i] || w == 0);
          const int16_t *high = part + t / BNC_RESAMPLE_GROUP * (2 * BNC_RESAMPLE_GROUP) + t % BNC_RESAMPLE_GROUP,
                        low = high[BNC_RESAMPLE_GROUP];
          assert_true(w == *high * (1 << BNC_RESAMPLE_LOW_BITS) + low && low >= 0 && low < 1 << BNC_RESAMPLE_LOW_BITS);
          sum += w;
          magnitude += w < 0 ? -w : w;
        }
        const int64_t one = 1 << BNC_RESAMPLE_BITS;
        assert_true(sum > one - (int64_t)r.taps && sum < one + (int64_t)r.taps);
        assert_true(magnitude * 255 + one / 2 <= INT32_MAX);
      }
      bnc_resample_free(&r);
    }
}

static void refuses_bad_arguments(void **state) {
  (void)state;
  const bnc_resample_ops ops = best_resample();
  uint8_t rgb[3] = {0}, out[3];
  const uint8_t pad[3] = {0};
  const bnc_image good = {1, 1, rgb, NULL}, empty = {0, 1, rgb, NULL}, null = {1, 1, NULL, NULL},
                  large = {BNC_IMAGE_MAX_SIDE + 1, 1, rgb, NULL};
  assert_int_equal(bnc_image_fit(&good, pad, 0, &ops, NULL, out, NULL), BNC_ERROR_ARGUMENT);
  assert_int_equal(bnc_image_fit(&good, pad, BNC_IMAGE_MAX_SIDE + 1, &ops, NULL, out, NULL), BNC_ERROR_ARGUMENT);
  assert_int_equal(bnc_image_fit(&empty, pad, 1, &ops, NULL, out, NULL), BNC_ERROR_ARGUMENT);
  assert_int_equal(bnc_image_fit(&null, pad, 1, &ops, NULL, out, NULL), BNC_ERROR_ARGUMENT);
  assert_int_equal(bnc_image_fit(&large, pad, 1, &ops, NULL, out, NULL), BNC_ERROR_ARGUMENT);
  bnc_resample r;
  assert_int_equal(bnc_resample_create(&r, 0, 1, NULL), BNC_ERROR_ARGUMENT);
  assert_int_equal(bnc_resample_create(&r, 1, SIZE_MAX, NULL), BNC_ERROR_ARGUMENT);
}

static void survives_failed_allocations(void **state) {
  (void)state;
  uint8_t rgb[5 * 4 * 3] = {0}, out[9 * 9 * 3];
  const uint8_t pad[3] = {1, 2, 3};
  const bnc_image image = {5, 4, rgb, NULL};
  const size_t before = bnc_mem_live();
  const bnc_resample_ops ops = best_resample();
  bnc_status s = BNC_ERROR_MEMORY;
  long long allowed = 0;
  for (; s != BNC_OK && allowed < 100; allowed++) {
    bnc_error err = {0};
    bnc_mem_fail_after(allowed);
    s = bnc_image_fit(&image, pad, 9, &ops, NULL, out, &err);
    bnc_mem_fail_after(-1);
    assert_true(s == BNC_OK || s == BNC_ERROR_MEMORY);
    assert_int_equal(bnc_mem_live(), before);
  }
  assert_int_equal(s, BNC_OK);
  assert_in_range(allowed, 3, 99);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(equals_pillow), cmocka_unit_test(one_colour_stays), cmocka_unit_test(taps_are_sound),
                                     cmocka_unit_test(refuses_bad_arguments), cmocka_unit_test(survives_failed_allocations)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
