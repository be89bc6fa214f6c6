/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "runtime/constrain/json_text.h"

/* What a digit may be at one place: behind digits that equal both bounds' so far, the lower's, the upper's, or neither's. */
typedef struct digit_states {
  uint32_t both, low, high, between;
} digit_states;

static void write_digits(bnc_nfa *nfa, uint32_t from, char low, char high, uint32_t *to) {
  if (from == BNC_NFA_NONE || low > high) return;
  if (*to == BNC_NFA_NONE) *to = bnc_nfa_state(nfa);
  bnc_nfa_bytes(nfa, from, (uint8_t)low, (uint8_t)high, *to);
}

/* Numbers of as many digits as both bounds have. */
static void write_same_length(bnc_nfa *nfa, uint32_t from, const char *low, const char *high, uint32_t to) {
  digit_states at = {from, BNC_NFA_NONE, BNC_NFA_NONE, BNC_NFA_NONE};
  for (size_t i = 0; low[i]; i++) {
    digit_states next = {BNC_NFA_NONE, BNC_NFA_NONE, BNC_NFA_NONE, BNC_NFA_NONE};
    if (low[i] == high[i]) {
      write_digits(nfa, at.both, low[i], low[i], &next.both);
    } else {
      write_digits(nfa, at.both, low[i], low[i], &next.low);
      write_digits(nfa, at.both, high[i], high[i], &next.high);
      write_digits(nfa, at.both, (char)(low[i] + 1), (char)(high[i] - 1), &next.between);
    }
    write_digits(nfa, at.low, low[i], low[i], &next.low);
    write_digits(nfa, at.low, (char)(low[i] + 1), '9', &next.between);
    write_digits(nfa, at.high, high[i], high[i], &next.high);
    write_digits(nfa, at.high, '0', (char)(high[i] - 1), &next.between);
    write_digits(nfa, at.between, '0', '9', &next.between);
    at = next;
  }
  const uint32_t ends[] = {at.both, at.low, at.high, at.between};
  for (size_t i = 0; i < 4; i++)
    if (ends[i] != BNC_NFA_NONE) bnc_nfa_jump(nfa, ends[i], to);
}

/* 0 <= low <= high, without zeros in front. */
static void write_natural(bnc_nfa *nfa, uint32_t from, int64_t low, int64_t high, uint32_t to) {
  for (int64_t first = 0, last = 9; first <= high; first = last + 1, last = 10 * last + 9) {
    char lower[24], upper[24];
    if (last < low) continue;
    snprintf(lower, sizeof lower, "%lld", (long long)(first < low ? low : first));
    snprintf(upper, sizeof upper, "%lld", (long long)(last < high ? last : high));
    write_same_length(nfa, from, lower, upper, to);
  }
}

uint32_t bnc_json_write_integer(bnc_nfa *nfa, uint32_t from, int64_t low, int64_t high) {
  const uint32_t end = bnc_nfa_state(nfa);
  if (low < 0) write_natural(nfa, bnc_nfa_text(nfa, from, "-", 1), high < 0 ? -high : 1, -low, end);
  if (high >= 0) write_natural(nfa, from, low < 0 ? 0 : low, high, end);
  return end;
}

/* Up to `most` digits from '0' to high, at least one. */
static void write_digit_run(bnc_nfa *nfa, uint32_t from, char high, int most, uint32_t to) {
  for (int i = 0; i < most; i++) {
    const uint32_t next = bnc_nfa_state(nfa);
    bnc_nfa_bytes(nfa, from, '0', (uint8_t)high, next);
    bnc_nfa_jump(nfa, next, to);
    from = next;
  }
}

static void write_fraction(bnc_nfa *nfa, uint32_t from, char high, uint32_t to) {
  bnc_nfa_jump(nfa, from, to);
  write_digit_run(nfa, bnc_nfa_text(nfa, from, ".", 1), high, BNC_JSON_DIGITS, to);
}

/* A fraction that is more than nothing: some digit of it is no zero. */
static void write_some_fraction(bnc_nfa *nfa, uint32_t from, uint32_t to) {
  uint32_t zeros = bnc_nfa_text(nfa, from, ".", 1);
  for (int i = 0; i < BNC_JSON_DIGITS; i++) {
    const uint32_t some = bnc_nfa_state(nfa);
    bnc_nfa_bytes(nfa, zeros, '1', '9', some);
    bnc_nfa_jump(nfa, some, to);
    write_digit_run(nfa, some, '9', BNC_JSON_DIGITS - 1 - i, to);
    zeros = bnc_nfa_text(nfa, zeros, "0", 1);
  }
}

/* Numbers from low to high, 0 <= low <= high, without a sign. */
static void write_magnitude(bnc_nfa *nfa, uint32_t from, int64_t low, bool low_open, int64_t high, bool high_open, uint32_t to) {
  const uint32_t whole = bnc_nfa_state(nfa), first = bnc_nfa_state(nfa), last = bnc_nfa_state(nfa);
  if (low == high) {
    if (low_open || high_open) return;
  } else {
    if (high - low > 1) write_natural(nfa, from, low + 1, high - 1, whole);
    write_fraction(nfa, whole, '9', to);
    write_natural(nfa, from, low, low, first);
    if (low_open)
      write_some_fraction(nfa, first, to);
    else
      write_fraction(nfa, first, '9', to);
  }
  if (high_open) return;
  write_natural(nfa, from, high, high, last);
  write_fraction(nfa, last, '0', to);
}

static uint32_t write_any_number(bnc_nfa *nfa, uint32_t from) {
  const uint32_t end = bnc_nfa_state(nfa), whole = bnc_nfa_state(nfa), number = bnc_nfa_state(nfa), sign = bnc_nfa_state(nfa);
  write_natural(nfa, from, 0, BNC_JSON_LARGEST, whole);
  write_natural(nfa, bnc_nfa_text(nfa, from, "-", 1), 0, BNC_JSON_LARGEST, whole);
  write_fraction(nfa, whole, '9', number);
  bnc_nfa_jump(nfa, number, end);
  bnc_nfa_bytes(nfa, number, 'E', 'E', sign);
  bnc_nfa_bytes(nfa, number, 'e', 'e', sign);
  const uint32_t exponent = bnc_nfa_state(nfa);
  bnc_nfa_bytes(nfa, sign, '+', '+', exponent);
  bnc_nfa_bytes(nfa, sign, '-', '-', exponent);
  bnc_nfa_jump(nfa, sign, exponent);
  write_digit_run(nfa, exponent, '9', 2, end);
  return end;
}

uint32_t bnc_json_write_number(bnc_nfa *nfa, uint32_t from, bnc_json_bound low, bnc_json_bound high) {
  if (!low.given && !high.given) return write_any_number(nfa, from);
  const uint32_t end = bnc_nfa_state(nfa);
  if (!low.given) low = (bnc_json_bound){-BNC_JSON_LARGEST, true, false};
  if (!high.given) high = (bnc_json_bound){BNC_JSON_LARGEST, true, false};
  if (low.value < 0) {
    const bool below = high.value < 0; /* else down to what is next to zero */
    write_magnitude(nfa, bnc_nfa_text(nfa, from, "-", 1), below ? -high.value : 0, !below || high.open, -low.value, low.open, end);
  }
  if (high.value >= 0) {
    const bool above = low.value >= 0;
    write_magnitude(nfa, from, above ? low.value : 0, above && low.open, high.value, high.open, end);
  }
  return end;
}
