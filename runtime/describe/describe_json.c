/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "platforms/base/json.h"
#include "platforms/base/mem.h"
#include "runtime/describe/describe.h"
#include "runtime/describe/names.h"
#include "runtime/model/probes.h"

typedef struct describer {
  const bnc_model_file *f;
  yyjson_mut_doc *doc;
  yyjson_mut_val *root;
} describer;

static void add(const describer *d, yyjson_mut_val *object, const char *key, uint64_t value) {
  yyjson_mut_obj_add_uint(d->doc, object, key, value);
}

/* A float such as 1e-5f as the decimal that was meant. */
static double decimal(float value) { return round((double)value * 1e12) * 1e-12; }

static void add_model(const describer *d) {
  const bnc_file_meta *m = &d->f->meta;
  char name[BNC_NAME_SIZE];
  yyjson_mut_val *o = yyjson_mut_obj_add_obj(d->doc, d->root, "model");
  const struct {
    const char *key;
    uint64_t value;
  } text[] = {{"vocabulary", m->vocabulary}, {"hidden", m->hidden},     {"layers", m->layers}, {"heads", m->heads},
              {"kv_heads", m->kv_heads},     {"head_dim", m->head_dim}, {"ffn", m->ffn}},
    vision[] = {{"width", m->vision_width},
                {"layers", m->vision_layers},
                {"layers_used", m->vision_layers_used},
                {"heads", m->vision_heads},
                {"mlp", m->vision_mlp},
                {"patch", m->patch},
                {"grid", m->grid},
                {"tile_side", m->tile_side},
                {"tiles_per_side", m->tiles_per_side},
                {"input_side", m->input_side},
                {"image_rows", m->image_rows}};
  yyjson_mut_obj_add_strcpy(d->doc, o, "name", m->name ? bnc_printable_name(d->f, m->name, name) : "");
  for (size_t i = 0; i < sizeof text / sizeof *text; i++) add(d, o, text[i].key, text[i].value);
  yyjson_mut_obj_add_bool(d->doc, o, "tied_embeddings", m->tied_embeddings != 0);
  yyjson_mut_obj_add_real(d->doc, o, "rms_eps", decimal(m->rms_eps));
  yyjson_mut_obj_add_real(d->doc, o, "rope_theta", (double)m->rope_theta);
  if (!d->f->program[BNC_PROGRAM_VISION].head) {
    yyjson_mut_obj_add_null(d->doc, o, "vision");
    return;
  }
  yyjson_mut_val *v = yyjson_mut_obj_add_obj(d->doc, o, "vision");
  for (size_t i = 0; i < sizeof vision / sizeof *vision; i++) add(d, v, vision[i].key, vision[i].value);
}

static bnc_status add_vision(const describer *d, bnc_error *err) {
  const bnc_program *p = &d->f->program[BNC_PROGRAM_VISION];
  if (!p->head) {
    yyjson_mut_obj_add_null(d->doc, d->root, "vision");
    return BNC_OK;
  }
  char name[BNC_NAME_SIZE];
  uint32_t *index = bnc_mem_array(p->head->probes + 1, sizeof *index);
  if (!index) return bnc_fail_memory(err, p->head->probes * sizeof *index);
  yyjson_mut_val *v = yyjson_mut_obj_add_obj(d->doc, d->root, "vision");
  add(d, v, "tile_encodes", d->f->meta.tile_encodes);
  add(d, v, "tile_encodes_reference", d->f->meta.tile_encodes_reference);
  yyjson_mut_val *tiles = yyjson_mut_obj_add_arr(d->doc, v, "live_tiles");
  size_t count = bnc_program_stage_probes(p, BNC_STAGE_TILES, index);
  for (size_t i = 0; i < count; i++) yyjson_mut_arr_add_strcpy(d->doc, tiles, bnc_printable_name(d->f, p->probe[index[i]].name, name));
  bnc_mem_free(index);
  return BNC_OK;
}

static void add_programs(const describer *d) {
  yyjson_mut_val *programs = yyjson_mut_obj_add_obj(d->doc, d->root, "programs");
  for (bnc_program_id id = 0; id < BNC_PROGRAMS; id++) {
    const bnc_file_program *head = d->f->program[id].head;
    if (!head) {
      yyjson_mut_obj_add_null(d->doc, programs, bnc_program_name(id));
      continue;
    }
    yyjson_mut_val *o = yyjson_mut_obj_add_obj(d->doc, programs, bnc_program_name(id));
    add(d, o, "ops", head->ops);
    add(d, o, "rows", id == BNC_PROGRAM_VISION ? 0 : head->input.rows);
    add(d, o, "arena_bytes", head->arena_bytes);
    add(d, o, "live_bytes", head->live_bytes);
    yyjson_mut_obj_add_real(d->doc, o, "arena_over_live", head->live_bytes ? (double)head->arena_bytes / (double)head->live_bytes : 1.0);
    add(d, o, "macs", head->macs);
  }
}

