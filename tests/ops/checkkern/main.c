/* SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/ops/checkkern/check.h"

static const struct {
  const char *name;
  void (*run)(check *c);
} families[] = {
    {"activate", check_activate},   {"add", check_add},
    {"attention", check_attention}, {"checksum", check_checksum},
    {"hadamard", check_hadamard},   {"kv_append", check_kv_append},
    {"matmul", check_matmul},       {"matmul_bf16", check_matmul_bf16},
    {"matmul_c4", check_matmul_c4}, {"matmul_f32", check_matmul_f32},
    {"matmul_i8", check_matmul_i8}, {"norm", check_norm},
    {"outer", check_outer},         {"patches", check_patches},
    {"quantize", check_quantize},   {"resample", check_resample},
    {"rope", check_rope},           {"rows", check_rows},
};
enum { FAMILIES = sizeof families / sizeof *families };

static check *running;

/* An instruction that the CPU lacks, or a step into a guard page: say in which kernel. */
static void crashed(int signal_number) {
  char line[256];
  const int n =
      snprintf(line, sizeof line, "FAIL %s %s: %s (seed %llu)\n", bnc_cpu_level_name(running->test.level), running->kernel,
               signal_number == SIGILL ? "illegal instruction" : "touched memory that is not its own", (unsigned long long)running->seed);
  if (write(1, line, (size_t)n) < 0) _exit(3);
  _exit(2);
}

bool check_begin(check *c, const char *kernel, check_fn *test, check_fn *lower) {
  if (!check_is_scalar(c) && test == lower) return false;
  if (check_is_scalar(c) && c->bench && !c->bench_scalar) return false; /* timed beside the levels */
  c->kernel = kernel;
  c->int8 = false;
  c->cases = 0;
  c->random = c->seed * 2 + 1; /* each kernel's cases can be repeated alone */
  fflush(stdout);
  return true;
}

void check_end(check *c) {
  if (!c->bench) printf("  %-11s %-22s %zu cases\n", bnc_cpu_level_name(c->test.level), c->kernel, c->cases);
  if (!c->cases) check_failed(c, "checked nothing");
  c->total_cases += c->cases;
  ++c->kernels;
}

static int usage(void) {
  fprintf(stderr, "usage: checkkern [--seed N] [--family NAME] [--level NAME | --from LEVEL] [--quick] [--bench | --bench-scalar | "
                  "--count] [--csv FILE]\nfamilies:");
  for (size_t i = 0; i < FAMILIES; ++i) fprintf(stderr, " %s", families[i].name);
  fprintf(stderr, "\n");
  return 2;
}

int main(int argc, char **argv) {
  static check c;
  static bnc_cpu cpu;
  const char *family = NULL, *only = NULL, *from = NULL, *csv = NULL;
  bnc_error err;
  c.seed = (uint64_t)time(NULL);
  for (int i = 1; i < argc; ++i) {
    if (!strcmp(argv[i], "--quick"))
      c.quick = true;
    else if (!strcmp(argv[i], "--bench"))
      c.bench = true;
    else if (!strcmp(argv[i], "--bench-scalar"))
      c.bench = c.bench_scalar = true;
    else if (!strcmp(argv[i], "--count"))
      c.bench = c.count = true; /* each bench job once, between two marks: see bench/arm */
    else if (!strcmp(argv[i], "--seed") && i + 1 < argc)
      c.seed = strtoull(argv[++i], NULL, 10);
    else if (!strcmp(argv[i], "--family") && i + 1 < argc)
      family = argv[++i];
    else if (!strcmp(argv[i], "--level") && i + 1 < argc)
      only = argv[++i];
    else if (!strcmp(argv[i], "--from") && i + 1 < argc)
      from = argv[++i]; /* this level and those above it */
    else if (!strcmp(argv[i], "--csv") && i + 1 < argc)
      csv = argv[++i];
    else
      return usage();
  }
  if (bnc_cpu_detect(&cpu, &err)) {
    fprintf(stderr, "checkkern: %s\n", err.text);
    return 1;
  }
  if (csv) {
    c.csv = fopen(csv, "w");
    if (!c.csv) {
      perror(csv);
      return 1;
    }
    fprintf(c.csv, "kernel,level,shape,ns,gbytes_per_s,gflops,ratio_scalar,ratio_lower,percent_of_fma_peak,percent_of_memory_bandwidth,"
                   "percent_of_int8_peak\n");
  }
  running = &c;
  c.kernel = "(none)";
  signal(SIGILL, crashed);
  signal(SIGSEGV, crashed);
  signal(SIGBUS, crashed);
  printf("checkkern: %s, seed %llu\n", cpu.brand, (unsigned long long)c.seed);
  if (c.bench && !c.count) c.peak_bytes = bench_peak_bytes(cpu.level);
  bnc_kernels_init(&c.scalar, BNC_CPU_SCALAR);
  c.lower = c.scalar;
  const bool capped = getenv("BINOCLE_CPU"); /* else all that the CPU can run, though sessions may use less */
  for (int level = BNC_CPU_SCALAR; level < BNC_CPU_LEVELS; ++level) {
    if (!bnc_cpu_level_supported(&cpu, (bnc_cpu_level)level) || (capped && (bnc_cpu_level)level > cpu.level)) continue;
    bnc_kernels_init(&c.test, (bnc_cpu_level)level);
    const char *name = bnc_cpu_level_name((bnc_cpu_level)level);
    if (from && !strcmp(from, name)) from = NULL;
    if (!from && (!only || !strcmp(only, name))) {
      if (c.bench && !c.count) {
        c.peak_flops = bench_peak_flops((bnc_cpu_level)level);
        c.peak_int8 = bench_peak_int8((bnc_cpu_level)level);
        printf("%s: %.1f GFLOP/s f32, %.1f GOP/s int8, %.1f GB/s from memory, one thread\n", name, c.peak_flops * 1e-9, c.peak_int8 * 1e-9,
               c.peak_bytes * 1e-9);
      }
      for (size_t i = 0; i < FAMILIES; ++i) {
        if (!family || !strcmp(family, families[i].name)) families[i].run(&c);
      }
    }
    c.lower = c.test;
  }
  if (c.csv) fclose(c.csv);
  printf("checkkern: %zu kernels, %zu cases, %zu failures, seed %llu\n", c.kernels, c.total_cases, c.failures, (unsigned long long)c.seed);
  if (!c.total_cases) printf("FAIL: checked nothing\n");
  return c.failures || !c.total_cases;
}
