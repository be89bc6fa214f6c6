/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/text/nfc.h"

#include <string.h>

#include "platforms/base/array.h"
#include "platforms/base/mem.h"
#include "runtime/text/nfc_table.h"
#include "runtime/text/utf8.h"

/* Hangul (The Unicode Standard, 3.12): a syllable is a leading consonant, a vowel and maybe a trailing consonant. */
enum { S_BASE = 0xAC00, L_BASE = 0x1100, V_BASE = 0x1161, T_BASE = 0x11A7, L_COUNT = 19, V_COUNT = 21, T_COUNT = 28, S_COUNT = 11172 };

typedef struct codes {
  uint32_t *data; /* [capacity], the first `count` are in use */
  size_t count, capacity;
} codes;

static uint32_t class_of(uint32_t code) {
  size_t low = 0, high = bnc_nfc_class_count;
  if (code < 0x300) return 0;
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    if (bnc_nfc_classes[middle].last < code)
      low = middle + 1;
    else
      high = middle;
  }
  return low < bnc_nfc_class_count && bnc_nfc_classes[low].first <= code ? bnc_nfc_classes[low].combining : 0;
}

static const bnc_nfc_parts *parts_of(uint32_t code) {
  size_t low = 0, high = bnc_nfc_decomposition_count;
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    if (bnc_nfc_decompositions[middle].code < code)
      low = middle + 1;
    else
      high = middle;
  }
  return low < bnc_nfc_decomposition_count && bnc_nfc_decompositions[low].code == code ? &bnc_nfc_decompositions[low] : NULL;
}

/* 0: the two do not compose. */
static uint32_t composed(uint32_t first, uint32_t second) {
  if (first - L_BASE < L_COUNT && second - V_BASE < V_COUNT) return S_BASE + ((first - L_BASE) * V_COUNT + second - V_BASE) * T_COUNT;
  if (first - S_BASE < S_COUNT && (first - S_BASE) % T_COUNT == 0 && second - T_BASE - 1 < T_COUNT - 1) return first + second - T_BASE;
  size_t low = 0, high = bnc_nfc_composition_count;
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    const bnc_nfc_parts *p = &bnc_nfc_decompositions[bnc_nfc_compositions[middle]];
    if (p->first < first || (p->first == first && p->second < second))
      low = middle + 1;
    else
      high = middle;
  }
  if (low == bnc_nfc_composition_count) return 0;
  const bnc_nfc_parts *p = &bnc_nfc_decompositions[bnc_nfc_compositions[low]];
  return p->first == first && p->second == second ? p->code : 0;
}

/* Room is there: no code point has more than four parts. */
static void decompose(uint32_t code, codes *out) {
  const uint32_t s = code - S_BASE;
  uint32_t behind[4];
  size_t count = 0;
  if (s < S_COUNT) {
    out->data[out->count++] = L_BASE + s / (V_COUNT * T_COUNT);
    out->data[out->count++] = V_BASE + s % (V_COUNT * T_COUNT) / T_COUNT;
    if (s % T_COUNT) out->data[out->count++] = T_BASE + s % T_COUNT;
    return;
  }
  const bnc_nfc_parts *p = parts_of(code);
  while (p && count < 4) {
    if (p->second) behind[count++] = p->second;
    code = p->first;
    p = parts_of(code);
  }
  out->data[out->count++] = code;
  while (count) out->data[out->count++] = behind[--count];
}

/* Marks in the order of their classes, those of one class in their own: by counting, since a text may have any number in a row. */
static bnc_status sort_marks(uint32_t *marks, size_t count, bnc_error *err) {
  size_t place[257] = {0};
  uint32_t *sorted = bnc_mem_array(count, sizeof *sorted);
  if (!sorted) return bnc_fail_memory(err, count * sizeof *sorted);
  for (size_t i = 0; i < count; i++) place[class_of(marks[i]) + 1]++;
  for (size_t i = 1; i < 257; i++) place[i] += place[i - 1];
  for (size_t i = 0; i < count; i++) sorted[place[class_of(marks[i])]++] = marks[i];
  memcpy(marks, sorted, count * sizeof *sorted);
  bnc_mem_free(sorted);
  return BNC_OK;
}

static bnc_status order(codes *c, bnc_error *err) {
  bnc_status status = BNC_OK;
  for (size_t from = 0, to; status == BNC_OK && from < c->count; from = to) {
    bool sorted = true;
    uint32_t last = class_of(c->data[from]);
    for (to = from + 1; last && to < c->count; to++) {
      const uint32_t here = class_of(c->data[to]);
      if (!here) break;
      if (here < last) sorted = false;
      last = here;
    }
    if (!sorted) status = sort_marks(c->data + from, to - from, err);
  }
  return status;
}

/* A mark joins the last starter unless one between them has its class or a higher one. */
static void compose(codes *c) {
  size_t made = 0, starter = SIZE_MAX;
  uint32_t last = 0;
  for (size_t i = 0; i < c->count; i++) {
    const uint32_t code = c->data[i], mark = class_of(code);
    const bool reaches = starter != SIZE_MAX && (made - 1 == starter || last < mark);
    const uint32_t joined = reaches ? composed(c->data[starter], code) : 0;
    if (joined) {
      c->data[starter] = joined;
      continue;
    }
    if (!mark) starter = made;
    last = mark;
    c->data[made++] = code;
  }
  c->count = made;
}

/* A stretch that begins with an ASCII character, or with the text: nothing of what follows joins anything before it. */
static bnc_status append_stretch(const char *text, size_t size, codes *c, bnc_text *out, bnc_error *err) {
  char bytes[4];
  c->count = 0;
  for (size_t at = 0; at < size;) {
    const int length = bnc_utf8_next(text + at, size - at);
    if (length <= 0) return bnc_fail(err, BNC_ERROR_INTERNAL, "tokenizer: a piece of text is not UTF-8");
    if (!bnc_array_reserve(&c->data, &c->capacity, c->count + 4, sizeof *c->data)) return bnc_fail_memory(err, c->count * sizeof *c->data);
    decompose(bnc_utf8_code(text + at, length), c);
    at += (size_t)length;
  }
  bnc_status status = order(c, err);
  if (status == BNC_OK) compose(c);
  for (size_t i = 0; status == BNC_OK && i < c->count; i++) status = bnc_text_append(out, bytes, bnc_utf8_write(c->data[i], bytes), err);
  return status;
}

bnc_status bnc_nfc_append(const char *text, size_t size, bnc_text *out, bnc_error *err) {
  codes c = {NULL, 0, 0};
  bnc_status status = bnc_text_reserve(out, size, err);
  for (size_t from = 0, to; status == BNC_OK && from < size; from = to) {
    bool plain = true; /* below U+0300 nothing joins, and all is composed */
    for (to = from; to < size && (to == from || plain || (uint8_t)text[to] >= 0x80); to++)
      if ((uint8_t)text[to] >= 0xCC) plain = false;
    size_t head = to - from; /* what needs no look, up to the last ASCII character before the first mark */
    if (!plain) {
      head = 0;
      for (size_t i = from; i < to && (uint8_t)text[i] < 0xCC; i++)
        if ((uint8_t)text[i] < 0x80) head = i - from;
    }
    status = bnc_text_append(out, text + from, head, err);
    if (status == BNC_OK && head < to - from) status = append_stretch(text + from + head, to - from - head, &c, out, err);
  }
  bnc_mem_free(c.data);
  return status;
}
