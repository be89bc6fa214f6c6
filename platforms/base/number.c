/* SPDX-License-Identifier: Apache-2.0 */
#include "platforms/base/number.h"

static unsigned digit_of(char c) {
  if (c >= '0' && c <= '9') return (unsigned)(c - '0');
  if (c >= 'a' && c <= 'f') return (unsigned)(c - 'a') + 10;
  if (c >= 'A' && c <= 'F') return (unsigned)(c - 'A') + 10;
  return 99;
}

bool bnc_number_u64(const char **text, unsigned base, uint64_t *value) {
  const char *p = *text;
  uint64_t v = 0;
  bool fits = true;
  if (base == 16 && p[0] == '0' && (p[1] == 'x' || p[1] == 'X') && digit_of(p[2]) < 16) p += 2;
  const char *first = p;
  for (unsigned d; (d = digit_of(*p)) < base; p++) fits = fits && !__builtin_mul_overflow(v, base, &v) && !__builtin_add_overflow(v, d, &v);
  *value = fits ? v : 0;
  *text = p;
  return fits && p > first;
}

uint64_t bnc_number_or_zero(const char *text, unsigned base) {
  uint64_t v;
  return bnc_number_u64(&text, base, &v) ? v : 0;
}

bool bnc_number_decimal(const char **text, double *value) {
  const char *p = *text;
  double v = 0, scale = 1;
  bool any = false;
  for (; digit_of(*p) < 10; p++, any = true) v = v * 10 + digit_of(*p);
  if (*p == '.')
    for (p++; digit_of(*p) < 10; p++, any = true) {
      scale *= 10;
      v = v * 10 + digit_of(*p);
    }
  *value = v / scale;
  *text = p;
  return any && v < 1e300 && scale < 1e300;
}
