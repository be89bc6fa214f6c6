/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/text/utf8.h"

#include <string.h>

int bnc_utf8_next(const char *text, size_t size) {
  const uint8_t *s = (const uint8_t *)text;
  uint8_t first = s[0];
  if (first < 0x80) return 1;
  int length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4) return -1;
  /* Only the second byte has a narrower range: it excludes overlong forms, surrogates and what lies above U+10FFFF. */
  uint8_t low = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
  uint8_t high = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
  for (int i = 1; i < length; i++) {
    if ((size_t)i >= size) return 0;
    if (s[i] < low || s[i] > high) return -i;
    low = 0x80;
    high = 0xBF;
  }
  return length;
}

uint32_t bnc_utf8_code(const char *text, int length) {
  const uint8_t *s = (const uint8_t *)text;
  switch (length) {
    case 1: return s[0];
    case 2: return (s[0] & 0x1Fu) << 6 | (s[1] & 0x3Fu);
    case 3: return (s[0] & 0x0Fu) << 12 | (s[1] & 0x3Fu) << 6 | (s[2] & 0x3Fu);
    default: return (s[0] & 0x07u) << 18 | (s[1] & 0x3Fu) << 12 | (s[2] & 0x3Fu) << 6 | (s[3] & 0x3Fu);
  }
}

size_t bnc_utf8_write(uint32_t code, char out[4]) {
  if (code < 0x80) {
    out[0] = (char)code;
    return 1;
  }
  size_t length = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  static const uint8_t lead[5] = {0, 0, 0xC0, 0xE0, 0xF0};
  for (size_t i = length - 1; i > 0; i--, code >>= 6) out[i] = (char)(0x80 | (code & 0x3F));
  out[0] = (char)(lead[length] | code);
  return length;
}

size_t bnc_utf8_check(const char *text, size_t size) {
  size_t at = 0;
  while (at < size) {
    uint64_t eight;
    if (size - at >= sizeof eight) {
      memcpy(&eight, text + at, sizeof eight);
      if (!(eight & 0x8080808080808080u)) {
        at += sizeof eight;
        continue;
      }
    }
    int length = bnc_utf8_next(text + at, size - at);
    if (length <= 0) return at;
    at += (size_t)length;
  }
  return size;
}
