/* SPDX-License-Identifier: Apache-2.0 */
/** @file model_run.h  Compiles checkpoints and runs the programs of model files, for tests that compare numbers. Everything fails the test
   where it fails, and every run is checked to allocate nothing. Include behind cmocka.h. */
#ifndef BINOCLE_TESTS_MODEL_RUN_H
#define BINOCLE_TESTS_MODEL_RUN_H

#include <binocle/compile.h>

#include "runtime/exec/executor.h"

#define MODEL_RUN_STAGES 48

typedef struct model_run {
  bnc_model_file file;
  bnc_pool *pool;
  bnc_packed_store *store;
  bnc_kernels kernels;
  bnc_executor *ex;
} model_run;

/** A probed value of a vision run. */
typedef struct run_stage {
  bnc_stage stage;
  char name[16]; /* "crop0"; "" where the stage has one value */
  size_t rows, cols;
  float *data; /* [rows, cols] */
} run_stage;

typedef struct run_stages {
  run_stage at[MODEL_RUN_STAGES];
  size_t count;
} run_stages;

/** Compiles; returns false and prints the error where that fails. */
bool model_compile(const bnc_compile_options *options);
void model_open(model_run *m, const char *path, size_t threads);
void model_close(model_run *m);

/** Runs vision over a picture file, padded and resized as the model wants. Free with run_stages_free. */
void model_see(model_run *m, const char *picture, run_stages *stages);
/** The same over pixels [side, side, 3] at hand. */
void model_see_pixels(model_run *m, const uint8_t *pixels, run_stages *stages);
void run_stages_free(run_stages *stages);
const run_stage *run_stages_find(const run_stages *stages, bnc_stage stage, const char *name);

/** The joined sequence: embeddings of ids, -200 standing for the next of images [image_rows, hidden]; cut as the reference cuts. Free with
 * free. */
float *model_join(model_run *m, const int64_t *ids, size_t count, const float *const *images, size_t *rows);
/** Prefills rows in chunks of at most `chunk`, then decodes the forced tokens. logits [count, vocabulary]: row i given the first i of them.
 */
void model_score(model_run *m, const float *x, size_t rows, size_t chunk, const int64_t *forced, size_t count, float *logits);

/** |a - b| / |b|, in double. */
double relative_l2(const float *a, const float *b, size_t count);
double cosine(const float *a, const float *b, size_t count);
size_t largest_at(const float *x, size_t count);

/** A float32 or int64 array of a .npy file; fails the test where it is not `count` items. Free with bnc_mem_free. */
float *load_f32(const char *path, size_t count);

#endif
