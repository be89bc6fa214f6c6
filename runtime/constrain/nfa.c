/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/constrain/nfa.h"

#include "platforms/base/mem.h"
#include "runtime/text/utf8.h"

void bnc_nfa_free(bnc_nfa *nfa) {
  bnc_mem_free(nfa->first);
  bnc_mem_free(nfa->edges);
  *nfa = (bnc_nfa){0};
}

static bool fail_limit(bnc_nfa *nfa) {
  nfa->status =
      bnc_fail(nfa->err, BNC_ERROR_LIMIT,
               "the constraint is too large: it may come to %zu states, and repetitions count as often as they may come", BNC_NFA_STATES);
  return false;
}

bool bnc_nfa_goes_on(bnc_nfa *nfa) {
  if (nfa->status != BNC_OK) return false;
  return ++nfa->work <= BNC_NFA_WORK || fail_limit(nfa);
}

/* Room for one more entry of `size` bytes behind `count`. */
static bool reserve(bnc_nfa *nfa, void **data, size_t size, size_t count, size_t *capacity, size_t most) {
  if (!bnc_nfa_goes_on(nfa)) return false;
  if (count < *capacity) return true;
  if (count >= most) return fail_limit(nfa);
  const size_t wanted = *capacity ? 2 * *capacity : 256;
  void *grown = bnc_mem_realloc(*data, wanted * size);
  if (!grown) {
    nfa->status = bnc_fail_memory(nfa->err, wanted * size);
    return false;
  }
  *data = grown;
  *capacity = wanted;
  return true;
}

uint32_t bnc_nfa_state(bnc_nfa *nfa) {
  void *data = nfa->first;
  const bool room = reserve(nfa, &data, sizeof *nfa->first, nfa->states, &nfa->state_capacity, BNC_NFA_STATES);
  nfa->first = data;
  if (!room) return 0;
  nfa->first[nfa->states] = BNC_NFA_NONE;
  return (uint32_t)nfa->states++;
}

static void add_edge(bnc_nfa *nfa, uint32_t from, bnc_nfa_edge edge) {
  void *data = nfa->edges;
  const bool room = reserve(nfa, &data, sizeof *nfa->edges, nfa->edge_count, &nfa->edge_capacity, BNC_NFA_EDGES);
  nfa->edges = data;
  if (!room) return;
  edge.next = nfa->first[from];
  nfa->first[from] = (uint32_t)nfa->edge_count;
  nfa->edges[nfa->edge_count++] = edge;
}

void bnc_nfa_bytes(bnc_nfa *nfa, uint32_t from, uint8_t low, uint8_t high, uint32_t to) {
  add_edge(nfa, from, (bnc_nfa_edge){.to = to, .low = low, .high = high});
}

void bnc_nfa_jump(bnc_nfa *nfa, uint32_t from, uint32_t to) {
  if (from != to) add_edge(nfa, from, (bnc_nfa_edge){.to = to, .jump = true});
}

uint32_t bnc_nfa_text(bnc_nfa *nfa, uint32_t from, const char *text, size_t size) {
  for (size_t i = 0; i < size && bnc_nfa_goes_on(nfa); i++) {
    const uint32_t to = bnc_nfa_state(nfa);
    bnc_nfa_bytes(nfa, from, (uint8_t)text[i], (uint8_t)text[i], to);
    from = to;
  }
  return from;
}

/* Ways into `to`; tail[k]: a state from which k continuation bytes of any value lead there, made when it is needed. */
typedef struct sequences {
  bnc_nfa *nfa;
  uint32_t from, tail[4];
} sequences;

static uint32_t tail_of(sequences *s, size_t bytes) {
  if (s->tail[bytes] != BNC_NFA_NONE) return s->tail[bytes];
  const uint32_t after = tail_of(s, bytes - 1), state = bnc_nfa_state(s->nfa);
  bnc_nfa_bytes(s->nfa, state, 0x80, 0xBF, after);
  return s->tail[bytes] = state;
}

/* Characters low to high, whose UTF-8 has equal lengths and, byte for byte, every value between those of low and high. */
static void add_sequence(sequences *s, uint32_t low, uint32_t high) {
  char first[4], last[4];
  const size_t length = bnc_utf8_write(low, first);
  bnc_utf8_write(high, last);
  uint32_t from = s->from;
  for (size_t i = 0; i < length; i++) {
    bool any = true; /* what follows is any continuation */
    for (size_t k = i + 1; k < length; k++) any = any && (uint8_t)first[k] == 0x80 && (uint8_t)last[k] == 0xBF;
    const uint32_t to = any ? tail_of(s, length - 1 - i) : bnc_nfa_state(s->nfa);
    bnc_nfa_bytes(s->nfa, from, (uint8_t)first[i], (uint8_t)last[i], to);
    if (any) return;
    from = to;
  }
}

/* Cuts a range where lengths change and where the last bytes do not run from first to last value. */
static void add_range(sequences *s, uint32_t low, uint32_t high) {
  static const uint32_t ends[] = {0x7F, 0x7FF, 0xD7FF, 0xDFFF, 0xFFFF};
  while (low <= high && bnc_nfa_goes_on(s->nfa)) {
    uint32_t end = high;
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
      if (low <= ends[i] && end > ends[i]) end = ends[i];
    const unsigned tails = low < 0x80 ? 0 : low < 0x800 ? 1 : low < 0x10000 ? 2 : 3;
    for (unsigned i = tails; i > 0; i--) {
      const uint32_t mask = (UINT32_C(1) << 6 * i) - 1;
      if ((low & ~mask) == (end & ~mask)) continue;
      if (low & mask)
        end = low | mask;
      else if ((end & mask) != mask)
        end = (end & ~mask) - 1;
    }
    if (low < 0xD800 || low > 0xDFFF) add_sequence(s, low, end);
    low = end + 1;
  }
}

void bnc_nfa_characters(bnc_nfa *nfa, uint32_t from, const bnc_characters *set, uint32_t to) {
  sequences s = {nfa, from, {to, BNC_NFA_NONE, BNC_NFA_NONE, BNC_NFA_NONE}};
  for (size_t i = 0; i < set->count; i++) add_range(&s, set->range[i].low, set->range[i].high);
}
