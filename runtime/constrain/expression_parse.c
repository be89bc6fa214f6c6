/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "platforms/base/mem.h"
#include "runtime/constrain/expression.h"
#include "runtime/text/utf8.h"

typedef struct parser {
  bnc_expression *out;
  const char *text; /* [size], UTF-8 */
  size_t size, at, depth;
  bnc_status status;
  bnc_error *err;
} parser;

void bnc_expression_free(bnc_expression *e) {
  bnc_mem_free(e->nodes);
  bnc_mem_free(e->sets);
  *e = (bnc_expression){0};
}

static void fail(parser *p, bnc_status status, const char *what) {
  if (p->status == BNC_OK) p->status = bnc_fail(p->err, status, "the regular expression, byte %zu: %s", p->at, what);
}

static uint32_t add_node(parser *p, bnc_expression_node node) {
  bnc_expression *e = p->out;
  if (p->status != BNC_OK) return 0;
  if (e->node_count == e->node_capacity) {
    const size_t wanted = e->node_capacity ? 2 * e->node_capacity : 64;
    bnc_expression_node *grown = bnc_mem_realloc(e->nodes, wanted * sizeof *grown);
    if (!grown) {
      p->status = bnc_fail_memory(p->err, wanted * sizeof *grown);
      return 0;
    }
    e->nodes = grown;
    e->node_capacity = wanted;
  }
  e->nodes[e->node_count] = node;
  return (uint32_t)e->node_count++;
}

static bool same_set(const bnc_characters *a, const bnc_characters *b) {
  return a->count == b->count && memcmp(a->range, b->range, a->count * sizeof *a->range) == 0;
}

/* Sets are large: one that was there before is used again. */
static uint32_t add_set(parser *p, bnc_characters *set) {
  bnc_expression *e = p->out;
  bnc_characters_settle(set);
  for (size_t i = 0; i < e->set_count; i++)
    if (same_set(&e->sets[i], set)) return add_node(p, (bnc_expression_node){.kind = BNC_EXPRESSION_SET, .first = (uint32_t)i});
  if (e->set_count == e->set_capacity) {
    const size_t wanted = e->set_capacity ? 2 * e->set_capacity : 16;
    bnc_characters *grown = bnc_mem_realloc(e->sets, wanted * sizeof *grown);
    if (!grown) {
      p->status = bnc_fail_memory(p->err, wanted * sizeof *grown);
      return 0;
    }
    e->sets = grown;
    e->set_capacity = wanted;
  }
  e->sets[e->set_count] = *set;
  return add_node(p, (bnc_expression_node){.kind = BNC_EXPRESSION_SET, .first = (uint32_t)e->set_count++});
}

static bool more(const parser *p) { return p->status == BNC_OK && p->at < p->size; }

static bool next_is(const parser *p, char c) { return more(p) && p->text[p->at] == c; }

static bool take(parser *p, char c) {
  const bool is = next_is(p, c);
  p->at += is;
  return is;
}

static uint32_t take_character(parser *p) {
  const int length = bnc_utf8_next(p->text + p->at, p->size - p->at);
  if (length <= 0) {
    fail(p, BNC_ERROR_FORMAT, "found what is no UTF-8");
    return 0;
  }
  const uint32_t code = bnc_utf8_code(p->text + p->at, length);
  p->at += (size_t)length;
  return code;
}

static uint32_t take_hex(parser *p, size_t digits) {
  uint32_t code = 0;
  for (size_t i = 0; i < digits; i++) {
    const char c = more(p) ? p->text[p->at] : ' ';
    const int value = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
    if (value < 0) {
      fail(p, BNC_ERROR_FORMAT, digits == 2 ? "expected \\x and two hexadecimal digits" : "expected \\u and four hexadecimal digits");
      return 0;
    }
    code = code << 4 | (uint32_t)value;
    p->at++;
  }
  if (code >= 0xD800 && code <= 0xDFFF) fail(p, BNC_ERROR_UNSUPPORTED, "a surrogate is no character: write the character itself");
  return code;
}

static void add(parser *p, bnc_characters *set, uint32_t low, uint32_t high) {
  if (!bnc_characters_add(set, low, high)) fail(p, BNC_ERROR_LIMIT, "a class of more than 256 ranges");
}

