/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/model/tiny_model.h"

#include <binocle/binocle.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/import/make_checkpoint.h"

void tiny_checkpoint(const char *folder) {
  make_spec spec = make_spec_small();
  if (make_checkpoint(folder, &spec) == 0) return;
  fprintf(stderr, "%s: cannot make a checkpoint\n", folder);
  abort();
}

bnc_status tiny_compile(const char *checkpoint, const char *path, bnc_weights vision, bnc_weights text, bool packed) {
  return tiny_compile_group(checkpoint, path, vision, text, 0, packed);
}

bnc_status tiny_compile_group(const char *checkpoint, const char *path, bnc_weights vision, bnc_weights text, unsigned group, bool packed) {
  bnc_context *context;
  bnc_compile_options options;
  bnc_compile_options_init(&options);
  options.checkpoint = checkpoint;
  options.output = path;
  options.vision_weights = vision;
  options.text_weights = text;
  options.packed = packed;
  if (group) options.group = group;
  bnc_status s = bnc_context_create(NULL, &context);
  if (s != BNC_OK) return s;
  s = bnc_compile(context, &options);
  if (s != BNC_OK) fprintf(stderr, "%s: %s\n", path, bnc_context_error(context));
  bnc_context_destroy(context);
  return s;
}

void tiny_model(const char *path, bool packed) {
  tiny_checkpoint("tiny_checkpoint");
  if (tiny_compile("tiny_checkpoint", path, BNC_WEIGHTS_INT8, BNC_WEIGHTS_INT4, packed) != BNC_OK) abort();
}

void tiny_tower(const char *path, const char *checkpoint) {
  enum { PATCH = 4, GRID = 12 };
  make_spec spec = make_spec_small();
  spec.geometry.vision = (bnc_vision_geometry){.width = 256,
                                               .layers = TINY_TOWER_LAYERS,
                                               .layers_used = TINY_TOWER_LAYERS,
                                               .heads = 4,
                                               .mlp = 320,
                                               .patch = PATCH,
                                               .grid = GRID,
                                               .tile = PATCH * GRID,
                                               .views = 1,
                                               .input_side = PATCH * GRID,
                                               .ln_eps = 1e-5f,
                                               .projector_depth = 2};
  if (make_checkpoint(checkpoint, &spec) != 0 || tiny_compile(checkpoint, path, BNC_WEIGHTS_INT8, BNC_WEIGHTS_INT4, false) != BNC_OK)
    abort();
}

static bnc_status answer(bnc_model *model, float *logits) {
  static const char picture[] = BINOCLE_TEST_DATA "/image/png_2x3.png";
  static const int32_t ids[] = {90, 5, BNC_IMAGE_TOKEN, 7, 42};
  bnc_session *session;
  const float *found;
  size_t count = 0;
  bnc_status s = bnc_session_create(model, &session);
  if (s != BNC_OK) return s;
  s = bnc_session_add_image_file(session, picture);
  if (s == BNC_OK) s = bnc_session_append(session, ids, sizeof ids / sizeof *ids);
  if (s == BNC_OK) s = bnc_session_logits(session, &found, &count);
  if (s == BNC_OK) memcpy(logits, found, TINY_VOCABULARY * sizeof *logits);
  if (s != BNC_OK) fprintf(stderr, "%s\n", bnc_session_error(session));
  bnc_session_destroy(session);
  return s;
}

static void print(void *user, bnc_log_level level, const char *message) {
  (void)user;
  (void)level;
  fprintf(stderr, "%s\n", message);
}

bnc_status tiny_logits(const char *path, const char *cache, float logits[TINY_VOCABULARY]) {
  bnc_context *context;
  bnc_context_settings settings;
  bnc_model *model;
  bnc_context_settings_init(&settings);
  settings.threads = 1;
  settings.cache_dir = cache;
  settings.log = print;
  bnc_status s = bnc_context_create(&settings, &context);
  if (s != BNC_OK) return s;
  s = bnc_model_open(context, path, &model);
  if (s == BNC_OK) {
    s = answer(model, logits);
    bnc_model_close(model);
  }
  if (s != BNC_OK) fprintf(stderr, "%s: %s\n", path, bnc_context_error(context));
  bnc_context_destroy(context);
  return s;
}

bnc_file_section *model_section(uint8_t *bytes, bnc_section_kind kind) {
  const uint32_t sections = ((bnc_file_header *)(void *)bytes)->sections;
  bnc_file_section *table = (bnc_file_section *)(void *)(bytes + sizeof(bnc_file_header));
  for (uint32_t i = 0; i < sections; i++)
    if (table[i].kind == (uint32_t)kind) return &table[i];
  fprintf(stderr, "no section %d\n", (int)kind);
  abort();
}
