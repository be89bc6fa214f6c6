/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>

#include "tests/golden/model_run.h"
#include "tests/unit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "platforms/base/mem.h"
#include "platforms/cpu/cpu.h"
#include "platforms/file/file.h"
#include "runtime/image/image.h"
#include "runtime/npy/npy.h"

#define MUST(call)                                                                                                                         \
  do {                                                                                                                                     \
    if ((call) != BNC_OK) fail_msg("%s", err.text);                                                                                        \
  } while (0)

bool model_compile(const bnc_compile_options *options) {
  bnc_context *context;
  assert_int_equal(bnc_context_create(NULL, &context), BNC_OK);
  bnc_status s = bnc_compile(context, options);
  if (s != BNC_OK) print_message("compile: %s\n", bnc_context_error(context));
  bnc_context_destroy(context);
  return s == BNC_OK;
}

void model_open(model_run *m, const char *path, size_t threads) {
  bnc_error err = {0};
  bnc_cpu_level level;
  MUST(bnc_model_file_open(&m->file, path, &err));
  MUST(bnc_pool_create(&m->pool, threads, &err));
  MUST(bnc_cpu_detect_level(&level, &err));
  bnc_kernels_init(&m->kernels, level);
  MUST(bnc_packed_create(&m->store, &err));
  MUST(bnc_executor_create(&m->ex, &m->file, m->pool, &m->kernels, m->store, NULL, &err));
}

void model_close(model_run *m) {
  bnc_executor_destroy(m->ex);
  bnc_packed_destroy(m->store);
  bnc_pool_destroy(m->pool);
  bnc_model_file_close(&m->file);
}

typedef struct probing {
  const model_run *m;
  run_stages *stages;
} probing;

static void take_probe(void *context, const bnc_file_probe *probe, const float *value) {
  const probing *p = context;
  assert_true(p->stages->count < MODEL_RUN_STAGES);
  run_stage *s = &p->stages->at[p->stages->count++];
  *s = (run_stage){.stage = (bnc_stage)probe->stage, .rows = probe->value.rows, .cols = probe->value.cols};
  if (probe->name != UINT32_MAX) snprintf(s->name, sizeof s->name, "%s", bnc_model_file_string(&p->m->file, probe->name));
  s->data = malloc(s->rows * s->cols * sizeof *s->data);
  assert_non_null(s->data);
  for (size_t r = 0; r < s->rows; r++) memcpy(s->data + r * s->cols, value + r * probe->value.stride, s->cols * sizeof *s->data);
}

static void see(model_run *m, run_stages *stages) {
  bnc_error err = {0};
  probing p = {m, stages};
  bnc_run_hooks hooks = {.context = &p, .probe = take_probe};
  stages->count = 0;
  uint64_t allocations = bnc_mem_count();
  MUST(bnc_executor_run(m->ex, BNC_PROGRAM_VISION, 0, 0, &hooks, &err));
  assert_int_equal(bnc_mem_count(), allocations);
  /* The program's output and its probe are one value. */
  const run_stage *projector = run_stages_find(stages, BNC_STAGE_PROJECTOR, "");
  assert_non_null(projector);
  assert_int_equal(projector->rows, m->file.meta.image_rows);
  assert_memory_equal(projector->data, bnc_executor_output(m->ex, BNC_PROGRAM_VISION), projector->rows * projector->cols * sizeof(float));
}

void model_see(model_run *m, const char *path, run_stages *stages) {
  bnc_error err = {0};
  bnc_image picture;
  const bnc_file_meta *meta = &m->file.meta;
  const uint8_t pad[3] = {(uint8_t)(meta->pad_colour >> 16), (uint8_t)(meta->pad_colour >> 8), (uint8_t)meta->pad_colour};
  MUST(bnc_image_load(&picture, path, BNC_IMAGE_MAX_PIXELS, NULL, &err));
  MUST(bnc_image_fit(&picture, pad, meta->input_side, &m->kernels.resample, m->pool, bnc_executor_input(m->ex, BNC_PROGRAM_VISION), &err));
  bnc_image_free(&picture);
  see(m, stages);
}

void model_see_pixels(model_run *m, const uint8_t *pixels, run_stages *stages) {
  memcpy(bnc_executor_input(m->ex, BNC_PROGRAM_VISION), pixels, (size_t)m->file.meta.input_side * m->file.meta.input_side * 3);
  see(m, stages);
}

