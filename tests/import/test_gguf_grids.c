/* SPDX-License-Identifier: Apache-2.0 */
/* Weights that a GGUF file has rounded already are not rounded again where its grid is one of ours. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ops/half.h"
#include "quant/compile/quantize_weights.h"
#include "quant/import/gguf/gguf_blocks.h"
#include "tests/unit.h"

static uint32_t next(uint32_t *state) { return (*state = *state * 1664525u + 1013904223u) >> 8; }

/* A block of nibbles between 8 - most and 8 + most, in which the lowest is there. */
static void make_block(uint8_t *block, uint16_t scale, unsigned most, uint32_t *state) {
  uint8_t q[32];
  for (unsigned i = 0; i < 32; i++) q[i] = (uint8_t)(8 - most + next(state) % (most == 8 ? 16 : 2 * most + 1));
  q[next(state) % 32] = (uint8_t)(8 - most);
  memcpy(block, &scale, 2);
  for (unsigned i = 0; i < 16; i++) block[2 + i] = (uint8_t)(q[i] | q[i + 16] << 4);
}

static int nibble_at(const uint8_t *block, unsigned i) { return i < 16 ? block[2 + i] & 15 : block[2 + i - 16] >> 4; }

static void test_q4_0(void **state) {
  (void)state;
  uint32_t random = 1;
  size_t exact = 0;
  for (unsigned round = 0; round < 20000; round++) {
    uint8_t block[18], q[16];
    uint16_t scale;
    float w[32];
    const unsigned most = 5 + next(&random) % 4; /* fewer may lie on a finer grid too */
    const uint16_t half = bnc_f16_from_f32(ldexpf(1.0f + (float)(next(&random) % 1024) / 1024, -(int)(4 + next(&random) % 6)));
    make_block(block, half, most, &random);
    bnc_read_q4_0(block, 1, w);
    bnc_quantize_row_qg4(w, 32, 32, q, &scale);
    const float kept = bnc_f32_from_bf16(scale), step = bnc_f32_from_f16(half);
    const float rounded = bnc_f32_from_bf16(bnc_bf16_from_f32(step));
    if (kept != rounded) fail_msg("block %u: scale %.9g, expected %.9g", round, (double)kept, (double)rounded);
    for (unsigned i = 0; i < 32; i++) {
      const int found = (i % 2 ? q[i / 2] >> 4 : q[i / 2] & 15) - 8, stored = nibble_at(block, i) - 8;
      /* The integers are kept; the scale too, where it has no more bits than ours. */
      assert_int_equal(found, stored);
      if (rounded == step) assert_true((float)found * kept == w[i]);
      assert_true(fabsf((float)found * kept - w[i]) <= ldexpf(fabsf(w[i]), -8));
    }
    exact += rounded == step;
  }
  assert_true(exact > 1000);
}

/* Our int8 has one scale per row: it is Q8_0's where all its blocks have one scale, and one value reaches the grid's end. */
static void test_q8_0(void **state) {
  (void)state;
  uint32_t random = 2;
  for (unsigned round = 0; round < 1000; round++) {
    uint8_t blocks[4][34];
    int8_t q[128];
    float w[128], scale;
    const uint16_t half = bnc_f16_from_f32(ldexpf(1.0f + (float)(next(&random) % 1024) / 1024, -(int)(4 + next(&random) % 8)));
    for (unsigned b = 0; b < 4; b++) {
      memcpy(blocks[b], &half, 2);
      for (unsigned i = 0; i < 32; i++) blocks[b][2 + i] = (uint8_t)(int8_t)((int)(next(&random) % 255) - 127);
    }
    blocks[next(&random) % 4][2] = 127;
    bnc_read_q8_0(blocks[0], 4, w);
    bnc_quantize_row_qc8(w, 128, q, &scale);
    assert_true(scale == bnc_f32_from_f16(half));
    for (unsigned i = 0; i < 128; i++) assert_true((float)q[i] * scale == w[i]);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_q4_0), cmocka_unit_test(test_q8_0)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
