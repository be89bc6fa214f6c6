/* SPDX-License-Identifier: Apache-2.0 */
/* Values that share a block: views lie inside what they view, parts of a concatenation inside the whole, and a sum or a rotation takes the
   place of an operand that dies with it. */
#include "platforms/base/mem.h"
#include "quant/passes/passes.h"

typedef struct aliaser {
  bnc_schedule *s;
  const bnc_graph *g;
  uint32_t *last_use;   /* [values]: last step that reads the value; 0 with used == false */
  uint8_t *used;        /* [values]: read by a step */
  uint32_t *busy_until; /* [values], of a root: the last step that reads any value in it */
  uint8_t *pinned;      /* [values]: constants and the program's input keep their own place and are never overwritten */
} aliaser;

/* What v lies in may have moved into something else meanwhile. */
static void refresh(const aliaser *a, bnc_value_id v) {
  bnc_place *p = &a->s->place[v];
  while (a->s->place[p->root].root != p->root) {
    const bnc_place *outer = &a->s->place[p->root];
    p->row += outer->row;
    p->col += outer->col;
    p->root = outer->root;
  }
}

static void put(aliaser *a, bnc_value_id v, bnc_value_id parent, size_t row, size_t col) {
  const bnc_place *p = &a->s->place[parent];
  refresh(a, parent);
  a->s->place[v].root = p->root;
  a->s->place[v].row = p->row + row;
  a->s->place[v].col = p->col + col;
  uint32_t last = a->used[v] && a->last_use[v] > a->busy_until[v] ? a->last_use[v]
                                                                  : a->busy_until[v]; /* v's own readers, and those of what lies in it */
  if (last > a->busy_until[p->root]) a->busy_until[p->root] = last;
}

static bool is_probed(const bnc_graph *g, bnc_value_id v) {
  for (size_t p = 0; p < g->probes; p++)
    if (g->probe[p].value == v) return true;
  return v == g->program_output;
}

/* Parts of a concatenation move into the whole before anything aliases them; a part that is in two concatenations is copied into the
 * second. */
static void alias_concats(aliaser *a, uint8_t *moved) {
  const bnc_graph *g = a->g;
  for (size_t n = g->nodes; n-- > 0;) { /* outer concatenations first, so that nested parts land in the outermost */
    const bnc_node *node = &g->node[n];
    if (node->kind != BNC_NODE_CONCAT_ROWS && node->kind != BNC_NODE_CONCAT_COLS) continue;
    size_t row = 0, col = 0, first;
    for (uint32_t i = 0; i < node->inputs; i++) {
      bnc_value_id part = bnc_node_input(g, node, i);
      const bnc_node *maker = &g->node[g->value[part].producer];
      bool view = maker->kind == BNC_NODE_SLICE_COLS || (maker->kind == BNC_NODE_GATHER && bnc_take_is_range(g, maker, &first));
      if (!moved[part] && !a->pinned[part] && !view && g->value[part].element == BNC_ELEMENT_F32) {
        put(a, part, node->output, row, col);
        moved[part] = 1;
      }
      if (node->kind == BNC_NODE_CONCAT_ROWS)
        row += g->value[part].rows;
      else
        col += g->value[part].cols;
    }
  }
}

static void alias_views(aliaser *a) {
  const bnc_graph *g = a->g;
  size_t first;
  for (size_t n = 0; n < g->nodes; n++) {
    const bnc_node *node = &g->node[n];
    if (node->kind == BNC_NODE_SLICE_COLS) put(a, node->output, bnc_node_input(g, node, 0), 0, node->from);
    if (node->kind == BNC_NODE_GATHER && (a->s->alias & BNC_ALIAS_RANGES) && bnc_take_is_range(g, node, &first))
      put(a, node->output, bnc_node_input(g, node, 0), first, 0);
  }
}

static bool covers_root(const aliaser *a, bnc_value_id v) {
  const bnc_place *p = &a->s->place[v];
  const bnc_value *value = &a->g->value[v], *root = &a->g->value[p->root];
  return p->row == 0 && p->col == 0 && value->rows == root->rows && value->cols == root->cols;
}

/* out may lie on in: nobody reads in, or anything else of its block, after this step. */
static bool dies_here(const aliaser *a, bnc_value_id in, uint32_t step) {
  refresh(a, in);
  bnc_value_id root = a->s->place[in].root;
  return !a->pinned[root] && !is_probed(a->g, in) && a->last_use[in] == step && a->busy_until[root] <= step && covers_root(a, in);
}

/* A rotation of one slice of a fused projection: its neighbours live on, but nobody else reads these columns, neither as they are, nor
   through another view, nor as a part of what the projection was moved into. */
