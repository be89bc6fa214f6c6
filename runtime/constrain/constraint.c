/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/constrain/constraint.h"

#include <math.h>
#include <string.h>

#include "platforms/base/mem.h"
#include "runtime/constrain/automaton.h"
#include "runtime/constrain/expression.h"
#include "runtime/constrain/schema.h"
#include "runtime/text/utf8.h"

#define KEPT_BYTES ((size_t)4 << 20) /* of masks that are kept */
#define FEWEST_KEPT 8u

struct bnc_constraint {
  const bnc_vocabulary *vocabulary;
  bnc_automaton automaton;
  size_t rows, words;                    /* logits; words of a mask */
  uint32_t state;                        /* where the text so far has led */
  bool first, stops;                     /* no token yet; tokens that end an answer may be drawn */
  uint32_t *masks;                       /* [kept + 1, words]: of states, and the one that is made for a state that has little room */
  uint32_t *owner;                       /* [kept]: the state whose mask it is, or DEAD */
  size_t kept, next;                     /* next: the one to overwrite */
  uint32_t at[BNC_VOCABULARY_TOKEN + 1]; /* states on the way to a node */
  float *logits;                         /* [rows] */
};

static bool is_bit(const uint32_t *mask, size_t i) { return mask[i / 32] >> i % 32 & 1; }
static void set_bit(uint32_t *mask, size_t i) { mask[i / 32] |= UINT32_C(1) << i % 32; }

static bnc_status fail_ambiguous(bnc_error *err) {
  return bnc_fail(err, BNC_ERROR_LIMIT, "the constraint leaves too many ways open at one place: make it less ambiguous");
}

/* Numbers of states changed: no mask is known any more. */
static void disown(bnc_constraint *c) { memset(c->owner, 0xFF, c->kept * sizeof *c->owner); }

static bnc_status make_room(bnc_constraint *c, bnc_error *err) {
  bnc_automaton *a = &c->automaton;
  if (a->work > BNC_AUTOMATON_WORK || a->count <= 1) return fail_ambiguous(err);
  c->state = bnc_automaton_forget(a, c->state);
  disown(c);
  return BNC_OK;
}

/* Tokens that lead from a state to an end for sure: the shortest way, cut into the longest tokens. UINT32_MAX: memory is full. */
static uint32_t tokens_to_end(bnc_constraint *c, uint32_t state) {
  bnc_automaton *a = &c->automaton;
  uint8_t ahead[BNC_VOCABULARY_TOKEN]; /* bytes of the way: those that a token may begin with, `held` of them */
  size_t held = 0;
  uint32_t tokens = 0, at = state;
  if (a->states[state].tokens != UINT32_MAX) return a->states[state].tokens;
  while (held || a->states[at].distance) {
    while (held < sizeof ahead && a->states[at].distance) {
      const int byte = bnc_automaton_way(a, &at);
      if (byte < 0) return UINT32_MAX;
      ahead[held++] = (uint8_t)byte;
    }
    size_t length = 1;
    bnc_vocabulary_longest(c->vocabulary, ahead, held, &length);
    held -= length;
    memmove(ahead, ahead + length, held);
    tokens++;
  }
  return a->states[state].tokens = tokens;
}

/* Sets the bits of all tokens that lead on, to states from which `room` tokens lead to an end. False: memory is full. */
static bool walk(bnc_constraint *c, size_t room, uint32_t *mask) {
  const bnc_vocabulary *v = c->vocabulary;
  bnc_automaton *a = &c->automaton;
  const bool near = room < a->longest;
  memset(mask, 0, c->words * sizeof *mask);
  c->at[0] = c->state;
  for (size_t node = 0; node < v->nodes;) {
    const uint32_t to = bnc_automaton_step(a, c->at[v->depth[node] - 1], v->byte[node]);
    if (to == BNC_AUTOMATON_FULL) return false;
    if (to == BNC_AUTOMATON_DEAD) {
      node = v->after[node];
      continue;
    }
    c->at[v->depth[node]] = to;
    int32_t id = v->token[node++];
    if (id < 0) continue;
    const uint32_t tokens = near ? tokens_to_end(c, to) : 0;
    if (tokens == UINT32_MAX) return false;
    for (; id >= 0 && tokens <= room; id = v->twin[id])
      if (!(c->first && bnc_vocabulary_not_first(v, id))) set_bit(mask, (size_t)id);
  }
  if (a->states[c->state].accepts && c->stops)
    for (size_t i = 0; i < v->stops; i++) set_bit(mask, (size_t)v->stop[i]);
  return true;
}

