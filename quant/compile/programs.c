/* SPDX-License-Identifier: Apache-2.0 */
#include "quant/compile/programs.h"

#include "platforms/base/mem.h"

static void count_reference(const bnc_graph *g, bnc_pass_record *record) {
  for (size_t n = 0; n < g->nodes; n++) {
    bnc_node_kind kind = g->node[n].kind;
    if (g->node[n].dead || kind == BNC_NODE_INPUT || kind == BNC_NODE_CONSTANT) continue;
    record->reference_ops++;
    record->reference_macs += bnc_node_macs(g, &g->node[n]);
  }
}

static size_t count_tiles(const bnc_graph *g) {
  size_t tiles = 0;
  for (size_t n = 0; n < g->nodes; n++) tiles += !g->node[n].dead && g->node[n].kind == BNC_NODE_PATCHES;
  return tiles;
}

static bool on(const bnc_programs *p, bnc_pass_id pass) { return (p->passes >> pass) & 1u; }

/* What the graph would take if the passes from `next` on were off. */
static bnc_status measure(const bnc_programs *p, const bnc_graph *g, unsigned next, bnc_schedule_cost *cost) {
  bnc_graph copy;
  bnc_schedule schedule = {0};
  uint32_t passes = p->passes & ((1u << next) - 1u);
  bnc_status s = bnc_graph_copy(&copy, g);
  if (s != BNC_OK) return s;
  if (next <= BNC_PASS_FUSE_QUANTIZE) s = bnc_pass_quantize_inputs(&copy, false); /* behind it the graph has its quantised inputs already */
  if (s == BNC_OK) s = bnc_schedule_create(&schedule, &copy, passes, (passes >> BNC_PASS_SLAB_COLUMNS) & 1u ? p->slab_cols : NULL);
  if (s == BNC_OK) s = bnc_schedule_measure(&schedule, &p->target, cost);
  bnc_schedule_free(&schedule);
  bnc_graph_free(&copy);
  return s;
}

static bnc_status measure_after(bnc_programs *p, int which, unsigned pass) {
  bnc_pass_record *r = &p->record[which];
  if (on(p, (bnc_pass_id)pass)) return measure(p, &p->graph[which], pass + 1, &r->after[pass]);
  r->after[pass] = pass ? r->after[pass - 1] : r->before;
  return BNC_OK;
}

static bnc_status run_passes(bnc_programs *p, int which) {
  static bnc_status (*const passes[])(bnc_graph *) = {
      [BNC_PASS_SIMPLIFY_TAPS] = bnc_pass_simplify_taps,       [BNC_PASS_PRUNE_ROWS] = bnc_pass_prune_rows,
      [BNC_PASS_MERGE_EQUAL] = bnc_pass_merge_equal,           [BNC_PASS_FOLD_SCALES] = bnc_pass_fold_scales,
      [BNC_PASS_FUSE_PROJECTIONS] = bnc_pass_fuse_projections,
  };
  bnc_graph *g = &p->graph[which];
  count_reference(g, &p->record[which]);
  /* The reference computes layers whose results it drops; that much is removed with every pass off. */
  bnc_status s = bnc_pass_remove_dead(g);
  if (s == BNC_OK) s = measure(p, g, 0, &p->record[which].before);
  for (unsigned pass = 0; s == BNC_OK && pass <= BNC_PASS_FUSE_PROJECTIONS; pass++) {
    if (on(p, (bnc_pass_id)pass)) s = passes[pass](g);
    /* Pruning makes new gathers, which the tables' simplification takes further. */
    if (s == BNC_OK && pass == BNC_PASS_PRUNE_ROWS && on(p, BNC_PASS_PRUNE_ROWS) && on(p, BNC_PASS_SIMPLIFY_TAPS))
      s = bnc_pass_simplify_taps(g);
    if (s == BNC_OK) s = measure_after(p, which, pass);
  }
  if (s == BNC_OK) s = bnc_pass_quantize_inputs(g, on(p, BNC_PASS_FUSE_QUANTIZE));
  return s;
}