static bool slice_dies_here(const aliaser *a, bnc_value_id in, uint32_t step) {
  const bnc_graph *g = a->g;
  const bnc_node *slice = &g->node[g->value[in].producer];
  if (slice->kind != BNC_NODE_SLICE_COLS || a->last_use[in] != step || is_probed(g, in)) return false;
  bnc_value_id whole = bnc_node_input(g, slice, 0);
  if (a->used[whole] || a->pinned[whole] || is_probed(g, whole) || a->s->place[whole].root != whole) return false;
  uint32_t readers = 0;
  for (size_t n = 0; n < g->nodes; n++)
    for (uint32_t i = 0; i < g->node[n].inputs; i++) {
      const bnc_node *node = &g->node[n];
      bnc_value_id read = bnc_node_input(g, node, i);
      readers += read == in;
      if (read != whole || node == slice) continue;
      size_t end = node->from + g->value[node->output].cols;
      if (node->kind != BNC_NODE_SLICE_COLS || (node->from < slice->from + g->value[in].cols && slice->from < end)) return false;
    }
  return readers == 1;
}

static void alias_in_place(aliaser *a) {
  bnc_schedule *s = a->s;
  for (uint32_t i = 0; i < s->steps; i++) {
    bnc_step *step = &s->step[i];
    bnc_value_id out = step->out[0];
    if (out == BNC_NO_VALUE || s->place[out].root != out || a->busy_until[out] == UINT32_MAX) continue;
    for (int k = 0; k < BNC_OP_INPUTS; k++) {
      bnc_value_id in = step->in[k];
      if (bnc_op_info_of(step->kind)->in[k] != BNC_ROLE_INPLACE || in == BNC_NO_VALUE) continue;
      if (a->g->value[in].rows != a->g->value[out].rows || a->g->value[in].cols != a->g->value[out].cols) continue;
      if (dies_here(a, in, i) || (step->kind == BNC_OP_ROPE && slice_dies_here(a, in, i))) {
        put(a, out, in, 0, 0);
        break;
      }
    }
  }
}

/* Copies of parts that already lie in their place. */
static void drop_copies(bnc_schedule *s) {
  size_t kept = 0;
  for (size_t i = 0; i < s->steps; i++) {
    const bnc_step *step = &s->step[i];
    if (step->kind == BNC_OP_COPY) {
      const bnc_place *in = &s->place[step->in[0]], *out = &s->place[step->out[0]];
      if (in->root == out->root && in->row == out->row + step->first_row && in->col == out->col + step->first_col) continue;
    }
    s->step[kept++] = *step;
  }
  s->steps = kept;
}

static void count_uses(aliaser *a) {
  for (uint32_t i = 0; i < a->s->steps; i++)
    for (int k = 0; k < BNC_OP_INPUTS; k++)
      if (a->s->step[i].in[k] != BNC_NO_VALUE) {
        a->last_use[a->s->step[i].in[k]] = i;
        a->used[a->s->step[i].in[k]] = 1;
      }
}

bnc_status bnc_pass_alias_parts(bnc_schedule *s) {
  const bnc_graph *g = s->graph;
  size_t n = g->values + 1;
  aliaser a = {s, g, bnc_mem_array(n, 4), bnc_mem_array(n, 1), bnc_mem_array(n, 4), bnc_mem_array(n, 1)};
  uint8_t *moved = bnc_mem_array(n, 1);
  s->place = bnc_mem_array(n, sizeof *s->place);
  bnc_status status = BNC_OK;
  if (!a.last_use || !a.used || !a.busy_until || !a.pinned || !moved || !s->place) {
    status = bnc_fail_memory(g->err, n * sizeof *s->place);
  } else {
    for (bnc_value_id v = 0; v < g->values; v++) s->place[v] = (bnc_place){.root = v, .first = UINT32_MAX};
    for (size_t i = 0; i < g->nodes; i++)
      if (g->node[i].kind == BNC_NODE_CONSTANT || g->node[i].kind == BNC_NODE_INPUT) a.pinned[g->node[i].output] = 1;
    count_uses(&a);
    if (s->alias & BNC_ALIAS_PARTS) alias_concats(&a, moved);
    drop_copies(s);
    for (size_t v = 0; v < g->values; v++) {
      a.last_use[v] = a.busy_until[v] = 0;
      a.used[v] = 0;
    }
    count_uses(&a);
    for (bnc_value_id v = 0; v < g->values; v++) { /* what concatenations moved keeps its root busy */
      bnc_value_id root = s->place[v].root;
      if (a.used[v] && a.last_use[v] > a.busy_until[root]) a.busy_until[root] = a.last_use[v];
      if (is_probed(g, v) && v == g->program_output) a.busy_until[root] = UINT32_MAX;
    }
    alias_views(&a);
    if (s->alias & BNC_ALIAS_IN_PLACE) alias_in_place(&a);
    for (bnc_value_id v = 0; v < g->values; v++) refresh(&a, v);
  }
  bnc_mem_free(a.last_use);
  bnc_mem_free(a.used);
  bnc_mem_free(a.busy_until);
  bnc_mem_free(a.pinned);
  bnc_mem_free(moved);
  return status;
}
