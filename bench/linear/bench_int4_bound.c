/* SPDX-License-Identifier: Apache-2.0 */
/* What bounds int4 in many rows at AVX2 and at AVX512-VNNI, and how near the kernels come. The bound is a loop of the arithmetic alone that
 * matmul_i4_<level>.c does for a block of 32 columns and a tile of the result, in registers: no load, no store, no nibble taken apart, no
 * row begun. AVX2, 4 rows and 16 columns: 64 products of pairs, as many sums of them, 8 widenings, and for each group 8 sums become floats.
 * AVX512-VNNI, 6 rows and 32 columns: 96 products of fours, and for each group 12 sums become floats.
 *
 *   bench_int4_bound [REPEATS]   CSV, one thread's CPU time, both by turns; medians, and the most of each, which neighbours in the
 *   caches lower less; exact_int8: limits_int8, which XNNPACK's and our int8 layers are held against */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "bench/need.h"
#include "bench/timing.h"
#include "ops/kernels.h"
#include "platforms/base/mem.h"

enum { MOST = 64, TURNS = 20000 };

#if defined(__x86_64__)
/* ymm0 to 7: sums of pairs; 8 to 10: bytes of weights, a row's four; 11: a product; 14, 15: ones, int32 sums; 12, 13: floats. */
#define BLOCK                                                                                                                              \
  ".rept 8\n\t.irp r,0,1,2,3,4,5,6,7\n\t"                                                                                                  \
  "vpmaddubsw %%ymm10, %%ymm8, %%ymm11\n\tvpaddw %%ymm11, %%ymm\\r, %%ymm\\r\n\t.endr\n\t.endr\n\t"                                        \
  ".irp r,0,1,2,3,4,5,6,7\n\tvpmaddwd %%ymm14, %%ymm\\r, %%ymm11\n\tvpaddd %%ymm11, %%ymm15, %%ymm15\n\t"                                  \
  "vpxor %%ymm\\r, %%ymm\\r, %%ymm\\r\n\t.endr\n\t"
#define GROUP                                                                                                                              \
  ".irp r,0,2,4,6\n\tvcvtdq2ps %%ymm15, %%ymm11\n\tvfmadd231ps %%ymm11, %%ymm10, %%ymm12\n\t"                                              \
  "vcvtdq2ps %%ymm15, %%ymm11\n\tvfmadd231ps %%ymm11, %%ymm10, %%ymm13\n\t.endr\n\t"                                                       \
  ".rept 2\n\tvpmovzxwd %%xmm9, %%ymm11\n\tvpslld $16, %%ymm11, %%ymm11\n\t.endr\n\t"
#define CHANGED                                                                                                                            \
  "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15"

/* Blocks per second, groups of 32 or of 128. */
__attribute__((target("avx2,fma"))) static double blocks_avx2(size_t group) {
  const double start = bench_seconds(CLOCK_THREAD_CPUTIME_ID);
  long turns = TURNS;
  __asm__ volatile("vzeroall" ::: CHANGED);
  if (group == 32)
    __asm__ volatile("1:\n\t" BLOCK GROUP BLOCK GROUP BLOCK GROUP BLOCK GROUP "dec %0\n\tjnz 1b" : "+r"(turns)::"cc", CHANGED);
  else
    __asm__ volatile("1:\n\t" BLOCK BLOCK BLOCK BLOCK GROUP "dec %0\n\tjnz 1b" : "+r"(turns)::"cc", CHANGED);
  return 4.0 * (double)TURNS / (bench_seconds(CLOCK_THREAD_CPUTIME_ID) - start);
}

/* zmm0 to 11: sums of products; 12 to 23: floats; 24 to 26: bytes of weights, a row's four, a scale; 27: a sum as float. */
#define BLOCK_VNNI ".rept 8\n\t.irp r,0,1,2,3,4,5,6,7,8,9,10,11\n\tvpdpbusd %%zmm25, %%zmm24, %%zmm\\r\n\t.endr\n\t.endr\n\t"
#define GROUP_VNNI                                                                                                                         \
  ".irp r,12,13,14,15,16,17,18,19,20,21,22,23\n\tvcvtdq2ps %%zmm0, %%zmm27\n\tvfmadd231ps %%zmm27, %%zmm26, %%zmm\\r\n\t.endr\n\t"         \
  ".irp r,0,1,2,3,4,5,6,7,8,9,10,11\n\tvpxord %%zmm\\r, %%zmm\\r, %%zmm\\r\n\t.endr\n\t"
