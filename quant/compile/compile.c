/* SPDX-License-Identifier: Apache-2.0 */
#include <binocle/compile.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "platforms/file.h"
#include "platforms/mem.h"
#include "quant/compile/model_writer.h"
#include "quant/compile/programs.h"
#include "quant/compile/text_parts.h"
#include "quant/import/checkpoint.h"

#define DEFAULT_CONTEXT 4096u
#define ANSWER_ROWS 256u /* rows of the KV cache behind the longest prompt */
#define SLAB_BYTES ((size_t)2 << 20)

void bnc_compile_options_init(bnc_compile_options *options) {
  if (options) *options = (bnc_compile_options){.size = sizeof *options, .vision_weights = BNC_WEIGHTS_INT8, .text_weights = BNC_WEIGHTS_INT8, .group = 32};
}

const char *bnc_compile_pass_name(unsigned index) { return index < BNC_PASSES ? bnc_pass_name((bnc_pass_id)index) : NULL; }

static bnc_status read_checkpoint(void *context, const char *name, size_t first, size_t count, float *out, bnc_error *err) {
  const bnc_checkpoint *checkpoint = context;
  const bnc_source_tensor *tensor = bnc_checkpoint_find(checkpoint, name);
  if (!tensor) return bnc_fail(err, BNC_ERROR_INTERNAL, "the checkpoint has no tensor %s", name);
  return bnc_checkpoint_read_f32(checkpoint, tensor, first, count, out, err);
}

static bnc_weight_kind weight_kind(bnc_weights weights) {
  return weights == BNC_WEIGHTS_F32 ? BNC_WEIGHT_F32 : weights == BNC_WEIGHTS_INT8 ? BNC_WEIGHT_QC8 : BNC_WEIGHT_QG4;
}

static bnc_status check_options(const bnc_compile_options *o, bnc_error *err) {
  if (!o->checkpoint || !o->output) return bnc_fail(err, BNC_ERROR_ARGUMENT, "compile needs a checkpoint and an output");
  if ((unsigned)o->vision_weights > BNC_WEIGHTS_INT8) return bnc_fail(err, BNC_ERROR_ARGUMENT, "vision weights may be f32 or int8");
  if ((unsigned)o->text_weights > BNC_WEIGHTS_INT4) return bnc_fail(err, BNC_ERROR_ARGUMENT, "text weights may be f32, int8 or int4");
  if (o->group != 32 && o->group != 64 && o->group != 128) return bnc_fail(err, BNC_ERROR_ARGUMENT, "the group is %u, expected 32, 64 or 128", o->group);
  if (o->disabled_passes & ~BNC_ALL_PASSES) return bnc_fail(err, BNC_ERROR_ARGUMENT, "there are %d passes", BNC_PASSES);
  return BNC_OK;
}

static bnc_status choose_sizes(bnc_context *context, const bnc_compile_options *o, const bnc_geometry *g, bnc_build_options *b, bnc_file_meta *meta, bnc_error *err) {
  const bnc_vision_geometry *v = &g->vision;
  size_t limit = o->context ? o->context : g->text.context < DEFAULT_CONTEXT ? g->text.context : DEFAULT_CONTEXT;
  if (limit < 1 || limit > g->text.max_positions)
    return bnc_fail(err, BNC_ERROR_ARGUMENT, "a context of %zu rows, expected 1 to the model's max_position_embeddings of %zu", limit, g->text.max_positions);
  if (!o->context && limit < g->text.context) bnc_context_log(context, BNC_LOG_INFO, "context cut from %zu to %zu rows; --context chooses another", g->text.context, limit);
  meta->reference_limit = (uint32_t)limit;
  meta->context = (uint32_t)(limit + ANSWER_ROWS);
  b->context = meta->context;
  b->input_size = o->input_size ? o->input_size : v->input_side;
  if (g->has_vision && (b->input_size < v->patch || b->input_size > v->input_side))
    return bnc_fail(err, BNC_ERROR_ARGUMENT, "an input size of %zu pixels, expected %zu to %zu", b->input_size, v->patch, v->input_side);
  return BNC_OK;
}

