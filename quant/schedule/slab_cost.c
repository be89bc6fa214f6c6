/* SPDX-License-Identifier: Apache-2.0 */
#include "quant/schedule/slab_cost.h"

#include "ops/matmul/matmul.h"

#define TILE 64u /* what all kernels' column tiles divide */
#define CALL_CYCLES 6000.0
#define LEAST_GAIN 0.03

/* XNNPACK's many-row kernels of a level: rows per block, and multiply-accumulates per cycle as bench_slabs finds them with weights in the
 * cache. */
typedef struct rates {
  double f32_rows, f32_macs, int8_rows, int8_macs;
} rates;

static rates rates_of(bnc_cpu_level level) {
  switch (level) {
    case BNC_CPU_AVX2: return (rates){5, 14, 3, 20};
    case BNC_CPU_AVX512VNNI:
    case BNC_CPU_AVX512BF16:
    case BNC_CPU_AMX: return (rates){7, 24, 7, 64};
    case BNC_CPU_NEON: return (rates){6, 4, 2, 8};
    case BNC_CPU_NEON_DOTPROD: return (rates){6, 8, 4, 28};
    case BNC_CPU_NEON_I8MM:
    case BNC_CPU_NEON_BF16: return (rates){6, 8, 4, 56};
    default: return (rates){4, 2, 2, 1};
  }
}

typedef struct sizes {
  double row_block, macs, weight_bytes, activation_bytes, walks;
} sizes;

static sizes sizes_of(const bnc_target *t, const bnc_slab_layer *l) {
  rates r = rates_of(t->level);
  bool f32 = bnc_weight_is_float(l->dtype);
  sizes s = {.row_block = f32 ? r.f32_rows : r.int8_rows,
             .macs = f32 ? r.f32_macs : r.int8_macs,
             .weight_bytes = (double)bnc_slab_bytes(l->dtype, 2, 1) / 2,
             .activation_bytes = f32 ? 4 : 1};
  double rows = (double)((l->rows + t->cores - 1) / t->cores);
  s.walks = rows > s.row_block ? rows / s.row_block : 1;
  return s;
}

typedef enum home { IN_L2, IN_L3, IN_MEMORY } home;

static home home_of(const bnc_target *t, double bytes) {
  if (bytes <= (double)t->l2_bytes / 2) return IN_L2;
  double l3 = (double)(t->l3_bytes / 2 < 2 * t->l2_bytes ? t->l3_bytes / 2 : 2 * t->l2_bytes);
  return bytes <= l3 ? IN_L3 : IN_MEMORY;
}

static double rate_of(const bnc_target *t, double bytes) {
  home h = home_of(t, bytes);
  return (double)(h == IN_L2 ? t->l2_rate : h == IN_L3 ? t->l3_rate : t->memory_rate);
}

static double most(double a, double b) { return a > b ? a : b; }

bool bnc_slab_helps(const bnc_target *t, const bnc_slab_layer *l) {
  if (l->dtype == BNC_WEIGHT_F32) return l->of_text || !bnc_matmul_f32_wins(t->level);
  return l->dtype == BNC_WEIGHT_QC8 && !bnc_matmul_i8_wins(t->level, 0);
}

uint64_t bnc_slab_bytes(bnc_weight_dtype dtype, size_t k, size_t cols) {
  uint64_t count = (uint64_t)k * cols;
  switch (dtype) {
    case BNC_WEIGHT_F32: return count * 4;
    case BNC_WEIGHT_BF16: return count * 2;
    case BNC_WEIGHT_QC8: return count;
    default: return count / 2;
  }
}

double bnc_slab_cycles(const bnc_target *t, const bnc_slab_layer *l, size_t cols) {
  sizes s = sizes_of(t, l);
  double x = s.walks * s.row_block * (double)l->k * s.activation_bytes, cycles = 0;
  for (size_t from = 0; from < l->n; from += cols) {
    double c = (double)(l->n - from < cols ? l->n - from : cols), slab = c * (double)l->k * s.weight_bytes;
    double walk = s.row_block * c * (double)l->k / s.macs;
    cycles += most(walk, slab / (double)t->memory_rate) + (s.walks - 1) * most(walk, slab / rate_of(t, slab)) + x / rate_of(t, x + slab) +
              CALL_CYCLES;
  }
  return cycles;
}

double bnc_slab_weight_reads(const bnc_target *t, const bnc_slab_layer *l, size_t cols) {
  sizes s = sizes_of(t, l);
  double all = (double)l->n * (double)l->k * s.weight_bytes;
  if (!bnc_slab_helps(t, l) || home_of(t, (double)cols * (double)l->k * s.weight_bytes) != IN_MEMORY) return all;
  return all * s.walks * (double)(l->rows < t->cores ? l->rows : t->cores);
}

size_t bnc_slab_candidate(const bnc_slab_layer *l, size_t i) {
  size_t previous = l->n, slabs = 1, cols = l->n;
  while (i-- > 0) {
    do {
      slabs++;
      cols = ((l->n + slabs - 1) / slabs + TILE - 1) / TILE * TILE;
    } while (cols >= previous && cols > TILE);
    if (cols >= previous) return 0;
    previous = cols;
  }
  return cols;
}

size_t bnc_slab_choose(const bnc_target *t, const bnc_slab_layer *l) {
  double whole = bnc_slab_cycles(t, l, l->n), best = whole * (1 - LEAST_GAIN);
  size_t chosen = l->n;
  if (!bnc_slab_helps(t, l)) return chosen;
  for (size_t i = 1, cols; (cols = bnc_slab_candidate(l, i)) != 0; i++) {
    double cycles = bnc_slab_cycles(t, l, cols);
    if (cycles >= best) continue;
    best = cycles;
    chosen = cols;
  }
  return chosen;
}