void run_stages_free(run_stages *stages) {
  for (size_t i = 0; i < stages->count; i++) free(stages->at[i].data);
  stages->count = 0;
}

const run_stage *run_stages_find(const run_stages *stages, bnc_stage stage, const char *name) {
  for (size_t i = 0; i < stages->count; i++)
    if (stages->at[i].stage == stage && strcmp(stages->at[i].name, name) == 0) return &stages->at[i];
  return NULL;
}

float *model_join(model_run *m, const int64_t *ids, size_t count, const float *const *images, size_t *rows) {
  const bnc_file_meta *meta = &m->file.meta;
  size_t total = 0, at = 0, image = 0;
  for (size_t i = 0; i < count; i++) total += ids[i] == -200 ? meta->image_rows : 1;
  float *x = malloc(total * meta->hidden * sizeof *x);
  assert_non_null(x);
  for (size_t i = 0; i < count; i++) {
    float *to = x + at * meta->hidden;
    if (ids[i] == -200) {
      memcpy(to, images[image++], (size_t)meta->image_rows * meta->hidden * sizeof *x);
      at += meta->image_rows;
    } else {
      int32_t id = (int32_t)ids[i];
      assert_in_range(id, 0, meta->vocabulary - 1);
      bnc_executor_embed(m->ex, &id, 1, to);
      at++;
    }
  }
  *rows = total < meta->reference_limit ? total : meta->reference_limit;
  return x;
}

void model_score(model_run *m, const float *x, size_t rows, size_t chunk, const int64_t *forced, size_t count, float *logits) {
  bnc_error err = {0};
  const bnc_file_meta *meta = &m->file.meta;
  size_t capacity = bnc_executor_capacity(m->ex, BNC_PROGRAM_PREFILL), bytes = meta->vocabulary * sizeof *logits, at = 0;
  uint64_t allocations = bnc_mem_count();
  if (chunk > capacity) chunk = capacity;
  while (at < rows) {
    size_t n = rows - at < chunk ? rows - at : chunk;
    memcpy(bnc_executor_input(m->ex, BNC_PROGRAM_PREFILL), x + at * meta->hidden, n * meta->hidden * sizeof *x);
    MUST(bnc_executor_run(m->ex, BNC_PROGRAM_PREFILL, n, at, NULL, &err));
    at += n;
  }
  memcpy(logits, bnc_executor_output(m->ex, BNC_PROGRAM_PREFILL), bytes);
  for (size_t i = 0; i + 1 < count; i++) {
    int32_t id = (int32_t)forced[i];
    bnc_executor_embed(m->ex, &id, 1, bnc_executor_input(m->ex, BNC_PROGRAM_DECODE));
    MUST(bnc_executor_run(m->ex, BNC_PROGRAM_DECODE, 1, at++, NULL, &err));
    memcpy(logits + (i + 1) * meta->vocabulary, bnc_executor_output(m->ex, BNC_PROGRAM_DECODE), bytes);
  }
  assert_int_equal(bnc_mem_count(), allocations);
}

double relative_l2(const float *a, const float *b, size_t count) {
  double error = 0, norm = 0;
  for (size_t i = 0; i < count; i++) {
    double d = (double)a[i] - (double)b[i];
    error += d * d;
    norm += (double)b[i] * (double)b[i];
  }
  return norm > 0 ? sqrt(error / norm) : error > 0 ? INFINITY : 0;
}

double cosine(const float *a, const float *b, size_t count) {
  double ab = 0, aa = 0, bb = 0;
  for (size_t i = 0; i < count; i++) {
    ab += (double)a[i] * (double)b[i];
    aa += (double)a[i] * (double)a[i];
    bb += (double)b[i] * (double)b[i];
  }
  return ab / sqrt(aa * bb);
}

size_t largest_at(const float *x, size_t count) {
  size_t best = 0;
  for (size_t i = 1; i < count; i++)
    if (x[i] > x[best]) best = i;
  return best;
}

float *load_f32(const char *path, size_t count) {
  bnc_error err = {0};
  bnc_npy array;
  char *bytes;
  size_t size;
  MUST(bnc_file_read(path, 1u << 26, &bytes, &size, &err));
  MUST(bnc_npy_parse(&array, (const uint8_t *)bytes, size, &err));
  if (array.type != BNC_NPY_F32 || array.count != count) fail_msg("%s: %zu items, expected %zu of float32", path, array.count, count);
  memmove(bytes, array.data, count * sizeof(float));
  return (float *)(void *)bytes;
}