#define CHANGED_VNNI "xmm16", "xmm17", "xmm18", "xmm19", "xmm20", "xmm21", "xmm22", "xmm23", "xmm24", "xmm25", "xmm26", "xmm27"

__attribute__((target("avx512f,avx512vnni"))) static double blocks_avx512vnni(size_t group) {
  const double start = bench_seconds(CLOCK_THREAD_CPUTIME_ID);
  long turns = TURNS;
  __asm__ volatile("vzeroall\n\t.irp r,16,17,18,19,20,21,22,23,24,25,26,27\n\tvpxord %%zmm\\r, %%zmm\\r, %%zmm\\r\n\t.endr" ::
                       : CHANGED, CHANGED_VNNI);
  if (group == 32)
    __asm__ volatile("1:\n\t" BLOCK_VNNI GROUP_VNNI BLOCK_VNNI GROUP_VNNI BLOCK_VNNI GROUP_VNNI BLOCK_VNNI GROUP_VNNI "dec %0\n\tjnz 1b"
                     : "+r"(turns)::"cc", CHANGED, CHANGED_VNNI);
  else
    __asm__ volatile("1:\n\t" BLOCK_VNNI BLOCK_VNNI BLOCK_VNNI BLOCK_VNNI GROUP_VNNI "dec %0\n\tjnz 1b"
                     : "+r"(turns)::"cc", CHANGED, CHANGED_VNNI);
  return 4.0 * (double)TURNS / (bench_seconds(CLOCK_THREAD_CPUTIME_ID) - start);
}
#else
static double blocks_avx2(size_t group) {
  (void)group;
  return 0;
}
static double blocks_avx512vnni(size_t group) { return blocks_avx2(group); }
#endif

typedef struct level {
  bnc_cpu_level level;
  double (*blocks)(size_t group);
  double tile; /* of the result */
} level;

typedef struct shape {
  size_t rows, k, n, turns; /* turns: repetitions, for time enough */
} shape;

static double kernel(const bnc_kernels *kernels, const bnc_matmul_args *args, size_t turns, void *scratch) {
  const double start = bench_seconds(CLOCK_THREAD_CPUTIME_ID);
  kernels->matmul.sums(args, 0, args->rows);
  for (size_t i = 0; i < turns; i++)
    for (size_t panel = 0; panel < bnc_i4_panels(args->w.n); panel += 16) kernels->matmul.i4(args, panel, panel + 16, scratch);
  return (double)(turns * args->rows * args->w.k * args->w.n) / (bench_seconds(CLOCK_THREAD_CPUTIME_ID) - start);
}

static void measure(const bnc_kernels *kernels, const level *l, const shape *s, const bnc_matmul_args *args, int repeats, void *scratch) {
  double ours[MOST], limit[MOST], exact[MOST], of_bound[MOST], macs;
  for (int i = 0; i < repeats; i++) {
    limit[i] = 2e-9 * 32 * l->tile * l->blocks(args->w.group);
    ours[i] = 2e-9 * kernel(kernels, args, s->turns, scratch);
    const double start = bench_seconds(CLOCK_THREAD_CPUTIME_ID);
    const int32_t sink = kernels->limits.int8(&macs);
    exact[i] = 2e-9 * macs / (bench_seconds(CLOCK_THREAD_CPUTIME_ID) - start) + (sink == 1 ? 1e-9 : 0);
    of_bound[i] = ours[i] / limit[i];
  }
  const double share = bench_median(of_bound, (size_t)repeats), middle = bench_median(ours, (size_t)repeats);
  const double peak = bench_median(limit, (size_t)repeats), exact_peak = bench_median(exact, (size_t)repeats);
  printf("%s,%zu,%zu,%zu,%zu,%.1f,%.1f,%.1f,%.3f,%.1f,%.1f,%.3f\n", bnc_cpu_level_name(l->level), s->rows, s->k, s->n, args->w.group,
         middle, peak, exact_peak, share, ours[repeats - 1], limit[repeats - 1], ours[repeats - 1] / limit[repeats - 1]);
  fflush(stdout);
}

