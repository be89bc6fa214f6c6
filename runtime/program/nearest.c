/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/program/nearest.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define LETTERS 31

static size_t least(size_t a, size_t b) { return a < b ? a : b; }

static char small(char c) { return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c; }

size_t bnc_edit_distance(const char *a, const char *b) {
  size_t row[3][LETTERS + 1]; /* of the last two letters of a, and of this one, to every beginning of b */
  const size_t n = strlen(a), m = strlen(b);
  if (n > LETTERS || m > LETTERS) return SIZE_MAX;
  for (size_t k = 0; k <= m; k++) row[0][k] = k;
  for (size_t i = 1; i <= n; i++) {
    size_t *now = row[i % 3], *last = row[(i + 2) % 3], *before = row[(i + 1) % 3];
    now[0] = i;
    for (size_t k = 1; k <= m; k++) {
      now[k] = least(least(last[k], now[k - 1]) + 1, last[k - 1] + (small(a[i - 1]) != small(b[k - 1])));
      if (i > 1 && k > 1 && a[i - 1] == b[k - 2] && a[i - 2] == b[k - 1]) now[k] = least(now[k], before[k - 2] + 1);
    }
  }
  return row[n % 3][m];
}

void bnc_nearest_offer(bnc_nearest *nearest, const char *name) {
  const size_t length = strlen(nearest->typed);
  const size_t slips = length < 6 ? 1 : length / 3;
  size_t distance = bnc_edit_distance(nearest->typed, name);
  if (distance > slips && length >= 3 && strncmp(nearest->typed, name, length) == 0) distance = slips;
  if (distance > slips || distance >= length || (nearest->name && distance >= nearest->distance)) return;
  nearest->name = name;
  nearest->distance = distance;
}

const char *bnc_nearest_say(const bnc_nearest *nearest, const char *dashes, char out[96]) {
  out[0] = '\0';
  if (nearest->name) snprintf(out, 96, "; did you mean '%s%s'?", dashes, nearest->name);
  return out;
}
