/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "runtime/constrain/json_text.h"

/* The letter behind the backslash, or 0. */
static char short_escape(uint32_t code) {
  static const char codes[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
  const char *known = code && code < 0x80 ? strchr(codes, (int)code) : NULL;
  return known ? letters[known - codes] : 0;
}

static bool must_be_escaped(uint32_t code) { return code < 0x20 || code == '"' || code == '\\'; }

static void write_escape(bnc_nfa *nfa, uint32_t from, uint32_t code, uint32_t to) {
  char text[8] = {'\\', short_escape(code)};
  if (!text[1]) snprintf(text, sizeof text, "\\u%04x", (unsigned)code);
  bnc_nfa_jump(nfa, bnc_nfa_text(nfa, from, text, strlen(text)), to);
}

void bnc_json_write_characters(bnc_nfa *nfa, uint32_t from, const bnc_characters *set, uint32_t to) {
  bnc_characters plain = {.count = 0};
  for (size_t i = 0; i < set->count; i++) {
    uint32_t low = set->range[i].low;
    if (plain.count > BNC_CHARACTERS_RANGES / 2) { /* what is escaped cuts a range into up to 35 */
      bnc_nfa_characters(nfa, from, &plain, to);
      plain.count = 0;
    }
    for (uint32_t code = low; code <= set->range[i].high && code <= '\\'; code++) {
      if (!must_be_escaped(code)) continue;
      write_escape(nfa, from, code, to);
      if (code > low) bnc_characters_add(&plain, low, code - 1);
      low = code + 1;
    }
    if (low <= set->range[i].high) bnc_characters_add(&plain, low, set->range[i].high);
  }
  bnc_nfa_characters(nfa, from, &plain, to);
}

static void write_hex(bnc_nfa *nfa, uint32_t from, uint32_t to) {
  bnc_nfa_bytes(nfa, from, '0', '9', to);
  bnc_nfa_bytes(nfa, from, 'A', 'F', to);
  bnc_nfa_bytes(nfa, from, 'a', 'f', to);
}

/* Four digits of a character, or of the two halves of a pair. */
static void write_unicode_escape(bnc_nfa *nfa, uint32_t from, uint32_t to) {
  uint32_t left[4] = {to, bnc_nfa_state(nfa), bnc_nfa_state(nfa), bnc_nfa_state(nfa)}; /* so many digits to go */
  const uint32_t d = bnc_nfa_state(nfa), high = bnc_nfa_state(nfa), high_last = bnc_nfa_state(nfa), middle = bnc_nfa_state(nfa);
  for (size_t i = 1; i < 4; i++) write_hex(nfa, left[i], left[i - 1]);
  bnc_nfa_bytes(nfa, from, '0', '9', left[3]);
  for (int upper = 0; upper < 2; upper++) {
    const uint8_t shift = upper ? 'A' - 'a' : 0;
    bnc_nfa_bytes(nfa, from, (uint8_t)('a' + shift), (uint8_t)('c' + shift), left[3]);
    bnc_nfa_bytes(nfa, from, (uint8_t)('e' + shift), (uint8_t)('f' + shift), left[3]);
    bnc_nfa_bytes(nfa, from, (uint8_t)('d' + shift), (uint8_t)('d' + shift), d);
    bnc_nfa_bytes(nfa, d, (uint8_t)('a' + shift), (uint8_t)('b' + shift), high);
  }
  bnc_nfa_bytes(nfa, d, '0', '7', left[2]);
  bnc_nfa_bytes(nfa, d, '8', '9', high);
  write_hex(nfa, high, high_last);
  write_hex(nfa, high_last, middle);
  const uint32_t second = bnc_nfa_text(nfa, middle, "\\u", 2), low = bnc_nfa_state(nfa);
  for (int upper = 0; upper < 2; upper++) {
    const uint8_t shift = upper ? 'A' - 'a' : 0;
    bnc_nfa_bytes(nfa, second, (uint8_t)('d' + shift), (uint8_t)('d' + shift), low);
    bnc_nfa_bytes(nfa, low, (uint8_t)('c' + shift), (uint8_t)('f' + shift), left[2]);
  }
}

static void write_any_character(bnc_nfa *nfa, uint32_t from, uint32_t to) {
  static const char letters[] = "\"\\/bfnrt";
  const bnc_characters plain = {{{' ', '!'}, {'#', '['}, {']', BNC_CHARACTER_LAST}}, 3};
  bnc_nfa_characters(nfa, from, &plain, to);
  const uint32_t escape = bnc_nfa_text(nfa, from, "\\", 1);
  for (const char *c = letters; *c; c++) bnc_nfa_bytes(nfa, escape, (uint8_t)*c, (uint8_t)*c, to);
  write_unicode_escape(nfa, bnc_nfa_text(nfa, escape, "u", 1), to);
}

uint32_t bnc_json_write_string(bnc_nfa *nfa, uint32_t from, uint32_t least, uint32_t most) {
  uint32_t at = bnc_nfa_text(nfa, from, "\"", 1);
  const uint32_t end = bnc_nfa_state(nfa);
  for (uint32_t i = 0; (i < least || (i < most && most != BNC_JSON_ENDLESS)) && bnc_nfa_goes_on(nfa); i++) {
    const uint32_t next = bnc_nfa_state(nfa);
    if (i >= least) bnc_nfa_jump(nfa, at, end);
    write_any_character(nfa, at, next);
    at = next;
  }
  bnc_nfa_jump(nfa, at, end);
  if (most == BNC_JSON_ENDLESS) write_any_character(nfa, end, end);
  return bnc_nfa_text(nfa, end, "\"", 1);
}
