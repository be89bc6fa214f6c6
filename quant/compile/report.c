/* SPDX-License-Identifier: Apache-2.0 */
/* compile --report: what each program was, what each pass made of it, what it came to, and for which machine. Also kept in the model file,
 * for inspect. */
#include <string.h>

#include "platforms/base/json.h"
#include "platforms/base/mem.h"
#include "quant/compile/programs.h"
#include "quant/schedule/slab_cost.h"

#define MEASURES 6

static const char *const measure_names[MEASURES] = {"ops", "macs", "arena_bytes", "moved_bytes", "weight_read_bytes", "weight_bytes"};

static void measures_of(const bnc_schedule_cost *c, uint64_t out[MEASURES]) {
  const uint64_t measures[MEASURES] = {c->ops, c->macs, c->arena_bytes, c->moved_bytes, c->weight_read_bytes, c->weight_bytes};
  memcpy(out, measures, sizeof measures);
}

static void add_cost(yyjson_mut_doc *doc, yyjson_mut_val *object, const bnc_schedule_cost *cost) {
  uint64_t m[MEASURES];
  measures_of(cost, m);
  for (int i = 0; i < MEASURES; i++) yyjson_mut_obj_add_uint(doc, object, measure_names[i], m[i]);
}

static void add_saved(yyjson_mut_doc *doc, yyjson_mut_val *object, const bnc_schedule_cost *before, const bnc_schedule_cost *after) {
  uint64_t was[MEASURES], is[MEASURES];
  yyjson_mut_val *saved = yyjson_mut_obj_add_obj(doc, object, "saved");
  measures_of(before, was);
  measures_of(after, is);
  for (int i = 0; i < MEASURES; i++) yyjson_mut_obj_add_sint(doc, saved, measure_names[i], (int64_t)was[i] - (int64_t)is[i]);
}

static void add_program(yyjson_mut_doc *doc, yyjson_mut_val *root, const bnc_programs *p, bnc_program_id id) {
  yyjson_mut_val *program = yyjson_mut_obj_add_obj(doc, root, bnc_program_name(id)), *passes;
  const bnc_schedule *s = &p->schedule[id];
  const bnc_pass_record *r = &p->record[id];
  yyjson_mut_val *reference = yyjson_mut_obj_add_obj(doc, program, "reference");
  yyjson_mut_obj_add_uint(doc, reference, "ops", r->reference_ops);
  yyjson_mut_obj_add_uint(doc, reference, "macs", r->reference_macs);
  add_cost(doc, yyjson_mut_obj_add_obj(doc, program, "no_passes"), &r->before);
  passes = yyjson_mut_obj_add_arr(doc, program, "passes");
  for (int pass = 0; pass < BNC_PASSES; pass++) {
    yyjson_mut_val *row = yyjson_mut_arr_add_obj(doc, passes);
    yyjson_mut_obj_add_str(doc, row, "name", bnc_pass_name((bnc_pass_id)pass));
    yyjson_mut_obj_add_bool(doc, row, "enabled", (p->passes >> pass) & 1u);
    add_cost(doc, row, &r->after[pass]);
    add_saved(doc, row, pass ? &r->after[pass - 1] : &r->before, &r->after[pass]);
  }
  yyjson_mut_val *schedule = yyjson_mut_obj_add_obj(doc, program, "schedule");
  add_cost(doc, schedule, &r->after[BNC_PASSES - 1]);
  yyjson_mut_obj_add_uint(doc, schedule, "live_bytes", s->live_bytes);
  yyjson_mut_obj_add_real(doc, schedule, "arena_over_live", s->live_bytes ? (double)s->arena_bytes / (double)s->live_bytes : 1.0);
}

