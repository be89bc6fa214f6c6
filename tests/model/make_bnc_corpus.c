/* SPDX-License-Identifier: Apache-2.0 */
/* Writes the seeds of fuzz_bnc (tests/fuzz/corpus/bnc) anew: make_bnc_corpus FOLDER. Needed when the format's version changes. */
#include <stdio.h>
#include <stdlib.h>

#include "tests/import/make_checkpoint.h"
#include "tests/model/tiny_model.h"

static make_spec spec_of(bool vision, size_t views) {
  make_spec s = {.dtype = BNC_SOURCE_BF16, .seed = 1};
  s.geometry.text = (bnc_text_geometry){.vocab = 16,
                                        .hidden = 32,
                                        .layers = 1,
                                        .heads = 2,
                                        .kv_heads = 1,
                                        .head_dim = 16,
                                        .ffn = 32,
                                        .rms_eps = 1e-5f,
                                        .rope_theta = 10000,
                                        .max_positions = 16,
                                        .context = 16,
                                        .bos = 1,
                                        .pad = 0,
                                        .eos_count = 1,
                                        .eos = {2}};
  s.geometry.has_vision = vision;
  if (vision)
    s.geometry.vision = (bnc_vision_geometry){.width = 16,
                                              .layers = 2,
                                              .layers_used = 1,
                                              .heads = 1,
                                              .mlp = 16,
                                              .patch = 2,
                                              .grid = 2,
                                              .tile = 4,
                                              .views = views,
                                              .input_side = 4 * views,
                                              .ln_eps = 1e-5f,
                                              .has_dem = views > 1,
                                              .dem_heads = 8,
                                              .dem_mid = 2,
                                              .dem_out = 8,
                                              .projector_depth = 2};
  return s;
}

static int write_one(const char *folder, const char *name, const make_spec *spec, const bnc_compile_options *options) {
  char path[4096];
  bnc_context *context;
  bnc_compile_options o = *options;
  snprintf(path, sizeof path, "%s/%s", folder, name);
  if (system("rm -rf corpus_checkpoint") != 0 || make_checkpoint("corpus_checkpoint", spec) != 0) return 1;
  o.checkpoint = "corpus_checkpoint";
  o.output = path;
  if (bnc_context_create(NULL, &context) != BNC_OK) return 1;
  const bnc_status status = bnc_compile(context, &o);
  if (status != BNC_OK) fprintf(stderr, "%s: %s\n", name, bnc_context_error(context));
  bnc_context_destroy(context);
  return status != BNC_OK;
}

int main(int argc, char **argv) {
  if (argc != 2) {
    fprintf(stderr, "usage: make_bnc_corpus FOLDER\n");
    return 2;
  }
  const make_spec text = spec_of(false, 0), plain = spec_of(true, 1), tiles = spec_of(true, 3);
  bnc_compile_options int8, int4, packed, steps, exact, bf16;
  bnc_compile_options_init(&int8);
  bf16 = exact = int4 = int8;
  int4.text_weights = BNC_WEIGHTS_INT4;
  packed = steps = int4;
  packed.packed = 1;
  /* Steps of groups of 16 under a scale per row: in the layers, the head and the embeddings. */
  steps.group = 16;
  steps.head_weights = steps.embedding_weights = BNC_WEIGHTS_INT4;
  exact.text_weights = BNC_WEIGHTS_F32;
  bf16.vision_weights = bf16.text_weights = BNC_WEIGHTS_BF16;
  return write_one(argv[1], "text_int4", &text, &int4) | write_one(argv[1], "text_steps", &text, &steps) |
         write_one(argv[1], "text_packed", &text, &packed) | write_one(argv[1], "one_view", &plain, &int8) |
         write_one(argv[1], "tiles", &tiles, &exact) | write_one(argv[1], "bf16", &plain, &bf16);
}
