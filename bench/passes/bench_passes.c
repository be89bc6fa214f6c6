/* SPDX-License-Identifier: Apache-2.0 */
/* What each pass of the compiler is worth: a checkpoint compiled with every pass off, on, each one alone, and each one left out.
     usage: bench_passes CHECKPOINT f32|int8 [REPEATS]
   prints CSV:
   weights,passes,vision_ops,vision_gmac,vision_arena_bytes,vision_cpu_s,prefill_gmac,prefill_arena_bytes,prefill_cpu_s,decode_cpu_s Seconds
   are of CPU time on one thread, the least of REPEATS runs: they hold on a busy machine too. Prefill runs a whole chunk from an empty
   cache, decode a row behind it. The picture is grey: no op's time depends on it. */
#include <binocle/compile.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "platforms/cpu/cpu.h"
#include "quant/passes/passes.h"
#include "runtime/exec/executor.h"

static const char model_path[] = "bench_passes.bnc";

typedef struct bench {
  const char *checkpoint, *weights_name;
  bnc_weights weights;
  size_t repeats;
  bnc_error err;
} bench;

static double cpu_seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* The least of some runs, in seconds; negative on failure. One run before them warms the caches. */
static double least(bench *b, bnc_executor *ex, bnc_program_id id, size_t rows, size_t position) {
  double best = -1;
  for (size_t i = 0; i <= b->repeats; i++) {
    double start = cpu_seconds(), took;
    if (bnc_executor_run(ex, id, rows, position, NULL, &b->err) != BNC_OK) return -1;
    took = cpu_seconds() - start;
    if (best < 0 || took < best) best = took;
  }
  return best;
}

static bnc_status compile(const bench *b, uint32_t passes) {
  bnc_context *context;
  bnc_compile_options o;
  bnc_status s = bnc_context_create(NULL, &context);
  if (s != BNC_OK) return s;
  bnc_compile_options_init(&o);
  o.checkpoint = b->checkpoint;
  o.output = model_path;
  o.vision_weights = o.text_weights = b->weights;
  o.disabled_passes = BNC_ALL_PASSES & ~passes;
  s = bnc_compile(context, &o);
  if (s != BNC_OK) fprintf(stderr, "bench_passes: %s\n", bnc_context_error(context));
  bnc_context_destroy(context);
  return s;
}

static bnc_status measure(bench *b, const bnc_model_file *file, const char *label) {
  bnc_pool *pool = NULL;
  bnc_packed_store *store = NULL;
  bnc_executor *ex = NULL;
  bnc_kernels kernels;
  bnc_cpu_level level;
  bnc_status s = bnc_cpu_detect_level(&level, &b->err);
  if (s == BNC_OK) s = bnc_pool_create(&pool, 1, &b->err);
  if (s == BNC_OK) s = bnc_packed_create(&store, &b->err);
  if (s == BNC_OK) {
    bnc_kernels_init(&kernels, level);
    s = bnc_executor_create(&ex, file, pool, &kernels, store, NULL, &b->err);
  }
  if (s == BNC_OK) {
    const bnc_program *vision = &file->program[BNC_PROGRAM_VISION], *prefill = &file->program[BNC_PROGRAM_PREFILL];
    double seconds[3] = {0};
    if (vision->head) {
      memset(bnc_executor_input(ex, BNC_PROGRAM_VISION), 128, (size_t)file->meta.input_side * file->meta.input_side * 3);
      seconds[0] = least(b, ex, BNC_PROGRAM_VISION, 0, 0);
    }
    size_t rows = bnc_executor_capacity(ex, BNC_PROGRAM_PREFILL);
    seconds[1] = least(b, ex, BNC_PROGRAM_PREFILL, rows, 0);
    seconds[2] = least(b, ex, BNC_PROGRAM_DECODE, 1, rows);
    for (int i = 0; i < 3; i++)
      if (seconds[i] < 0) s = b->err.status;
    if (vision->head)
      printf("%s,%s,%u,%.3f,%llu,%.4f,", b->weights_name, label, vision->head->ops, (double)vision->head->macs * 1e-9,
             (unsigned long long)vision->head->arena_bytes, seconds[0]);
    else
      printf("%s,%s,0,0,0,0,", b->weights_name, label);
    printf("%.3f,%llu,%.4f,%.6f\n", (double)prefill->head->macs * 1e-9, (unsigned long long)prefill->head->arena_bytes, seconds[1],
           seconds[2]);
    fflush(stdout);
  }
  bnc_executor_destroy(ex);
  bnc_packed_destroy(store);
  bnc_pool_destroy(pool);
  return s;
}

static bnc_status row(bench *b, uint32_t passes, const char *label) {
  bnc_model_file file;
  bnc_status s = compile(b, passes);
  if (s != BNC_OK) return s;
  s = bnc_model_file_open(&file, model_path, &b->err);
  if (s == BNC_OK) {
    s = measure(b, &file, label);
    bnc_model_file_close(&file);
  }
  if (s != BNC_OK) fprintf(stderr, "bench_passes: %s\n", b->err.text);
  return s;
}

int main(int argc, char **argv) {
  if (argc < 3 || (strcmp(argv[2], "f32") != 0 && strcmp(argv[2], "int8") != 0)) {
    fprintf(stderr, "usage: bench_passes CHECKPOINT f32|int8 [REPEATS]\n");
    return 2;
  }
  bench b = {.checkpoint = argv[1], .weights_name = argv[2], .weights = strcmp(argv[2], "f32") == 0 ? BNC_WEIGHTS_F32 : BNC_WEIGHTS_INT8};
  b.repeats = argc > 3 ? (size_t)strtoul(argv[3], NULL, 10) : 3;
  printf("weights,passes,vision_ops,vision_gmac,vision_arena_bytes,vision_cpu_s,prefill_gmac,prefill_arena_bytes,prefill_cpu_s,decode_cpu_"
         "s\n");
  bnc_status s = row(&b, 0, "none");
  if (s == BNC_OK) s = row(&b, BNC_ALL_PASSES, "all");
  for (int kind = 0; kind < 2; kind++)
    for (unsigned p = 0; s == BNC_OK && p < BNC_PASSES; p++) {
      char label[64];
      snprintf(label, sizeof label, "%s %s", kind ? "all but" : "only", bnc_pass_name((bnc_pass_id)p));
      s = row(&b, kind ? BNC_ALL_PASSES & ~(1u << p) : 1u << p, label);
    }
  unlink(model_path);
  return s == BNC_OK ? 0 : 1;
}
