/* SPDX-License-Identifier: Apache-2.0 */
/* The oracle is xxHash's form without vectors. */
#include <stdlib.h>
#define XXH_INLINE_ALL
#define XXH_VECTOR 0
#include <xxhash.h>

#include "tests/ops/checkkern/check.h"

enum { BLOCK = 256 << 10, LARGE = 64 << 20 };

typedef struct checksum_job {
  const void *data;
  size_t size;
} checksum_job;

static volatile uint64_t kept;

static void run_job(const void *job, const bnc_kernels *kernels) {
  const checksum_job *j = job;
  kept = kernels->checksum.xxh3(j->data, j->size);
}

static void run_case(check *c, size_t size) {
  tensor x = tensor_make(1, size ? size : 1, size ? size : 1, 1, check_below(c, 2) ? SIDE_END : SIDE_START);
  for (size_t i = 0; i < size; ++i) ((uint8_t *)x.data)[i] = (uint8_t)check_random(c);
  const uint64_t expected = XXH3_64bits(x.data, size);
  tensor_protect(&x);
  const uint64_t sum = c->test.checksum.xxh3(x.data, size);
  if (sum == expected)
    check_passed(c);
  else
    check_failed(c, "%zu bytes: %llx, expected %llx", size, (unsigned long long)sum, (unsigned long long)expected);
  tensor_free(&x);
}

static void bench_shape(check *c, size_t size, const char *shape) {
  tensor x = tensor_make(1, size, size, 1, SIDE_START);
  for (size_t i = 0; i < size; ++i) ((uint8_t *)x.data)[i] = (uint8_t)(i * 37);
  const checksum_job job = {x.data, size};
  const bench_job b = {shape, run_job, &job, (double)size, 0, BENCH_SLOTS(c, checksum, xxh3)};
  bench_run(c, &b);
  tensor_free(&x);
}

void check_checksum(check *c) {
  if (!CHECK_BEGIN(c, checksum, xxh3)) return;
  if (c->bench) {
    bench_shape(c, BLOCK, "a block, in the cache");
    bench_shape(c, LARGE, "64 MiB of memory");
  }
  /* xxHash's published value for nothing at all. */
  if (c->test.checksum.xxh3("", 0) == 0x2d06800538d394c2u)
    check_passed(c);
  else
    check_failed(c, "the sum of no bytes is not XXH3's");
  for (size_t size = 0; size < 260; ++size) run_case(c, size);
  for (size_t i = 0; i < 20; ++i) run_case(c, 241 + check_below(c, 8192));
  run_case(c, BLOCK - 1);
  run_case(c, BLOCK);
  check_end(c);
}