/* \d \w \s and their opposites; false for any other letter. */
static bool add_class(parser *p, bnc_characters *set, char letter) {
  bnc_characters of = {.count = 0};
  switch (letter | 0x20) {
    case 'd': bnc_characters_add(&of, '0', '9'); break;
    case 's':
      bnc_characters_add(&of, '\t', '\r');
      bnc_characters_add(&of, ' ', ' ');
      break;
    case 'w':
      bnc_characters_add(&of, '0', '9');
      bnc_characters_add(&of, 'A', 'Z');
      bnc_characters_add(&of, '_', '_');
      bnc_characters_add(&of, 'a', 'z');
      break;
    default: return false;
  }
  if (!(letter & 0x20)) bnc_characters_invert(&of);
  for (size_t i = 0; i < of.count; i++) add(p, set, of.range[i].low, of.range[i].high);
  return true;
}

/* Behind a backslash. True: a class, which was added to set; false: the one character *code. */
static bool take_escape(parser *p, bnc_characters *set, uint32_t *code) {
  static const char letters[] = "nrtfv0", values[] = "\n\r\t\f\v";
  if (!more(p)) {
    fail(p, BNC_ERROR_FORMAT, "ends in a backslash");
    return false;
  }
  const char c = p->text[p->at++];
  const char *known = strchr(letters, c);
  *code = (uint8_t)c;
  if (c == 'x' || c == 'u') {
    *code = take_hex(p, c == 'x' ? 2 : 4);
  } else if (known && c && !(c == '0' && more(p) && p->text[p->at] >= '0' && p->text[p->at] <= '9')) {
    *code = (uint8_t)values[known - letters];
  } else if (((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || (c >= '0' && c <= '9') || (uint8_t)c >= 0x80) {
    if ((uint8_t)c < 0x80 && add_class(p, set, c)) return true;
    p->at -= 2;
    fail(p, BNC_ERROR_UNSUPPORTED, "this escape is none of \\d \\w \\s \\D \\W \\S \\n \\r \\t \\f \\v \\0 \\xHH \\uHHHH and punctuation");
  }
  return false;
}

/* One character or class of [...]; false: a class. */
static bool take_member(parser *p, bnc_characters *set, uint32_t *code) {
  if (take(p, '\\')) return !take_escape(p, set, code);
  *code = take_character(p);
  return true;
}

/* Behind the opening bracket. */
static uint32_t take_brackets(parser *p) {
  bnc_characters set = {.count = 0};
  const bool inverted = take(p, '^');
  if (next_is(p, ']')) fail(p, BNC_ERROR_UNSUPPORTED, "a class that begins with ]: write \\]");
  while (more(p) && !next_is(p, ']')) {
    uint32_t low = 0, high = 0;
    if (!take_member(p, &set, &low)) continue;
    high = low;
    if (next_is(p, '-') && p->at + 1 < p->size && p->text[p->at + 1] != ']') {
      p->at++;
      if (!take_member(p, &set, &high)) fail(p, BNC_ERROR_FORMAT, "a range that ends in a class: write \\-");
      if (high < low) fail(p, BNC_ERROR_FORMAT, "a range that runs backwards");
    }
    if (p->status == BNC_OK) add(p, &set, low, high);
  }
  if (!take(p, ']')) fail(p, BNC_ERROR_FORMAT, "a class lacks its ]");
  bnc_characters_settle(&set);
  if (inverted && !bnc_characters_invert(&set)) fail(p, BNC_ERROR_LIMIT, "a class of more than 256 ranges");
  return add_set(p, &set);
}

static uint32_t take_choice(parser *p, bool whole);

/* Behind the opening parenthesis. */
static uint32_t take_group(parser *p) {
  if (take(p, '?') && !take(p, ':')) fail(p, BNC_ERROR_UNSUPPORTED, "a group that begins with (? is supported as (?: alone");
  if (++p->depth > BNC_EXPRESSION_DEPTH) fail(p, BNC_ERROR_LIMIT, "more than 64 groups in each other");
  const uint32_t node = p->status == BNC_OK ? take_choice(p, false) : 0;
  if (!take(p, ')')) fail(p, BNC_ERROR_FORMAT, "a group lacks its )");
  p->depth--;
  return node;
}

static uint32_t take_atom(parser *p) {
  bnc_characters set = {.count = 0};
  uint32_t code = 0;
  if (take(p, '(')) return take_group(p);
  if (take(p, '[')) return take_brackets(p);
  if (next_is(p, '*') || next_is(p, '+') || next_is(p, '?')) fail(p, BNC_ERROR_FORMAT, "there is nothing to repeat");
  if (next_is(p, '^')) fail(p, BNC_ERROR_UNSUPPORTED, "^ is supported at the beginning of the expression or of its branches: write \\^");
  if (next_is(p, '$')) fail(p, BNC_ERROR_UNSUPPORTED, "$ is supported at the end of the expression or of its branches: write \\$");
  if (p->status != BNC_OK) return 0;
  if (take(p, '.')) {
    add(p, &set, '\n', '\n');
    add(p, &set, '\r', '\r');
    add(p, &set, 0x2028, 0x2029);
    bnc_characters_invert(&set);
  } else if (!take(p, '\\')) {
    code = take_character(p);
    add(p, &set, code, code);
  } else if (!take_escape(p, &set, &code)) {
    add(p, &set, code, code);
  }
  return add_set(p, &set);
}

/* A number of at most BNC_EXPRESSION_TIMES; false where there is none. */
static bool take_number(parser *p, uint32_t *number) {
  const size_t before = p->at;
  *number = 0;
  for (; more(p) && p->text[p->at] >= '0' && p->text[p->at] <= '9'; p->at++) {
    *number = 10 * *number + (uint32_t)(p->text[p->at] - '0');
    if (*number > BNC_EXPRESSION_TIMES) fail(p, BNC_ERROR_LIMIT, "more than 65535 times");
  }
  return p->at > before;
}

/* {n}, {n,} or {n,m}; anything else in braces is text. */
static bool take_braces(parser *p, uint32_t *least, uint32_t *most) {
  const size_t before = p->at;
  if (take(p, '{') && take_number(p, least)) {
    *most = *least;
    if (take(p, ',') && !take_number(p, most)) *most = BNC_EXPRESSION_ENDLESS;
    if (take(p, '}')) {
      if (*most < *least) fail(p, BNC_ERROR_FORMAT, "fewer times at most than at least");
      return true;
    }
  }
  p->at = before;
  return false;
}

static uint32_t take_repeated(parser *p) {
  const uint32_t atom = take_atom(p);
  bnc_expression_node node = {.kind = BNC_EXPRESSION_REPEAT, .first = atom, .next = BNC_NFA_NONE, .most = BNC_EXPRESSION_ENDLESS};
  if (take(p, '+'))
    node.least = 1;
  else if (take(p, '?'))
    node.most = 1;
  else if (!take(p, '*') && !take_braces(p, &node.least, &node.most))
    return atom;
  take(p, '?'); /* reluctant: the same texts */
  if (next_is(p, '*') || next_is(p, '+') || next_is(p, '?')) fail(p, BNC_ERROR_UNSUPPORTED, "a repetition of a repetition: use a group");
  return add_node(p, node);
}

static uint32_t take_sequence(parser *p, bool whole) {
  bnc_expression_node node = {.kind = BNC_EXPRESSION_SEQUENCE, .first = BNC_NFA_NONE, .next = BNC_NFA_NONE};
  uint32_t last = BNC_NFA_NONE;
  node.begins = whole && take(p, '^');
  while (more(p) && !next_is(p, '|') && !next_is(p, ')')) {
    if (whole && next_is(p, '$') && (p->at + 1 == p->size || p->text[p->at + 1] == '|')) {
      node.ends = take(p, '$');
      break;
    }
    const uint32_t part = take_repeated(p);
    if (p->status != BNC_OK) return 0;
    p->out->nodes[part].next = BNC_NFA_NONE;
    if (last == BNC_NFA_NONE)
      node.first = part;
    else
      p->out->nodes[last].next = part;
    last = part;
  }
  return add_node(p, node);
}

static uint32_t take_choice(parser *p, bool whole) {
  bnc_expression_node node = {.kind = BNC_EXPRESSION_CHOICE, .next = BNC_NFA_NONE};
  uint32_t last = node.first = take_sequence(p, whole);
  while (take(p, '|')) {
    const uint32_t branch = take_sequence(p, whole);
    if (p->status != BNC_OK) return 0;
    p->out->nodes[last].next = branch;
    last = branch;
  }
  return add_node(p, node);
}

bnc_status bnc_expression_parse(bnc_expression *expression, const char *text, size_t size, bnc_error *err) {
  parser p = {.out = expression, .text = text, .size = size, .err = err};
  *expression = (bnc_expression){0};
  if (size > BNC_EXPRESSION_BYTES)
    return bnc_fail(err, BNC_ERROR_LIMIT, "the regular expression has %zu bytes, expected at most %zu", size, BNC_EXPRESSION_BYTES);
  expression->root = take_choice(&p, true);
  if (more(&p)) fail(&p, BNC_ERROR_FORMAT, "a ) without its (");
  if (p.status != BNC_OK) bnc_expression_free(expression);
  return p.status;
}
