/* SPDX-License-Identifier: Apache-2.0 */
/** @file reference_case.h  The cases of tests/data/reference: a small random checkpoint and what the authors' PyTorch code computes from it
 * in float32. */
#ifndef BINOCLE_TESTS_REFERENCE_CASE_H
#define BINOCLE_TESTS_REFERENCE_CASE_H

#include "tests/golden/model_run.h"

#define REFERENCE BINOCLE_TEST_DATA "/reference"
#define REFERENCE_PICTURES 4
#define REFERENCE_CASES 8
#define REFERENCE_TOKENS 16
#define REFERENCE_VOCABULARY 769

typedef struct reference_case {
  const char *name;
  int images, picture[2]; /* in their order, as indices into reference_pictures; report.json of the fixture names them */
  size_t context;         /* what the case is compiled for; 0: the checkpoint's own */
} reference_case;

extern const char *const reference_pictures[REFERENCE_PICTURES];
extern const reference_case reference_cases[REFERENCE_CASES];

bnc_compile_options reference_options(const char *output, bnc_weights vision, bnc_weights text);
void reference_see(model_run *m, int picture, run_stages *stages);

/** What the model gives beside what the reference gives for one case. */
typedef struct reference_result {
  size_t rows;              /* of the joined sequence */
  float *logits, *expected; /* [REFERENCE_TOKENS, REFERENCE_VOCABULARY]; free with reference_result_free */
  int64_t *tokens;          /* [REFERENCE_TOKENS] the reference's greedy ones, forced */
} reference_result;

/** seen [REFERENCE_PICTURES]: runs of the pictures that the case has. */
void reference_score(model_run *m, const reference_case *c, const run_stages *seen, size_t chunk, reference_result *result);
void reference_result_free(reference_result *result);

/** Relative L2 of a stage against expected/CASE/NAME.npy. */
double reference_error(const run_stages *stages, bnc_stage stage, const char *case_name, const char *file);

#endif
