/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/program/serve/base64.h"

/* The value of a character, or 64. */
static uint32_t value_of(char c) {
  if (c >= 'A' && c <= 'Z') return (uint32_t)(c - 'A');
  if (c >= 'a' && c <= 'z') return (uint32_t)(c - 'a') + 26;
  if (c >= '0' && c <= '9') return (uint32_t)(c - '0') + 52;
  return c == '+' ? 62 : c == '/' ? 63 : 64;
}

bool bnc_base64_decode(const char *text, size_t length, uint8_t *bytes, size_t *count) {
  size_t padding = 0, written = 0;
  while (padding < 2 && padding < length && text[length - 1 - padding] == '=') padding++;
  const size_t digits = length - padding;
  uint32_t group = 0;
  for (size_t i = 0; i < digits; i++) {
    const uint32_t value = value_of(text[i]);
    if (value == 64) {
      *count = i;
      return false;
    }
    group = group << 6 | value;
    if (i % 4 != 3) continue;
    bytes[written++] = (uint8_t)(group >> 16);
    bytes[written++] = (uint8_t)(group >> 8);
    bytes[written++] = (uint8_t)group;
    group = 0;
  }
  *count = digits;
  if (length % 4 != 0 || digits % 4 == 1) return false;
  if (padding == 1) {
    if (group & 3) return false;
    bytes[written++] = (uint8_t)(group >> 10);
    bytes[written++] = (uint8_t)(group >> 2);
  } else if (padding == 2) {
    if (group & 15) return false;
    bytes[written++] = (uint8_t)(group >> 4);
  }
  *count = written;
  return true;
}