/* The words of a mask to make for the state: one to be kept, or where it holds for this place alone the last one. */
static uint32_t *mask_to_fill(bnc_constraint *c, bool keeps) {
  if (!keeps) return c->masks + c->kept * c->words;
  const size_t slot = c->next++ % c->kept;
  if (c->owner[slot] != BNC_AUTOMATON_DEAD) c->automaton.states[c->owner[slot]].mask = -1;
  c->owner[slot] = BNC_AUTOMATON_DEAD;
  return c->masks + slot * c->words;
}

static const uint32_t *unless_empty(const bnc_constraint *c, const uint32_t *mask) {
  for (size_t i = 0; i < c->words; i++)
    if (mask[i]) return mask;
  return NULL;
}

bnc_status bnc_constraint_mask(bnc_constraint *c, size_t room, const uint32_t **mask, bnc_error *err) {
  bnc_automaton *a = &c->automaton;
  const bool keeps = room >= a->longest && !(c->first && c->vocabulary->loses_all);
  bnc_automaton_rest(a);
  if (keeps && a->states[c->state].mask >= 0) {
    *mask = unless_empty(c, c->masks + (size_t)a->states[c->state].mask * c->words);
    return BNC_OK;
  }
  uint32_t *made = mask_to_fill(c, keeps);
  if (!walk(c, room, made)) {
    const bnc_status s = make_room(c, err);
    if (s != BNC_OK) return s;
    if (!walk(c, room, made)) return fail_ambiguous(err);
  }
  if (keeps) {
    const size_t slot = (size_t)(made - c->masks) / c->words;
    c->owner[slot] = c->state;
    a->states[c->state].mask = (int32_t)slot;
  }
  *mask = unless_empty(c, made);
  return BNC_OK;
}

bnc_status bnc_constraint_begin(bnc_constraint *c, size_t room, bool stops, bnc_error *err) {
  bnc_automaton *a = &c->automaton;
  bnc_automaton_rest(a);
  c->state = stops == c->stops ? bnc_automaton_begin(a) : BNC_AUTOMATON_FULL; /* masks depend on it */
  if (c->state == BNC_AUTOMATON_FULL) {
    bnc_automaton_clear(a);
    disown(c);
    c->state = bnc_automaton_begin(a);
  }
  c->first = true;
  c->stops = stops;
  uint32_t tokens = a->states[c->state].distance;
  if (tokens && tokens > room && !c->vocabulary->loses_all) tokens = tokens_to_end(c, c->state);
  if (tokens == UINT32_MAX) return fail_ambiguous(err);
  if (tokens > room)
    return bnc_fail(err, BNC_ERROR_LIMIT, "there is room for %zu tokens, but the shortest answer that the constraint allows takes %u", room,
                    (unsigned)tokens);
  return BNC_OK;
}

const float *bnc_constraint_apply(bnc_constraint *c, const uint32_t *mask, const float *logits) {
  for (size_t w = 0; w < c->words; w++) {
    const size_t begin = 32 * w, end = begin + 32 < c->rows ? begin + 32 : c->rows;
    for (size_t i = begin; i < end; i++) c->logits[i] = -INFINITY;
    for (uint32_t bits = mask[w]; bits; bits &= bits - 1) {
      const size_t i = begin + (size_t)__builtin_ctz(bits);
      c->logits[i] = logits[i];
    }
  }
  return c->logits;
}

int32_t bnc_constraint_correct(const bnc_constraint *c, const uint32_t *mask, int32_t id) {
  if (is_bit(mask, (size_t)id)) return id;
  for (size_t i = 0; i < c->rows; i++)
    if (is_bit(mask, i)) return (int32_t)i;
  return id;
}

bnc_status bnc_constraint_take(bnc_constraint *c, int32_t id, bnc_error *err) {
  const bnc_vocabulary *v = c->vocabulary;
  bnc_automaton_rest(&c->automaton);
  for (uint32_t i = v->offsets[id]; i < v->offsets[id + 1]; i++) {
    uint32_t to = bnc_automaton_step(&c->automaton, c->state, v->bytes[i]);
    if (to == BNC_AUTOMATON_FULL) {
      const bnc_status s = make_room(c, err);
      if (s != BNC_OK) return s;
      to = bnc_automaton_step(&c->automaton, c->state, v->bytes[i]);
    }
    if (to == BNC_AUTOMATON_FULL) return fail_ambiguous(err);
    if (to == BNC_AUTOMATON_DEAD) return bnc_fail(err, BNC_ERROR_INTERNAL, "token %d is none that the constraint allows", (int)id);
    c->state = to;
  }
  c->first = false;
  return BNC_OK;
}

