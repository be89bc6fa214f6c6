/* SPDX-License-Identifier: Apache-2.0 */
#include "quant/compile/assemble.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "platforms/base/mem.h"
#include "platforms/base/sized.h"
#include "platforms/file/file.h"
#include "quant/calibrate/calibrate.h"
#include "quant/calibrate/default_text.h"
#include "quant/calibrate/rounded_files.h"
#include "quant/compile/model_writer.h"
#include "quant/compile/precision_choose.h"
#include "quant/compile/programs.h"
#include "quant/rotate/rotation.h"
#include "runtime/text/tokenizer.h"

#define DEFAULT_CONTEXT 4096u
#define CALIBRATION_TEXT ((size_t)1 << 20) /* bytes: more than calibration takes of any text */
#define ROTATION_LEAST 512u                /* hidden columns */
#define ANSWER_ROWS 256u                   /* rows of the KV cache behind the longest prompt */

void bnc_compile_options_init(bnc_compile_options *options) {
  if (options)
    *options = (bnc_compile_options){.size = sizeof *options, .vision_weights = BNC_WEIGHTS_INT8, .text_weights = BNC_WEIGHTS_INT8};
}

const char *bnc_compile_pass_name(unsigned index) { return index < BNC_PASSES ? bnc_pass_name((bnc_pass_id)index) : NULL; }

const char *bnc_compile_target_name(unsigned index) {
  const bnc_target *target = bnc_target_at(index);
  return target ? target->name : NULL;
}

/* The public enums are frozen; these say that the file's numbers follow them, so that a cast is all it takes (dtype_of knows the one
   that differs). */
_Static_assert((int)BNC_WEIGHTS_F32 == (int)BNC_WEIGHT_F32, "f32 weights");
_Static_assert((int)BNC_WEIGHTS_INT8 == (int)BNC_WEIGHT_QC8, "int8 weights");
_Static_assert((int)BNC_WEIGHTS_INT4 == (int)BNC_WEIGHT_QG4, "int4 weights");
_Static_assert(BNC_CACHE_F32 - 1 == (int)BNC_KV_F32 && BNC_CACHE_F16 - 1 == (int)BNC_KV_F16, "float KV caches");
_Static_assert(BNC_CACHE_INT8 - 1 == (int)BNC_KV_INT8, "int8 KV cache");

/* Half precision keeps what int8 and int4 weights leave; float weights are for exact comparisons. */
static uint32_t cache_type(const bnc_compile_options *o) {
  if (o->kv_cache != BNC_CACHE_DEFAULT) return (uint32_t)o->kv_cache - 1;
  return o->text_weights == BNC_WEIGHTS_F32 ? BNC_KV_F32 : BNC_KV_F16;
}

static bool is_float(bnc_weights weights) { return weights == BNC_WEIGHTS_F32 || weights == BNC_WEIGHTS_BF16; }

static bnc_weight_dtype dtype_of(bnc_weights weights) { return weights == BNC_WEIGHTS_BF16 ? BNC_WEIGHT_BF16 : (bnc_weight_dtype)weights; }