/* Those passes that lowering, aliasing and slabs carry out. */
static bnc_status measure_schedule_passes(bnc_programs *p, int which) {
  bnc_status s = BNC_OK;
  for (unsigned pass = BNC_PASS_FUSE_QUANTIZE; s == BNC_OK && pass < BNC_PASSES; pass++) s = measure_after(p, which, pass);
  return s;
}

static bnc_status build(bnc_programs *p, int which, const bnc_geometry *geometry, const bnc_build_options *options, bnc_error *err) {
  bnc_graph *g = &p->graph[which];
  size_t rows = which == 2 ? 1 : options->context < BNC_PREFILL_ROWS ? options->context : BNC_PREFILL_ROWS;
  bnc_graph_init(g, &p->constants, err);
  p->present[which] = true;
  bnc_status s = which == 0 ? bnc_build_vision(g, geometry, options) : bnc_build_text(g, geometry, options, rows);
  if (s == BNC_OK && which == 0) p->tile_encodes_reference = count_tiles(g);
  if (s == BNC_OK) s = run_passes(p, which);
  if (s == BNC_OK && which == 0) p->tile_encodes = count_tiles(g);
  return s;
}

static bnc_status add_embedding(bnc_programs *p, const bnc_geometry *geometry, const bnc_build_options *options, bnc_error *err) {
  bnc_weight_dtype dtype = options->text_weights == BNC_WEIGHT_QG4 ? BNC_WEIGHT_QC8 : options->text_weights;
  bnc_weight w = {.dtype = dtype, .n = geometry->text.vocab, .k = geometry->text.hidden, .parts = 1};
  w.part[0].weight = bnc_constants_string(&p->constants, "model.embed_tokens.weight");
  w.part[0].bias = BNC_NO_ID;
  w.part[0].n = w.n;
  w.part[0].weight_scale = w.part[0].bias_scale = 1.0f;
  return bnc_constants_add_weight(&p->constants, &w, &p->embedding, err);
}

bnc_status bnc_programs_create(bnc_programs *p, bnc_context *context, const bnc_geometry *geometry, const bnc_build_options *options,
                               const bnc_tensor_source *source, uint32_t passes, const bnc_target *target, bnc_error *err) {
  static const char *const stages[3] = {"optimising vision", "optimising prefill", "optimising decode"};
  *p = (bnc_programs){.passes = passes, .target = *target};
  bnc_constants_init(&p->constants, source);
  bnc_status s = BNC_OK;
  for (int which = geometry->has_vision ? 0 : 1; s == BNC_OK && which < 3; which++) {
    if (bnc_context_progress(context, stages[which], which / 3.0)) return bnc_fail(err, BNC_ERROR_CANCELLED, "cancelled");
    s = build(p, which, geometry, options, err);
  }
  if (s == BNC_OK) s = add_embedding(p, geometry, options, err);
  if (s != BNC_OK) return s;
  p->slab_cols = bnc_mem_array(p->constants.weights + 1, sizeof *p->slab_cols);
  if (!p->slab_cols) return bnc_fail_memory(err, p->constants.weights * sizeof *p->slab_cols);
  if (on(p, BNC_PASS_SLAB_COLUMNS)) s = bnc_programs_choose_slabs(p, err);
  for (int which = 0; s == BNC_OK && which < 3; which++)
    if (p->present[which]) {
      s = bnc_schedule_create(&p->schedule[which], &p->graph[which], passes, p->slab_cols);
      if (s == BNC_OK) s = measure_schedule_passes(p, which);
    }
  return s;
}

void bnc_programs_free(bnc_programs *p) {
  for (int i = 0; i < 3; i++) {
    bnc_schedule_free(&p->schedule[i]);
    bnc_graph_free(&p->graph[i]);
  }
  bnc_mem_free(p->slab_cols);
  bnc_constants_free(&p->constants);
}
