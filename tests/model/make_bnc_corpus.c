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

static int write_one(const char *folder, const char *name, const make_spec *spec, bnc_weights vision, bnc_weights text, bool packed) {
  char path[4096];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  if (system("rm -rf corpus_checkpoint") != 0 || make_checkpoint("corpus_checkpoint", spec) != 0) return 1;
  return tiny_compile("corpus_checkpoint", path, vision, text, packed) != BNC_OK;
}

int main(int argc, char **argv) {
  if (argc != 2) {
    fprintf(stderr, "usage: make_bnc_corpus FOLDER\n");
    return 2;
  }
  const make_spec text = spec_of(false, 0), plain = spec_of(true, 1), tiles = spec_of(true, 3);
  return write_one(argv[1], "text_int4", &text, BNC_WEIGHTS_INT8, BNC_WEIGHTS_INT4, false) |
         write_one(argv[1], "text_packed", &text, BNC_WEIGHTS_INT8, BNC_WEIGHTS_INT4, true) |
         write_one(argv[1], "one_view", &plain, BNC_WEIGHTS_INT8, BNC_WEIGHTS_INT8, false) |
         write_one(argv[1], "tiles", &tiles, BNC_WEIGHTS_INT8, BNC_WEIGHTS_F32, false) |
         write_one(argv[1], "bf16", &plain, BNC_WEIGHTS_BF16, BNC_WEIGHTS_BF16, false);
}