bnc_status bnc_compile_options_take(bnc_compile_options *taken, const bnc_compile_options *options, bnc_error *err) {
  bnc_compile_options *o = taken;
  bnc_compile_options_init(o);
  if (!bnc_sized_is_set(options)) return bnc_fail(err, BNC_ERROR_ARGUMENT, "compile needs options");
  bnc_sized_read(o, sizeof *o, options);
  if (!is_float(o->vision_weights) && o->vision_weights != BNC_WEIGHTS_INT8)
    return bnc_fail(err, BNC_ERROR_ARGUMENT, "vision weights may be f32, bf16 or int8");
  if (!is_float(o->text_weights) && o->text_weights != BNC_WEIGHTS_INT8 && o->text_weights != BNC_WEIGHTS_INT4)
    return bnc_fail(err, BNC_ERROR_ARGUMENT, "text weights may be f32, bf16, int8 or int4");
  if (o->bits_per_weight != 0 && !(o->bits_per_weight > 0 && o->bits_per_weight <= 16))
    return bnc_fail(err, BNC_ERROR_ARGUMENT, "%g bits per weight, expected up to 16", (double)o->bits_per_weight);
  if (o->bits_per_weight != 0 && o->text_weights != BNC_WEIGHTS_INT4)
    return bnc_fail(err, BNC_ERROR_ARGUMENT, "bits per weight are chosen for int4 text weights");
  if (o->group == 0) o->group = o->calibration || o->prompts ? 16 : 32; /* steps lose less where they are fitted, and more where not */
  if (o->group != 16 && o->group != 32 && o->group != 64 && o->group != 128)
    return bnc_fail(err, BNC_ERROR_ARGUMENT, "the group is %u, expected 16, 32, 64 or 128", o->group);
  if (o->disabled_passes & ~BNC_ALL_PASSES) return bnc_fail(err, BNC_ERROR_ARGUMENT, "there are %d passes", BNC_PASSES);
  if ((o->calibration || o->prompts) && is_float(o->text_weights))
    return bnc_fail(err, BNC_ERROR_ARGUMENT, "calibration serves int8 and int4 text weights");
  if (o->target && !bnc_target_find(o->target)) return bnc_fail(err, BNC_ERROR_ARGUMENT, "there is no target %.60s", o->target);
  if ((unsigned)o->rotation > BNC_ROTATION_OFF) return bnc_fail(err, BNC_ERROR_ARGUMENT, "rotation may be auto, on or off");
  if ((unsigned)o->kv_cache > BNC_CACHE_INT8) return bnc_fail(err, BNC_ERROR_ARGUMENT, "the KV cache may be f32, f16 or int8");
  return BNC_OK;
}

/* The most rows of a prompt: with their answers they must fit into a sliding window, where every row sees every other, as here. */
static bnc_status largest_context(const bnc_text_geometry *t, size_t *most, bnc_error *err) {
  *most = t->max_positions;
  if (t->window == 0 || t->window >= t->max_positions) return BNC_OK;
  if (t->window <= ANSWER_ROWS)
    return bnc_fail(err, BNC_ERROR_UNSUPPORTED, "a sliding window of %zu rows, expected more than %u", t->window, ANSWER_ROWS);
  if (t->window - ANSWER_ROWS < *most) *most = t->window - ANSWER_ROWS;
  return BNC_OK;
}

static bnc_status choose_sizes(bnc_context *context, const bnc_compile_options *o, const bnc_geometry *g, bnc_build_options *b,
                               bnc_file_meta *meta, bnc_error *err) {
  const bnc_vision_geometry *v = &g->vision;
  size_t most, limit = o->context ? o->context : g->text.context < DEFAULT_CONTEXT ? g->text.context : DEFAULT_CONTEXT;
  bnc_status s = largest_context(&g->text, &most, err);
  if (s != BNC_OK) return s;
  if (!o->context && limit > most) limit = most;
  if (limit < 1 || limit > most)
    return bnc_fail(err, BNC_ERROR_ARGUMENT, "a context of %zu rows, expected 1 to %zu: %s %zu", limit, most,
                    most < g->text.max_positions ? "the model's sliding window has" : "the model's max_position_embeddings is",
                    most < g->text.max_positions ? g->text.window : g->text.max_positions);
  if (!o->context && limit < g->text.context)
    bnc_context_log(context, BNC_LOG_INFO, "context cut from %zu to %zu rows; --context chooses another", g->text.context, limit);
  if (g->has_vision && v->heads_assumed)
    bnc_context_log(
        context, BNC_LOG_WARNING,
        "nothing says how many attention heads the vision tower has: %zu heads of 64 columns are assumed, as in CLIP; --vision-tower DIR "
        "with the tower's config.json would say",
        v->heads);
  meta->reference_limit = (uint32_t)limit;
  meta->context = (uint32_t)(limit + ANSWER_ROWS);
  b->context = meta->context;
  b->input_size = o->input_size ? o->input_size : v->input_side;
  if (g->has_vision && (b->input_size < v->patch || b->input_size > v->input_side))
    return bnc_fail(err, BNC_ERROR_ARGUMENT, "an input size of %zu pixels, expected %zu to %zu", b->input_size, v->patch, v->input_side);
  return BNC_OK;
}

