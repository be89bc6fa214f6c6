/* SPDX-License-Identifier: Apache-2.0 */
#include "quant/compile/programs.h"

#include "platforms/base/mem.h"
#include "quant/schedule/slab_cost.h"

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

/* What the graph would take if the passes from `next` on were off. */
static bnc_status measure(const bnc_programs *p, const bnc_graph *g, unsigned next, bnc_schedule_cost *cost) {
  bnc_graph copy;
  bnc_schedule schedule = {0};
  uint32_t passes = p->passes & ((1u << next) - 1u);
  bnc_status s = bnc_graph_copy(&copy, g);
  if (s != BNC_OK) return s;
  if (next <= BNC_PASS_FUSE_QUANTIZE) s = bnc_pass_quantize_inputs(&copy, false); /* behind it the graph has its quantised inputs already */
  if (s == BNC_OK) s = bnc_schedule_create(&schedule, &copy, passes, bnc_pass_on(passes, BNC_PASS_SLAB_COLUMNS) ? p->slab_cols : NULL);
  if (s == BNC_OK) s = bnc_schedule_measure(&schedule, &p->target, cost);
  bnc_schedule_free(&schedule);
  bnc_graph_free(&copy);
  return s;
}

typedef struct build {
  bnc_programs *programs;
  bnc_program_id id;
  bool unrecorded;
} build;

static bnc_status measure_after(void *context, bnc_pass_id pass) {
  const build *b = context;
  bnc_programs *p = b->programs;
  bnc_pass_record *r = &p->record[b->id];
  if (b->unrecorded) return BNC_OK;
  if (bnc_pass_on(p->passes, pass)) return measure(p, &p->graph[b->id], pass + 1, &r->after[pass]);
  r->after[pass] = pass ? r->after[pass - 1] : r->before;
  return BNC_OK;
}

/* Those behind the graph's passes. */
static bnc_status measure_schedule_passes(build *b) {
  bnc_status s = BNC_OK;
  for (bnc_pass_id pass = BNC_PASS_FUSE_QUANTIZE + 1; s == BNC_OK && pass < BNC_PASSES; pass++) s = measure_after(b, pass);
  return s;
}

static bnc_status build_graph(build *b, const bnc_geometry *geometry, const bnc_build_options *options, bnc_error *err) {
  bnc_programs *p = b->programs;
  bnc_graph *g = &p->graph[b->id];
  const bool vision = b->id == BNC_PROGRAM_VISION;
  const size_t chunk = options->context < BNC_PREFILL_ROWS ? options->context : BNC_PREFILL_ROWS;
  bnc_graph_init(g, &p->constants, err);
  p->present[b->id] = true;
  bnc_status s =
      vision ? bnc_build_vision(g, geometry, options) : bnc_build_text(g, geometry, options, b->id == BNC_PROGRAM_DECODE ? 1 : chunk);
  if (s == BNC_OK && vision) p->tile_encodes_reference = count_tiles(g);
  if (s == BNC_OK) count_reference(g, &p->record[b->id]);
  /* The reference computes layers whose results it drops; that much is removed with every pass off. */
  if (s == BNC_OK) s = bnc_pass_remove_dead(g);
  if (s == BNC_OK && !b->unrecorded) s = measure(p, g, 0, &p->record[b->id].before);
  if (s == BNC_OK) s = bnc_passes_run_graph(g, p->passes, measure_after, b);
  if (s == BNC_OK && vision) p->tile_encodes = count_tiles(g);
  return s;
}

static bnc_status add_embedding(bnc_programs *p, const bnc_geometry *geometry, const bnc_build_options *options, bnc_error *err) {
  const bnc_text_geometry *t = &geometry->text;
  const bool asked = t->tie_word_embeddings ? bnc_build_head_type(options) == BNC_WEIGHT_QG4
                                            : options->text_weights == BNC_WEIGHT_QG4 && options->int4_embedding;
  const bool int4 = asked && bnc_weight_group(t->hidden, BNC_QC4_GROUP);
  bnc_weight_dtype dtype = int4 ? BNC_WEIGHT_QC4 : options->text_weights == BNC_WEIGHT_QG4 ? BNC_WEIGHT_QC8 : options->text_weights;
  bnc_weight w = {
      .dtype = dtype, .n = t->vocab, .k = t->hidden, .group = int4 ? BNC_QC4_GROUP : 0, .by_itself = !t->tie_word_embeddings, .parts = 1};
  w.part[0].weight = bnc_constants_string(&p->constants, "model.embed_tokens.weight");
  w.part[0].bias = BNC_NO_ID;
  w.part[0].n = w.n;
  w.part[0].weight_scale = w.part[0].bias_scale = 1.0f;
  return bnc_constants_add_weight(&p->constants, &w, &p->embedding, err);
}

/* And counts, for the report, what got slabs. */
static bnc_status choose_slabs(bnc_programs *p, bnc_error *err) {
  const bnc_constants *c = &p->constants;
  p->slab_cols = bnc_mem_array(c->weights + 1, sizeof *p->slab_cols);
  if (!p->slab_cols) return bnc_fail_memory(err, c->weights * sizeof *p->slab_cols);
  if (!bnc_pass_on(p->passes, BNC_PASS_SLAB_COLUMNS)) return BNC_OK;
  bnc_status s = bnc_pass_slab_columns(p->graph, BNC_PROGRAMS, &p->target, p->slab_cols);
  for (size_t i = 0; s == BNC_OK && i < c->weights; i++) {
    if (!p->slab_cols[i]) continue;
    const uint64_t bytes = bnc_slab_bytes(c->weight[i].dtype, c->weight[i].k, p->slab_cols[i]);
    p->slab_matrices++;
    if (bytes > p->slab_bytes) p->slab_bytes = bytes;
  }
  return s;
}

bnc_status bnc_programs_create(bnc_programs *p, bnc_context *context, const bnc_geometry *geometry, const bnc_build_options *options,
                               const bnc_tensor_source *source, uint32_t passes, const bnc_target *target, bnc_error *err) {
  static const char *const stages[BNC_PROGRAMS] = {"optimising vision", "optimising prefill", "optimising decode"};
  *p = (bnc_programs){.passes = passes, .target = *target};
  bnc_constants_init(&p->constants, source);
  bnc_status s = BNC_OK;
  for (bnc_program_id id = geometry->has_vision ? BNC_PROGRAM_VISION : BNC_PROGRAM_PREFILL; s == BNC_OK && id < BNC_PROGRAMS; id++) {
    if (bnc_context_progress(context, stages[id], (double)id / BNC_PROGRAMS)) return bnc_fail(err, BNC_ERROR_CANCELLED, "cancelled");
    s = build_graph(&(build){p, id, options->unrecorded}, geometry, options, err);
  }
  if (s == BNC_OK) s = add_embedding(p, geometry, options, err);
  if (s == BNC_OK) s = choose_slabs(p, err);
  for (bnc_program_id id = 0; s == BNC_OK && id < BNC_PROGRAMS; id++) {
    if (!p->present[id]) continue;
    s = bnc_schedule_create(&p->schedule[id], &p->graph[id], passes, p->slab_cols);
    if (s == BNC_OK) s = measure_schedule_passes(&(build){p, id, options->unrecorded});
  }
  return s;
}

void bnc_programs_free(bnc_programs *p) {
  for (bnc_program_id id = 0; id < BNC_PROGRAMS; id++) {
    bnc_schedule_free(&p->schedule[id]);
    bnc_graph_free(&p->graph[id]);
  }
  bnc_mem_free(p->slab_cols);
  bnc_constants_free(&p->constants);
}
