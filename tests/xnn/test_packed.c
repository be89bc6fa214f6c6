/* SPDX-License-Identifier: Apache-2.0 */
/* The store of packed weights: what is written is found again, and what is damaged, of another identity or of the wrong size is refused. */
#include <stdint.h>

#include <stdio.h>
#include <string.h>

#include "ops/xnn/linear.h"
#include "ops/xnn/packed.h"
#include "platforms/base/mem.h"
#include "tests/unit.h"

#define N 48u
#define K 64u
#define LAYERS 3u

static const bnc_packed_identity identity = {{{11}}, 22};
static float weights[LAYERS][N * K], x[4 * K + 16], bias[N];

static void fill(float *p, size_t count, uint32_t seed) {
  for (size_t i = 0; i < count; i++) p[i] = (float)((seed = seed * 1664525u + 1013904223u) >> 8) / (float)(1u << 23) - 1.0f;
}

static bnc_linear_spec spec_of(uint32_t layer) {
  return (bnc_linear_spec){
      .kind = BNC_LINEAR_F32, .n = N, .k = K, .in_stride = K, .out_stride = N, .weights = weights[layer], .bias = layer ? bias : NULL};
}

static bnc_status pack(bnc_packed_store *store, bnc_error *err) {
  bnc_linear_set *set;
  bnc_status s = bnc_linear_set_create(&set, store, err);
  for (uint32_t i = LAYERS; s == BNC_OK && i-- > 0;) {
    bnc_linear_spec spec = spec_of(i);
    s = bnc_linear_set_pack(set, &spec, i, 0, err);
  }
  bnc_linear_set_destroy(set);
  return s;
}

static void run(bnc_packed_store *store, float *y /* [LAYERS][4,N] */) {
  bnc_error err;
  bnc_linear_set *set;
  bnc_pool *pool;
  assert_int_equal(bnc_pool_create(&pool, 1, &err), BNC_OK);
  assert_int_equal(bnc_linear_set_create(&set, store, &err), BNC_OK);
  for (uint32_t i = 0; i < LAYERS; i++) {
    uint32_t id;
    bnc_linear_spec spec = spec_of(i);
    assert_int_equal(bnc_linear_set_add(set, &spec, i, 0, &id, &err), BNC_OK);
    assert_int_equal(bnc_linear_set_run(set, id, 4, x, NULL, y + i * 4 * N, pool), BNC_OK);
  }
  assert_int_equal(bnc_linear_set_operators(set), 1);
  bnc_linear_set_destroy(set);
  bnc_pool_destroy(pool);
}

static void write_store(const char *path) {
  bnc_error err;
  bnc_file_writer *out;
  bnc_packed_store *store;
  uint64_t size;
  assert_int_equal(bnc_file_writer_open(&out, path, &err), BNC_OK);
  assert_int_equal(bnc_packed_write(&store, out, &err), BNC_OK);
  assert_int_equal(pack(store, &err), BNC_OK);
  assert_int_equal(bnc_packed_memory_bytes(store), 0);
  assert_int_equal(bnc_packed_finish(store, &identity, &size, &err), BNC_OK);
  assert_int_equal(size, bnc_file_writer_size(out));
  bnc_packed_destroy(store);
  assert_int_equal(bnc_file_writer_commit(out, &err), BNC_OK);
}

static int setup(void **s) {
  (void)s;
  for (uint32_t i = 0; i < LAYERS; i++) fill(weights[i], N * K, i + 1);
  fill(x, 4 * K, 77);
  fill(bias, N, 78);
  write_store("store.bncpack");
  return 0;
}

static void test_same_bits(void **s) {
  (void)s;
  bnc_error err;
  bnc_packed_store *memory, *mapped;
  float y[2][LAYERS * 4 * N];
  assert_int_equal(bnc_packed_create(&memory, &err), BNC_OK);
  run(memory, y[0]);
  assert_int_equal(bnc_packed_memory_bytes(memory), bnc_packed_bytes(memory));
  assert_int_equal(bnc_packed_open(&mapped, "store.bncpack", &identity, NULL, &err), BNC_OK);
  assert_int_equal(bnc_packed_bytes(mapped), bnc_packed_bytes(memory));
  assert_int_equal(bnc_packed_memory_bytes(mapped), 0);
  run(mapped, y[1]);
  assert_memory_equal(y[0], y[1], sizeof y[0]);
  bnc_packed_destroy(memory);
  bnc_packed_destroy(mapped);
}