static void fill_meta(bnc_file_meta *m, const bnc_geometry *g, const bnc_build_options *b, const bnc_programs *p) {
  const bnc_text_geometry *t = &g->text;
  const bnc_vision_geometry *v = &g->vision;
  m->vocabulary = (uint32_t)t->vocab;
  m->hidden = (uint32_t)t->hidden;
  m->layers = (uint32_t)t->layers;
  m->heads = (uint32_t)t->heads;
  m->kv_heads = (uint32_t)t->kv_heads;
  m->head_dim = (uint32_t)t->head_dim;
  m->ffn = (uint32_t)t->ffn;
  m->tied_embeddings = t->tie_word_embeddings;
  m->rms_eps = t->rms_eps;
  m->rope_theta = (float)t->rope_theta;
  if (!g->has_vision) return;
  m->vision_width = (uint32_t)v->width;
  m->vision_layers = (uint32_t)v->layers;
  m->vision_layers_used = (uint32_t)v->layers_used;
  m->vision_heads = (uint32_t)v->heads;
  m->vision_mlp = (uint32_t)v->mlp;
  m->patch = (uint32_t)v->patch;
  m->grid = (uint32_t)v->grid;
  m->tile_side = (uint32_t)v->tile;
  m->tiles_per_side = (uint32_t)v->views;
  m->input_side = (uint32_t)b->input_size;
  m->image_rows = (uint32_t)(v->grid * v->grid + v->select_cls);
  m->tile_encodes = (uint32_t)p->tile_encodes;
  m->tile_encodes_reference = (uint32_t)p->tile_encodes_reference;
  m->pad_colour = (uint32_t)v->pad_colour[0] << 16 | (uint32_t)v->pad_colour[1] << 8 | v->pad_colour[2];
}

static void remove_report(const char *path) {
  struct stat st;
  if (lstat(path, &st) == 0 && S_ISREG(st.st_mode)) unlink(path);
}

static bnc_status compile(bnc_context *context, const bnc_compile_options *o, const bnc_checkpoint *checkpoint, bnc_error *err) {
  const bnc_geometry *g = bnc_checkpoint_geometry(checkpoint);
  bnc_tensor_source source = {NULL, read_checkpoint};
  memcpy(&source.context, &checkpoint, sizeof checkpoint); /* reading does not change it */
  bnc_build_options b = {.vision_weights = weight_kind(o->vision_weights), .text_weights = weight_kind(o->text_weights), .group = o->group};
  bnc_model_parts parts = {0};
  bnc_text_parts text = {0};
  bnc_programs programs = {0};
  char *report = NULL;
  float *rope = bnc_mem_array(g->text.head_dim / 2 + 1, sizeof *rope);
  bnc_status s = rope ? choose_sizes(context, o, g, &b, &parts.meta, err) : bnc_fail_memory(err, g->text.head_dim);
  if (s == BNC_OK) s = bnc_text_parts_read(&text, context, o->checkpoint, g, &parts.meta, err);
  if (s == BNC_OK) s = bnc_programs_create(&programs, context, g, &b, &source, BNC_ALL_PASSES & ~o->disabled_passes, SLAB_BYTES, err);
  if (s == BNC_OK) s = bnc_programs_report(&programs, &report, err);
  if (s == BNC_OK) {
    bnc_geometry_rope_frequencies(&g->text, rope);
    fill_meta(&parts.meta, g, &b, &programs);
    parts.constants = &programs.constants;
    for (int i = 0; i < 3; i++) parts.program[i] = programs.present[i] ? &programs.schedule[i] : NULL;
    parts.embedding = programs.embedding;
    parts.rope = rope;
    parts.tokenizer = text.tokenizer;
    parts.tokenizer_size = text.tokenizer_size;
    parts.report = report;
    parts.packed = o->packed != 0;
    /* The report first: a compile that fails leaves neither file. */
    if (o->report) s = bnc_file_save(o->report, report, strlen(report), err);
    if (s == BNC_OK) {
      s = bnc_model_write(context, &parts, o->output, err);
      if (s != BNC_OK && o->report) remove_report(o->report);
    }
  }
  bnc_mem_free(report);
  bnc_mem_free(rope);
  bnc_text_parts_free(&text);
  bnc_programs_free(&programs);
  return s;
}

bnc_status bnc_compile(bnc_context *context, const bnc_compile_options *options) {
  bnc_compile_options o;
  bnc_checkpoint *checkpoint;
  if (!context) return BNC_ERROR_ARGUMENT;
  bnc_error *err = &context->error;
  if (!options || options->size == 0) return bnc_fail(err, BNC_ERROR_ARGUMENT, "compile needs options");
  bnc_compile_options_init(&o);
  memcpy(&o, options, options->size < sizeof o ? options->size : sizeof o);
  bnc_status s = check_options(&o, err);
  if (s == BNC_OK && bnc_context_progress(context, "reading the checkpoint", 0.0)) s = bnc_fail(err, BNC_ERROR_CANCELLED, "cancelled");
  if (s == BNC_OK) s = bnc_checkpoint_open(&checkpoint, o.checkpoint, o.vision_tower, err);
  if (s != BNC_OK) return s;
  s = compile(context, &o, checkpoint, err);
  bnc_checkpoint_close(checkpoint);
  return s;
}