static void add_target(const describer *d) {
  const bnc_file_meta *m = &d->f->meta;
  char name[BNC_NAME_SIZE];
  if (!m->target) {
    yyjson_mut_obj_add_null(d->doc, d->root, "target");
    return;
  }
  yyjson_mut_val *o = yyjson_mut_obj_add_obj(d->doc, d->root, "target");
  yyjson_mut_obj_add_strcpy(d->doc, o, "name", bnc_printable_name(d->f, m->target, name));
  add(d, o, "cores", m->target_cores);
  add(d, o, "l2_bytes", (uint64_t)m->target_l2_kib << 10);
  add(d, o, "l3_bytes", (uint64_t)m->target_l3_kib << 10);
  add(d, o, "slab_matrices", m->slab_matrices);
  add(d, o, "slab_bytes", (uint64_t)m->slab_kib << 10);
}

static void add_weights(const describer *d) {
  const bnc_model_file *f = d->f;
  double weights = 0;
  uint64_t bytes[BNC_WEIGHT_DTYPES] = {0}, count[BNC_WEIGHT_DTYPES] = {0}, all = 0;
  for (size_t i = 0; i < f->weights; i++) {
    uint64_t b = bnc_weight_bytes(&f->weight[i]);
    bytes[bnc_weight_dtype_shown(f->weight[i].dtype)] += b;
    count[bnc_weight_dtype_shown(f->weight[i].dtype)]++;
    all += b;
    weights += (double)f->weight[i].n * f->weight[i].k;
  }
  yyjson_mut_val *o = yyjson_mut_obj_add_obj(d->doc, d->root, "weights");
  add(d, o, "bytes", all);
  add(d, o, "matrices", f->weights);
  yyjson_mut_obj_add_real(d->doc, o, "bits_per_weight", weights > 0 ? 8 * (double)all / weights : 0);
  yyjson_mut_val *types = yyjson_mut_obj_add_obj(d->doc, o, "by_dtype");
  for (uint32_t t = 0; t < BNC_WEIGHT_DTYPES; t++)
    if (count[t]) add(d, types, bnc_weight_dtype_name(t), bytes[t]);
  yyjson_mut_val *matrices = yyjson_mut_obj_add_obj(d->doc, o, "matrices_by_dtype");
  for (uint32_t t = 0; t < BNC_WEIGHT_DTYPES; t++)
    if (count[t]) add(d, matrices, bnc_weight_dtype_name(t), count[t]);
}

static void add_memory(const describer *d) {
  bnc_memory_prediction p = bnc_predict_memory(d->f);
  add(d, d->root, "context", d->f->meta.context);
  add(d, d->root, "prompt_limit", d->f->meta.reference_limit);
  yyjson_mut_obj_add_str(d->doc, d->root, "kv_dtype", bnc_kv_dtype_name(d->f->meta.kv_dtype));
  add(d, d->root, "predicted_bytes", p.total);
  yyjson_mut_val *o = yyjson_mut_obj_add_obj(d->doc, d->root, "memory");
  add(d, o, "rows", p.rows);
  add(d, o, "weights_bytes", p.weights);
  add(d, o, "arena_bytes", p.arena);
  add(d, o, "kv_bytes", p.kv_cache);
  add(d, o, "other_bytes", p.other);
  add(d, o, "full_context_kv_bytes", p.kv_cache_full);
  add(d, o, "full_context_bytes", p.total_full);
}

static bnc_status add_report(const describer *d, bnc_error *err) {
  yyjson_doc *report;
  if (!d->f->report.data) {
    yyjson_mut_obj_add_null(d->doc, d->root, "compile");
    return BNC_OK;
  }
  bnc_status s = bnc_json_parse(&report, (const char *)d->f->report.data, d->f->report.size, err);
  if (s != BNC_OK) return bnc_error_prefix(err, "section report");
  yyjson_mut_val *copy = yyjson_val_mut_copy(d->doc, yyjson_doc_get_root(report));
  if (copy) yyjson_mut_obj_add_val(d->doc, d->root, "compile", copy);
  yyjson_doc_free(report);
  return copy ? BNC_OK : bnc_fail_memory(err, d->f->report.size);
}

bnc_status bnc_describe_json(const bnc_model_file *file, char **json, bnc_error *err) {
  describer d = {file, yyjson_mut_doc_new(&bnc_json_allocator), NULL};
  *json = NULL;
  d.root = d.doc ? yyjson_mut_obj(d.doc) : NULL;
  bnc_status s = d.root ? BNC_OK : bnc_fail_memory(err, 0);
  if (s == BNC_OK) {
    yyjson_mut_doc_set_root(d.doc, d.root);
    add(&d, d.root, "format_version", file->header.version);
    add(&d, d.root, "file_bytes", file->header.file_size);
    add_model(&d);
    s = add_vision(&d, err);
  }
  if (s == BNC_OK) {
    add_programs(&d);
    add_target(&d);
    add_weights(&d);
    add_memory(&d);
    yyjson_mut_obj_add_bool(d.doc, d.root, "tokenizer", file->tokenizer.data != NULL);
    s = add_report(&d, err);
  }
  if (s == BNC_OK) {
    *json =
        yyjson_mut_write_opts(d.doc, YYJSON_WRITE_PRETTY_TWO_SPACES | YYJSON_WRITE_INF_AND_NAN_AS_NULL, &bnc_json_allocator, NULL, NULL);
    if (!*json) s = bnc_fail_memory(err, 0);
  }
  yyjson_mut_doc_free(d.doc);
  return s;
}