static void test_other_identity(void **s) {
  (void)s;
  bnc_error err;
  bnc_packed_store *store;
  const bnc_packed_identity others[] = {{{{12}}, 22}, {{{11}}, 23}, {{{11, [31] = 1}}, 22}};
  for (size_t i = 0; i < 3; i++) assert_int_equal(bnc_packed_open(&store, "store.bncpack", &others[i], NULL, &err), BNC_ERROR_FORMAT);
  assert_int_equal(bnc_packed_open(&store, "absent.bncpack", &identity, NULL, &err), BNC_ERROR_IO);
  assert_int_equal(bnc_packed_machine_id(), bnc_packed_machine_id());
}

/* Every byte of the file, flipped; and every length. */
static void test_damage(void **s) {
  (void)s;
  bnc_error err;
  char *bytes;
  size_t size;
  bnc_packed_store *store;
  assert_int_equal(bnc_file_read("store.bncpack", (size_t)1 << 30, &bytes, &size, &err), BNC_OK);
  uint8_t *copy = bnc_mem_alloc(size);
  assert_non_null(copy);
  memcpy(copy, bytes, size);
  for (size_t i = 0; i < size; i++) {
    copy[i] ^= (uint8_t)(1u << i % 8);
    assert_int_equal(bnc_packed_open_bytes(&store, copy, size, &identity, NULL, &err), BNC_ERROR_FORMAT);
    copy[i] ^= (uint8_t)(1u << i % 8);
  }
  for (size_t i = 0; i < size; i++) assert_int_equal(bnc_packed_open_bytes(&store, copy, i, &identity, NULL, &err), BNC_ERROR_FORMAT);
  bnc_mem_free(copy);
  bnc_mem_free(bytes);
}

/* A store whose checksums are all right but which lies about a size or lacks a layer: XNNPACK would read outside. */
static void test_wrong_size(void **s) {
  (void)s;
  bnc_error err;
  bnc_packed_store *memory, *store;
  bnc_linear_set *set;
  uint64_t size;
  uint32_t id;
  bnc_linear_spec spec = spec_of(0);
  assert_int_equal(bnc_packed_create(&memory, &err), BNC_OK);
  assert_int_equal(pack(memory, &err), BNC_OK);
  for (uint32_t seed = 0; seed < 2; seed++) {
    bnc_file_writer *out;
    assert_int_equal(bnc_file_writer_open(&out, "lie.bncpack", &err), BNC_OK);
    assert_int_equal(bnc_packed_write(&store, out, &err), BNC_OK);
    bnc_packed_key key = {0, 0, N, 0};
    if (seed == 0) /* the seed that XNNPACK uses here is not known outside: try all that the memory store may have */
      for (uint32_t at = 0; at < 1u << 20 && !bnc_packed_find(memory, &key, NULL); at++) key.seed = at;
    void *block = bnc_mem_zalloc(64);
    assert_int_equal(bnc_packed_put(store, &key, block, 64, &err), BNC_OK);
    assert_int_equal(bnc_packed_finish(store, &identity, &size, &err), BNC_OK);
    bnc_packed_destroy(store);
    assert_int_equal(bnc_file_writer_commit(out, &err), BNC_OK);
    assert_int_equal(bnc_packed_open(&store, "lie.bncpack", &identity, NULL, &err), BNC_OK);
    assert_int_equal(bnc_linear_set_create(&set, store, &err), BNC_OK);
    assert_int_equal(bnc_linear_set_add(set, &spec, 0, 0, &id, &err), BNC_ERROR_FORMAT);
    if (seed == 0 && bnc_packed_find(memory, &key, NULL)) assert_non_null(strstr(err.text, "expected"));
    bnc_linear_set_destroy(set);
    bnc_packed_destroy(store);
  }
  bnc_packed_destroy(memory);
}

static void test_put_twice(void **s) {
  (void)s;
  bnc_error err;
  bnc_packed_store *store;
  const bnc_packed_key key = {1, 2, 3, 4};
  assert_int_equal(bnc_packed_create(&store, &err), BNC_OK);
  assert_int_equal(bnc_packed_put(store, &key, bnc_mem_alloc(64), 64, &err), BNC_OK);
  assert_int_equal(bnc_packed_put(store, &key, bnc_mem_alloc(64), 64, &err), BNC_ERROR_INTERNAL);
  bnc_packed_destroy(store);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_same_bits), cmocka_unit_test(test_other_identity), cmocka_unit_test(test_damage),
                                     cmocka_unit_test(test_wrong_size), cmocka_unit_test(test_put_twice)};
  return cmocka_run_group_tests(tests, setup, NULL);
}