static bnc_status choose_target(const bnc_compile_options *o, bnc_target *target, bnc_error *err) {
  const bnc_target *named = o->target ? bnc_target_find(o->target) : NULL;
  if (!named) return bnc_target_detect(target, err);
  *target = *named;
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
  m->target_l2_kib = (uint32_t)(p->target.l2_bytes >> 10);
  m->target_l3_kib = (uint32_t)(p->target.l3_bytes >> 10);
  m->target_cores = p->target.cores;
  m->slab_matrices = (uint32_t)p->slab_matrices;
  m->slab_kib = (uint32_t)((p->slab_bytes + 1023) >> 10);
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

static bnc_status name_string(bnc_programs *p, const char *name, uint32_t *string, bnc_error *err) {
  *string = bnc_constants_string(&p->constants, "%s", name);
  return *string == BNC_NO_ID ? bnc_fail_memory(err, strlen(name)) : BNC_OK;
}

static bnc_status name_strings(bnc_programs *p, const bnc_assembly *a, const char *target, bnc_file_meta *meta, bnc_error *err) {
  bnc_status s = a->name ? name_string(p, a->name, &meta->name, err) : BNC_OK;
  if (s == BNC_OK) s = name_string(p, target, &meta->target, err);
  return s == BNC_OK && a->system ? name_string(p, a->system, &meta->system, err) : s;
}

static void remove_report(const char *path) {
  struct stat st;
  if (lstat(path, &st) == 0 && S_ISREG(st.st_mode)) unlink(path);
}

/* int4 was asked for, but a layer's inputs do not divide into such groups. */
static void tell_of_other_groups(const bnc_context *context, const bnc_programs *p, const bnc_build_options *b) {
  size_t coarse = 0, finer = 0, k[2] = {0}, group = 0;
  if (b->text_weights != BNC_WEIGHT_QG4 || b->precision) return;
  for (size_t i = 0; i < p->constants.weights; i++) {
    const bnc_weight *w = &p->constants.weight[i];
    if (bnc_weight_group(w->k, b->group) == b->group ||
        strncmp(bnc_constants_text(&p->constants, w->part[0].weight), "model.layers.", 13) != 0)
      continue;
    if (w->dtype == BNC_WEIGHT_QC8) {
      coarse++;
      k[0] = w->k;
    } else if (w->dtype == BNC_WEIGHT_QG4) {
      finer++;
      k[1] = w->k;
      group = w->group;
    }
  }
  if (coarse)
    bnc_context_log(context, BNC_LOG_INFO, "%zu text layers stay int8: their %zu inputs do not divide into groups of 32", coarse, k[0]);
  if (finer)
    bnc_context_log(context, BNC_LOG_INFO, "%zu text layers have groups of %zu: their %zu inputs do not divide into groups of %zu", finer,
                    group, k[1], b->group);
}

/* The text's ids, up to as many as calibration takes. */
static bnc_status read_calibration_ids(const char *path, const bnc_assembly *a, bnc_ids *ids, bnc_error *err) {
  bnc_bpe *bpe = NULL;
  char *text = NULL;
  size_t size = 0;
  if (!a->tokenizer) return bnc_fail(err, BNC_ERROR_ARGUMENT, "calibration needs the checkpoint's tokenizer.json");
  bnc_status s = bnc_bpe_load(&bpe, a->tokenizer, a->tokenizer_size, err);
  if (s == BNC_OK && strcmp(path, "default") == 0) {
    s = bnc_bpe_encode_plain(bpe, bnc_default_calibration, bnc_default_calibration_size, false, ids, err);
  } else if (s == BNC_OK) {
    s = bnc_file_read(path, CALIBRATION_TEXT, &text, &size, err);
    if (s == BNC_OK && (s = bnc_bpe_encode_plain(bpe, text, size, false, ids, err)) != BNC_OK) bnc_error_prefix(err, "%s", path);
  }
  bnc_mem_free(text);
  bnc_bpe_free(bpe);
  return s;
}

/* From ROTATION_LEAST columns on alone (a judgement, not a measurement): the answers of smaller models stay what they were. */
static bnc_status rotate(const bnc_compile_options *o, const bnc_text_geometry *t, bool random, bool *rotated, bnc_rotation *rotation,
                         const bnc_tensor_source **source, bnc_error *err) {
  const bool fits = bnc_rotation_fits(t);
  if (o->rotation == BNC_ROTATION_ON && !fits)
    return bnc_fail(err, BNC_ERROR_UNSUPPORTED, "%zu hidden and %zu inner columns cannot be rotated: expected multiples of 16", t->hidden,
                    t->ffn);
  const bool fitted = o->calibration || o->prompts;
  const bool pays = (o->text_weights == BNC_WEIGHTS_INT8 || (o->text_weights == BNC_WEIGHTS_INT4 && fitted)) && t->hidden >= ROTATION_LEAST;
  *rotated = o->rotation == BNC_ROTATION_ON || (o->rotation == BNC_ROTATION_AUTO && pays && fits);
  if (!*rotated || random) return BNC_OK;
  const bnc_status s = bnc_rotation_create(rotation, t, *source, err);
  *source = &rotation->source;
  return s;
}

/* *folder: where the rounded matrices are then, a bnc_mem block. */
static bnc_status calibrate(bnc_context *context, const bnc_compile_options *o, const bnc_assembly *a, const bnc_build_options *b,
                            bnc_balance *balance, const bnc_rotation *rotation, char **folder, bnc_error *err) {
  bnc_ids ids = {0};
  const size_t size = strlen(o->output) + sizeof ".calibration";
  *folder = bnc_mem_alloc(size);
  if (!*folder) return bnc_fail_memory(err, size);
  snprintf(*folder, size, "%s.calibration", o->output);
  bnc_status s = o->prompts ? BNC_OK : read_calibration_ids(o->calibration, a, &ids, err);
  const size_t group = o->text_weights == BNC_WEIGHTS_INT4 ? o->group : 0;
  const bnc_calibration c = {.text = balance->text,
                             .balance = balance,
                             .rotation = rotation,
                             .prompts = o->prompts,
                             .ids = ids.data,
                             .count = ids.count,
                             .group = group,
                             .precision = b->precision,
                             .head = group && o->head_weights == BNC_WEIGHTS_INT4,
                             .folder = *folder};
  if (s == BNC_OK) s = bnc_calibrate(context, &c, err);
  bnc_ids_free(&ids);
  return s;
}

/* The report first: a compile that fails leaves neither file. */
static bnc_status write_model(bnc_context *context, const bnc_compile_options *o, const bnc_model_parts *parts, const char *folder,
                              bnc_error *err) {
  bnc_status s = o->report ? bnc_file_save(o->report, parts->report, strlen(parts->report), err) : BNC_OK;
  if (s != BNC_OK) return s;
  s = bnc_model_write(context, parts, o->output, err);
  if (s != BNC_OK && o->report) remove_report(o->report);
  if (s == BNC_OK && folder) bnc_rounded_remove(folder);
  return s;
}

static bnc_status choose_precision(bnc_context *context, const bnc_compile_options *o, const bnc_geometry *g,
                                   const bnc_tensor_source *source, bnc_text_precision *precision, bnc_error *err) {
  const bnc_status s = bnc_text_precision_choose(precision, &g->text, source, (double)o->bits_per_weight, err);
  if (s == BNC_OK)
    bnc_context_log(context, BNC_LOG_INFO, "the text layers take %.3f bits per weight, with a loss of %.4f", precision->bits,
                    precision->loss);
  return s;
}

static bnc_status centre_vision(const bnc_compile_options *o, const bnc_geometry *g, bnc_centre *centre, const bnc_tensor_source **source,
                                bnc_error *err) {
  if (!g->has_vision) return BNC_OK;
  const bnc_status s = bnc_centre_create(centre, &g->vision, o->moments, *source, err);
  *source = &centre->source;
  return s;
}

static void take_programs(bnc_model_parts *parts, bnc_programs *programs) {
  parts->constants = &programs->constants;
  parts->embedding = programs->embedding;
  for (bnc_program_id id = 0; id < BNC_PROGRAMS; id++) parts->program[id] = programs->present[id] ? &programs->schedule[id] : NULL;
}

bnc_status bnc_assemble_model(bnc_context *context, const bnc_compile_options *o, const bnc_assembly *a, bnc_error *err) {
  bnc_geometry fewer = *a->geometry;
  const bnc_geometry *g = &fewer;
  bnc_text_precision precision = {0};
  bnc_build_options b = {.vision_weights = dtype_of(o->vision_weights),
                         .text_weights = dtype_of(o->text_weights),
                         .group = o->group,
                         .int4_head = o->head_weights == BNC_WEIGHTS_INT4,
                         .int4_embedding = o->embedding_weights == BNC_WEIGHTS_INT4,
                         .precision = o->bits_per_weight > 0 ? &precision : NULL,
                         .unrecorded = a->demand != NULL};
  bnc_model_parts parts = {.meta = a->meta, .tokenizer = a->tokenizer, .tokenizer_size = a->tokenizer_size, .packed = o->packed != 0};
  bnc_programs programs = {0};
  bnc_target target;
  bnc_balance balance = {0};
  bnc_rotation rotation = {0};
  bnc_centre centre = {0};
  const bnc_tensor_source *source = a->source;
  char *report = NULL, *folder = NULL;
  if (!o->output && !a->demand) return bnc_fail(err, BNC_ERROR_ARGUMENT, "a model file needs a name: options.output");
  if (o->text_layers > fewer.text.layers)
    return bnc_fail(err, BNC_ERROR_ARGUMENT, "%zu text layers, expected at most the model's %zu", o->text_layers, fewer.text.layers);
  if (o->text_layers) fewer.text.layers = o->text_layers;
  float *rope = bnc_mem_array(g->text.head_dim / 2 + 1, sizeof *rope);
  bnc_status s = rope ? choose_sizes(context, o, g, &b, &parts.meta, err) : bnc_fail_memory(err, g->text.head_dim);
  if (s == BNC_OK) s = choose_target(o, &target, err);
  if (s == BNC_OK) s = rotate(o, &g->text, a->random, &b.rotated, &rotation, &source, err);
  if (s == BNC_OK && b.precision) s = choose_precision(context, o, g, source, &precision, err);
  if (s == BNC_OK && (o->calibration || o->prompts) && !a->demand) {
    s = bnc_balance_create(&balance, &g->text, source, err);
    if (s == BNC_OK) s = calibrate(context, o, a, &b, &balance, rotation.source.read ? &rotation : NULL, &folder, err);
    source = &balance.source;
  }
  if (s == BNC_OK && o->moments && !a->demand) s = centre_vision(o, g, &centre, &source, err);
  if (s == BNC_OK) s = bnc_programs_create(&programs, context, g, &b, source, BNC_ALL_PASSES & ~o->disabled_passes, &target, err);
  if (s == BNC_OK && !a->demand) s = bnc_programs_report(&programs, &report, err);
  if (s == BNC_OK) s = name_strings(&programs, a, target.name, &parts.meta, err);
  if (s == BNC_OK) {
    if (!a->demand) tell_of_other_groups(context, &programs, &b);
    bnc_geometry_rope_frequencies(&g->text, rope);
    fill_meta(&parts.meta, g, &b, &programs);
    parts.meta.kv_dtype = cache_type(o);
    take_programs(&parts, &programs);
    parts.rope = rope;
    parts.report = report;
    parts.rounded = b.text_weights == BNC_WEIGHT_QG4 ? folder : NULL;
    parts.centre = centre.source.read ? &centre : NULL;
    s = a->demand ? bnc_model_plan(context, &parts, a->demand, err) : write_model(context, o, &parts, folder, err);
  }
  bnc_mem_free(folder);
  bnc_mem_free(report);
  bnc_mem_free(rope);
  bnc_programs_free(&programs);
  bnc_balance_free(&balance);
  bnc_text_precision_free(&precision);
  bnc_rotation_free(&rotation);
  bnc_centre_free(&centre);
  return s;
}