static void add_target(yyjson_mut_doc *doc, yyjson_mut_val *root, const bnc_programs *p) {
  yyjson_mut_val *target = yyjson_mut_obj_add_obj(doc, root, "target");
  yyjson_mut_obj_add_str(doc, target, "name", p->target.name);
  yyjson_mut_obj_add_str(doc, target, "cpu_level", bnc_cpu_level_name(p->target.level));
  yyjson_mut_obj_add_uint(doc, target, "cores", p->target.cores);
  yyjson_mut_obj_add_uint(doc, target, "l2_bytes", p->target.l2_bytes);
  yyjson_mut_obj_add_uint(doc, target, "l3_bytes", p->target.l3_bytes);
  yyjson_mut_val *matrices = yyjson_mut_obj_add_arr(doc, target, "slabs");
  for (size_t w = 0; w < p->constants.weights; w++) {
    const bnc_weight *weight = &p->constants.weight[w];
    if (!p->slab_cols[w]) continue;
    yyjson_mut_val *row = yyjson_mut_arr_add_obj(doc, matrices);
    yyjson_mut_obj_add_str(doc, row, "matrix", bnc_constants_text(&p->constants, weight->part[0].weight));
    yyjson_mut_obj_add_uint(doc, row, "columns", weight->n);
    yyjson_mut_obj_add_uint(doc, row, "slab_columns", p->slab_cols[w]);
    yyjson_mut_obj_add_uint(doc, row, "slab_bytes", bnc_slab_bytes(weight->dtype, weight->k, p->slab_cols[w]));
  }
}

static bool of_text_layer(const bnc_programs *p, const bnc_weight *w) {
  return strncmp(bnc_constants_text(&p->constants, w->part[0].weight), "model.layers.", 13) == 0;
}

static double bits_of(const bnc_weight *w) {
  bnc_file_weight f = bnc_weight_describe(w);
  f.bias = UINT64_MAX;
  return 8.0 * (double)bnc_weight_bytes(&f) / ((double)w->n * (double)w->k);
}

static const char *type_name(bnc_weight_dtype dtype) {
  switch (dtype) {
    case BNC_WEIGHT_F32: return "f32";
    case BNC_WEIGHT_BF16: return "bf16";
    case BNC_WEIGHT_QC8: return "int8";
    default: return "int4";
  }
}

/* Which matrix of the text layers is kept how; those that were stacked are told as one, by the first's name. */
static void add_precision(yyjson_mut_doc *doc, yyjson_mut_val *root, const bnc_programs *p) {
  double bits = 0, weights = 0;
  yyjson_mut_val *precision = yyjson_mut_obj_add_obj(doc, root, "text_layers"), *list = yyjson_mut_arr(doc);
  const bnc_graph *g = &p->graph[BNC_PROGRAM_DECODE];
  for (size_t i = 0; i < g->nodes; i++) {
    if (g->node[i].dead || g->node[i].kind != BNC_NODE_LINEAR) continue;
    const bnc_weight *w = &p->constants.weight[g->node[i].weight];
    if (!of_text_layer(p, w)) continue;
    yyjson_mut_val *row = yyjson_mut_arr_add_obj(doc, list);
    yyjson_mut_obj_add_str(doc, row, "matrix", bnc_constants_text(&p->constants, w->part[0].weight));
    yyjson_mut_obj_add_uint(doc, row, "tensors", w->parts);
    yyjson_mut_obj_add_str(doc, row, "type", type_name(w->dtype));
    if (w->group) yyjson_mut_obj_add_uint(doc, row, "group", w->group);
    yyjson_mut_obj_add_real(doc, row, "bits_per_weight", bits_of(w));
    bits += bits_of(w) * (double)w->n * (double)w->k;
    weights += (double)w->n * (double)w->k;
  }
  yyjson_mut_obj_add_real(doc, precision, "bits_per_weight", weights > 0 ? bits / weights : 0);
  yyjson_mut_obj_add_val(doc, precision, "matrices", list);
}

bnc_status bnc_programs_report(const bnc_programs *p, char **json, bnc_error *err) {
  yyjson_mut_doc *doc = yyjson_mut_doc_new(&bnc_json_allocator);
  yyjson_mut_val *root = doc ? yyjson_mut_obj(doc) : NULL;
  *json = NULL;
  if (root) {
    yyjson_mut_doc_set_root(doc, root);
    yyjson_mut_obj_add_uint(doc, root, "tile_encodes", p->tile_encodes);
    yyjson_mut_obj_add_uint(doc, root, "tile_encodes_reference", p->tile_encodes_reference);
    add_target(doc, root, p);
    add_precision(doc, root, p);
    yyjson_mut_val *programs = yyjson_mut_obj_add_obj(doc, root, "programs");
    for (bnc_program_id id = 0; id < BNC_PROGRAMS; id++)
      if (p->present[id]) add_program(doc, programs, p, id);
    *json = yyjson_mut_write_opts(doc, YYJSON_WRITE_PRETTY_TWO_SPACES, &bnc_json_allocator, NULL, NULL);
  }
  yyjson_mut_doc_free(doc);
  return *json ? BNC_OK : bnc_fail_memory(err, 0);
}
