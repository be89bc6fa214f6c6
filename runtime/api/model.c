/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "platforms/base/clock.h"
#include "platforms/base/mem.h"
#include "platforms/base/sized.h"
#include "platforms/machine/machine.h"
#include "runtime/api/model_private.h"
#include "runtime/describe/describe.h"

bnc_status bnc_model_open(bnc_context *context, const char *path, bnc_model **model) {
  if (!context) return BNC_ERROR_ARGUMENT;
  bnc_error *err = &context->error;
  if (!path || !model) return bnc_fail(err, BNC_ERROR_ARGUMENT, "a model needs a path and a place for its handle");
  *model = NULL;
  bnc_model *m = bnc_mem_zalloc(sizeof *m);
  if (!m) return bnc_fail_memory(err, sizeof *m);
  const uint64_t start = bnc_clock_ns();
  m->context = context;
  bnc_status s = bnc_model_file_open(&m->file, path, err);
  if (s == BNC_OK && context->settings.linear) s = bnc_linear_choose(context->settings.linear, &m->file.linears, err);
  if (s == BNC_OK && m->file.tokenizer.data) {
    s = bnc_bpe_load(&m->bpe, m->file.tokenizer.data, m->file.tokenizer.size, err);
    if (s != BNC_OK) bnc_error_prefix(err, "%s: section tokenizer", path);
  }
  if (s == BNC_OK) s = bnc_picture_cache_create(&m->pictures, (size_t)m->file.meta.image_rows * m->file.meta.hidden, err);
  if (s == BNC_OK && pthread_mutex_init(&m->lock, NULL) != 0) s = bnc_fail_memory(err, sizeof m->lock);
  if (s != BNC_OK) {
    bnc_picture_cache_free(m->pictures);
    bnc_bpe_free(m->bpe);
    bnc_model_file_close(&m->file);
    bnc_mem_free(m);
    return s;
  }
  m->open_ns = bnc_clock_ns() - start;
  *model = m;
  return BNC_OK;
}

void bnc_model_close(bnc_model *model) {
  if (!model) return;
  bnc_packed_destroy(model->store);
  bnc_packed_destroy(model->laid);
  bnc_picture_cache_free(model->pictures);
  bnc_vocabulary_free(model->vocabulary);
  bnc_bpe_free(model->bpe);
  bnc_model_file_close(&model->file);
  pthread_mutex_destroy(&model->lock);
  bnc_mem_free(model);
}

bnc_status bnc_model_keep_pictures(bnc_model *model, size_t count) {
  if (!model) return BNC_ERROR_ARGUMENT;
  return bnc_picture_cache_resize(model->pictures, count, &model->context->error);
}

static bool is_rotated(const bnc_program *program) {
  uint32_t i = 0;
  while (i < program->head->ops && program->op[i].kind != BNC_OP_HADAMARD) i++;
  return i < program->head->ops;
}

bnc_status bnc_model_get_info(const bnc_model *model, bnc_model_info *info) {
  if (!model || !bnc_sized_is_set(info)) return BNC_ERROR_ARGUMENT;
  const bnc_file_meta *m = &model->file.meta;
  const bnc_weight_total all = bnc_model_file_weigh(&model->file, ""), layers = bnc_model_file_weigh(&model->file, "model.layers.");
  bool vision = model->file.program[BNC_PROGRAM_VISION].head != NULL;
  bnc_model_info full = {.vocabulary = m->vocabulary,
                         .context = m->context,
                         .prompt_limit = m->reference_limit,
                         .image_rows = vision ? m->image_rows : 0,
                         .input_side = vision ? m->input_side : 0,
                         .hidden = m->hidden,
                         .has_tokenizer = model->bpe != NULL,
                         .file_bytes = model->file.header.file_size,
                         .predicted_bytes = bnc_predict_memory(&model->file).total,
                         .fingerprint = bnc_model_file_fingerprint(&model->file),
                         .weights = all.elements,
                         .layer_weights = layers.elements,
                         .layer_bytes = layers.bytes,
                         .kv_cache = (uint32_t)m->kv_dtype + 1,
                         .rotated = is_rotated(&model->file.program[BNC_PROGRAM_DECODE])};
  bnc_sized_write(info, &full, sizeof full);
  return BNC_OK;
}

bnc_status bnc_devices(bnc_context *context, int json, char **text) {
  if (!context) return BNC_ERROR_ARGUMENT;
  if (!text) return bnc_fail(&context->error, BNC_ERROR_ARGUMENT, "devices needs a place for its text");
  return bnc_machine_describe(NULL, text, json != 0, &context->error);
}