bool bnc_constraint_is_over(const bnc_constraint *c) { return !c->automaton.states[c->state].goes_on; }
bool bnc_constraint_accepts(const bnc_constraint *c) { return c->automaton.states[c->state].accepts; }

static uint32_t write_choice(bnc_nfa *nfa, uint32_t from, const char *const *texts, size_t count) {
  const uint32_t end = bnc_nfa_state(nfa);
  for (size_t i = 0; i < count && bnc_nfa_goes_on(nfa); i++) {
    const size_t size = strlen(texts[i]);
    if (bnc_utf8_check(texts[i], size) != size) nfa->status = bnc_fail(nfa->err, BNC_ERROR_FORMAT, "choice %zu is no UTF-8", i + 1);
    bnc_nfa_jump(nfa, bnc_nfa_text(nfa, from, texts[i], size), end);
  }
  return end;
}

static uint32_t write_expression(bnc_nfa *nfa, uint32_t from, const char *text) {
  bnc_expression expression;
  nfa->status = bnc_expression_parse(&expression, text, strlen(text), nfa->err);
  if (nfa->status != BNC_OK) return from;
  const uint32_t end = bnc_expression_write(&expression, nfa, from);
  bnc_expression_free(&expression);
  return end;
}

/* Distinct beginnings are found by the automaton; the nfa of a choice has a path per text. */
static bnc_status write_language(bnc_constraint *c, bnc_constraint_kind kind, const char *const *texts, size_t count, bnc_error *err) {
  bnc_nfa nfa = {.err = err};
  const uint32_t start = bnc_nfa_state(&nfa), accept = bnc_nfa_state(&nfa);
  uint32_t end = start;
  if (nfa.status == BNC_OK && kind == BNC_CONSTRAINT_CHOICE) end = write_choice(&nfa, start, texts, count);
  if (nfa.status == BNC_OK && kind == BNC_CONSTRAINT_REGEX) end = write_expression(&nfa, start, texts[0]);
  if (nfa.status == BNC_OK && kind == BNC_CONSTRAINT_JSON_SCHEMA) end = bnc_schema_write(&nfa, start, texts[0], strlen(texts[0]));
  bnc_nfa_jump(&nfa, end, accept);
  const bnc_status s = nfa.status == BNC_OK
                           ? bnc_automaton_create(&c->automaton, &nfa, start, accept, c->vocabulary->single, c->vocabulary->strips, err)
                           : nfa.status;
  bnc_nfa_free(&nfa);
  return s;
}

static bnc_status reserve(bnc_constraint *c, bnc_error *err) {
  c->words = (c->rows + 31) / 32;
  c->kept = KEPT_BYTES / (c->words * sizeof *c->masks);
  if (c->kept < FEWEST_KEPT) c->kept = FEWEST_KEPT;
  c->masks = bnc_mem_alloc((c->kept + 1) * c->words * sizeof *c->masks);
  c->owner = bnc_mem_alloc(c->kept * sizeof *c->owner);
  c->logits = bnc_mem_array(c->rows, sizeof *c->logits);
  return c->masks && c->owner && c->logits ? BNC_OK : bnc_fail_memory(err, bnc_constraint_bytes(c));
}

bnc_status bnc_constraint_create(bnc_constraint **constraint, const bnc_vocabulary *vocabulary, size_t rows, bnc_constraint_kind kind,
                                 const char *const *texts, size_t count, bnc_error *err) {
  bnc_constraint *c = *constraint = bnc_mem_zalloc(sizeof *c);
  const uint32_t *mask;
  if (!c) return bnc_fail_memory(err, sizeof *c);
  c->vocabulary = vocabulary;
  c->rows = rows;
  bnc_status s = write_language(c, kind, texts, count, err);
  if (s == BNC_OK) s = reserve(c, err);
  if (s == BNC_OK) s = bnc_constraint_begin(c, SIZE_MAX, true, err);
  if (s == BNC_OK) s = bnc_constraint_mask(c, SIZE_MAX, &mask, err); /* what is too ambiguous should be told now */
  if (s == BNC_OK) return BNC_OK;
  bnc_constraint_free(c);
  *constraint = NULL;
  return s;
}

void bnc_constraint_free(bnc_constraint *c) {
  if (!c) return;
  bnc_automaton_free(&c->automaton);
  bnc_mem_free(c->masks);
  bnc_mem_free(c->owner);
  bnc_mem_free(c->logits);
  bnc_mem_free(c);
}

size_t bnc_constraint_bytes(const bnc_constraint *c) {
  return sizeof *c + bnc_automaton_bytes(&c->automaton) + ((c->kept + 1) * c->words + c->kept + c->rows) * sizeof *c->masks;
}
