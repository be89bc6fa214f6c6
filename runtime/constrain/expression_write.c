/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/constrain/expression.h"

typedef struct writer {
  const bnc_expression *expression;
  bnc_nfa *nfa;
  bnc_write_characters write;
} writer;

static uint32_t write_node(const writer *w, uint32_t index, uint32_t from);

static uint32_t write_repeat(const writer *w, const bnc_expression_node *node, uint32_t from) {
  for (uint32_t i = 0; i < node->least && bnc_nfa_goes_on(w->nfa); i++) from = write_node(w, node->first, from);
  const uint32_t end = bnc_nfa_state(w->nfa);
  if (node->most == BNC_EXPRESSION_ENDLESS) {
    bnc_nfa_jump(w->nfa, from, end);
    bnc_nfa_jump(w->nfa, write_node(w, node->first, end), end);
    return end;
  }
  for (uint32_t i = node->least; i < node->most && bnc_nfa_goes_on(w->nfa); i++) {
    bnc_nfa_jump(w->nfa, from, end);
    from = write_node(w, node->first, from);
  }
  bnc_nfa_jump(w->nfa, from, end);
  return end;
}

static uint32_t write_node(const writer *w, uint32_t index, uint32_t from) {
  const bnc_expression_node *node = &w->expression->nodes[index];
  if (!bnc_nfa_goes_on(w->nfa)) return from;
  if (node->kind == BNC_EXPRESSION_REPEAT) return write_repeat(w, node, from);
  if (node->kind == BNC_EXPRESSION_SEQUENCE) {
    for (uint32_t part = node->first; part != BNC_NFA_NONE; part = w->expression->nodes[part].next) from = write_node(w, part, from);
    return from;
  }
  const uint32_t end = bnc_nfa_state(w->nfa);
  if (node->kind == BNC_EXPRESSION_SET)
    w->write(w->nfa, from, &w->expression->sets[node->first], end);
  else
    for (uint32_t branch = node->first; branch != BNC_NFA_NONE; branch = w->expression->nodes[branch].next)
      bnc_nfa_jump(w->nfa, write_node(w, branch, from), end);
  return end;
}

uint32_t bnc_expression_write(const bnc_expression *expression, bnc_nfa *nfa, uint32_t from) {
  const writer w = {expression, nfa, bnc_nfa_characters};
  return write_node(&w, expression->root, from);
}

/* Any characters, any number of them. */
static uint32_t write_anything(const writer *w, uint32_t from) {
  const bnc_characters all = bnc_characters_all();
  const uint32_t end = bnc_nfa_state(w->nfa);
  bnc_nfa_jump(w->nfa, from, end);
  w->write(w->nfa, end, &all, end);
  return end;
}

uint32_t bnc_expression_write_search(const bnc_expression *expression, bnc_nfa *nfa, uint32_t from, bnc_write_characters write) {
  const writer w = {expression, nfa, write};
  const uint32_t end = bnc_nfa_state(nfa);
  for (uint32_t branch = expression->nodes[expression->root].first; branch != BNC_NFA_NONE; branch = expression->nodes[branch].next) {
    const bnc_expression_node *node = &expression->nodes[branch];
    uint32_t at = node->begins ? from : write_anything(&w, from);
    at = write_node(&w, branch, at);
    bnc_nfa_jump(nfa, node->ends ? at : write_anything(&w, at), end);
  }
  return end;
}