static void bench(const bnc_kernels *kernels, const level *l, const shape *s, size_t group, int repeats) {
  const size_t panels = bnc_i4_panels(s->n), groups = s->k / group, all_weights = s->n * s->k, all_q = s->rows * s->k;
  uint8_t *weights = bench_need(all_weights / 2), *nibbles = bench_need(panels * bnc_i4_panel_nibbles(s->k));
  uint16_t *scales = bench_need(s->n * groups * 2), *panel_scales = bench_need(panels * bnc_i4_panel_scales(s->k, group));
  float *offset = bench_need(s->n * 4), *y = bench_need(s->rows * s->n * 4);
  int8_t *q = bench_need(all_q + BNC_QD8_EXTRA);
  bnc_qd8_params *params = bench_need((s->rows + BNC_QD8_EXTRA) * sizeof *params);
  void *scratch = bench_need(BNC_MATMUL_SCRATCH);
  for (size_t i = 0; i < all_weights / 2; i++) weights[i] = (uint8_t)(i * 2654435761u >> 7);
  for (size_t i = 0; i < s->n * groups; i++) scales[i] = 0x3c00;
  for (size_t i = 0; i < all_q; i++) q[i] = (int8_t)(i * 2654435761u >> 9);
  for (size_t i = 0; i < s->rows; i++) params[i] = (bnc_qd8_params){3, 0.01f};
  bnc_qd8_pad(params, s->rows);
  bnc_matmul_i4_pack(s->n, s->k, group, weights, scales, nibbles, panel_scales, offset, 0, panels);
  const bnc_matmul_args args = {.w = {s->n, s->k, group, nibbles, panel_scales, offset},
                                .rows = s->rows,
                                .q = q,
                                .params = params,
                                .sums = bench_need(s->rows * groups * 4),
                                .y = y,
                                .q_stride = s->k,
                                .y_stride = s->n};
  measure(kernels, l, s, &args, repeats, scratch);
  void *all[] = {weights, nibbles, scales, panel_scales, offset, y, q, params, scratch, args.sums};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) bnc_mem_free(all[i]);
}

int main(int argc, char **argv) {
  static bnc_cpu cpu;
  static bnc_kernels kernels;
  bnc_error err;
  const int wanted = argc > 1 ? atoi(argv[1]) : 9, repeats = wanted < 1 ? 1 : wanted > MOST ? MOST : wanted;
  if (bnc_cpu_detect(&cpu, &err) != BNC_OK || !bnc_cpu_level_supported(&cpu, BNC_CPU_AVX2)) {
    fprintf(stderr, "bench_int4_bound: this machine has no AVX2\n");
    return 1;
  }
  static const shape shapes[] = {{64, 512, 128, 200}, {640, 4096, 4096, 1}}; /* in the first caches; a layer of LLaMA-3-8B */
  static const level levels[] = {{BNC_CPU_AVX2, blocks_avx2, 4.0 * 16}, {BNC_CPU_AVX512VNNI, blocks_avx512vnni, 6.0 * 32}};
  printf("level,rows,k,n,group,ours_gops,bound_gops,exact_int8_gops,of_bound,ours_most,bound_most,most_of_bound\n");
  for (size_t k = 0; k < sizeof levels / sizeof *levels && bnc_cpu_level_supported(&cpu, levels[k].level); k++) {
    bnc_kernels_init(&kernels, levels[k].level);
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
      bench(&kernels, &levels[k], &shapes[i], 32, repeats);
      bench(&kernels, &levels[k], &shapes[i], 128, repeats);
    }
  }
  return 0;
}
