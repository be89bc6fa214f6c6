/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/profile/profile_roofs.h"

#include <string.h>

#include "ops/limits/limits_measure.h"
#include "platforms/base/mem.h"

enum { REPEAT = 3 };
#define MEMORY_BYTES ((size_t)128 << 20) /* of all threads together, and at least four times the last cache */

const char *bnc_roof_name(bnc_roof roof) {
  static const char *const names[BNC_ROOFS] = {"f32 compute", "int8 compute", "bf16 compute", "memory", "L3", "L2"};
  return (unsigned)roof < BNC_ROOFS ? names[roof] : "?";
}

const char *bnc_roof_unit(bnc_roof roof) { return roof < BNC_ROOF_MEMORY ? "GOP/s" : "GB/s"; }

static bnc_status measure(double *best, const bnc_kernels *kernels, bnc_pool *pool, bnc_limit what, size_t bytes, bnc_error *err) {
  double rates[REPEAT];
  const bnc_status s = bnc_limits_measure(kernels, pool, what, bytes, REPEAT, rates, err);
  for (int i = 0; s == BNC_OK && i < REPEAT; i++)
    if (rates[i] > *best) *best = rates[i];
  return s;
}

/* Caches of one size per core add up; one that all share does not. */
static size_t together(const bnc_cpu_cache *cache, size_t threads) {
  const size_t sharers = cache->shared ? cache->shared : 1, count = (threads + sharers - 1) / sharers;
  return cache->bytes * count;
}

static bnc_status find_caches(bnc_profile_roofs *r, size_t threads, bnc_error *err) {
  bnc_cpu *cpu = bnc_mem_zalloc(sizeof *cpu);
  if (!cpu) return bnc_fail_memory(err, sizeof *cpu);
  const bnc_status s = bnc_cpu_detect(cpu, err);
  r->l2_bytes = together(&cpu->l2, threads);
  r->l3_bytes = together(&cpu->l3, threads);
  bnc_mem_free(cpu);
  return s;
}

void bnc_profile_roofs_order(double rate[BNC_ROOFS]) {
  double outer = rate[BNC_ROOF_MEMORY];
  for (bnc_roof r = BNC_ROOF_L3; r <= BNC_ROOF_L2; r++) {
    if (rate[r] <= 0) continue; /* there is no such cache */
    if (rate[r] < outer) rate[r] = outer;
    outer = rate[r];
  }
}

bnc_status bnc_profile_roofs_measure(bnc_profile_roofs *r, const bnc_kernels *kernels, bnc_pool *pool, bnc_error *err) {
  double *to = r->measured ? r->after : r->before;
  const size_t threads = bnc_pool_threads(pool);
  bnc_status s = r->measured ? BNC_OK : find_caches(r, threads, err);
  const size_t last = r->l3_bytes > r->l2_bytes ? r->l3_bytes : r->l2_bytes;
  const size_t memory = 4 * last > MEMORY_BYTES && last <= MEMORY_BYTES ? 4 * last : MEMORY_BYTES;
  if (s == BNC_OK) s = measure(&to[BNC_ROOF_F32], kernels, pool, BNC_LIMIT_F32, 0, err);
  if (s == BNC_OK) s = measure(&to[BNC_ROOF_INT8], kernels, pool, BNC_LIMIT_INT8, 0, err);
  if (s == BNC_OK) s = measure(&to[BNC_ROOF_BF16], kernels, pool, BNC_LIMIT_BF16, 0, err);
  if (s == BNC_OK) s = measure(&to[BNC_ROOF_MEMORY], kernels, pool, BNC_LIMIT_READ, memory / threads, err);
  if (s == BNC_OK && r->l3_bytes) s = measure(&to[BNC_ROOF_L3], kernels, pool, BNC_LIMIT_READ, r->l3_bytes / 2 / threads, err);
  if (s == BNC_OK && r->l2_bytes) s = measure(&to[BNC_ROOF_L2], kernels, pool, BNC_LIMIT_READ, r->l2_bytes / 2 / threads, err);
  bnc_profile_roofs_order(to);
  r->measured = true;
  return s;
}

double bnc_profile_roofs_best(const bnc_profile_roofs *r, bnc_roof roof) {
  return r->before[roof] > r->after[roof] ? r->before[roof] : r->after[roof];
}

/* Where so many bytes live between two uses. */
static bnc_roof home_of(const bnc_profile_roofs *r, uint64_t bytes) {
  if (r->l2_bytes && bytes <= r->l2_bytes) return BNC_ROOF_L2;
  if (r->l3_bytes && bytes <= r->l3_bytes) return BNC_ROOF_L3;
  return BNC_ROOF_MEMORY;
}

double bnc_profile_roofs_bound(const bnc_profile_roofs *r, const bnc_op_cost *cost, bnc_roof compute, uint64_t resident, bnc_roof *which) {
  const bnc_roof stored = home_of(r, resident), rest = home_of(r, cost->bytes);
  const double rate = bnc_profile_roofs_best(r, compute);
  const double computing = rate > 0 ? 2.0 * (double)cost->macs / rate : 0;
  const double outer = bnc_profile_roofs_best(r, stored), inner = bnc_profile_roofs_best(r, rest);
  const double reading = outer > 0 ? (double)cost->stored / outer : 0;
  const double passing = inner > 0 ? (double)(cost->bytes - cost->stored) / inner : 0, moving = reading + passing;
  *which = computing >= moving ? compute : reading >= passing ? stored : rest;
  return computing >= moving ? computing : moving;
}
