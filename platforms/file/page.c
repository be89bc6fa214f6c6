/* SPDX-License-Identifier: Apache-2.0 */
#include "platforms/file/page.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "platforms/base/mem.h"

#define FIRST_SIZE 4096u

void bnc_page_print(bnc_page *p, const char *format, ...) {
  for (int attempt = 0; attempt < 2 && !p->failed; attempt++) {
    va_list args;
    va_start(args, format);
    int n = vsnprintf(p->text ? p->text + p->size : NULL, p->room - p->size, format, args);
    va_end(args);
    if (n < 0) break;
    if ((size_t)n < p->room - p->size) {
      p->size += (size_t)n;
      return;
    }
    size_t room = 2 * p->room + (size_t)n + FIRST_SIZE;
    char *grown = bnc_mem_realloc(p->text, room);
    if (!grown) break;
    p->text = grown;
    p->room = room;
  }
  p->failed = true;
}

void bnc_page_fixed(bnc_page *p, double value) {
  long long hundredths = llround(value * 100.0);
  unsigned long long size = hundredths < 0 ? 0ull - (unsigned long long)hundredths : (unsigned long long)hundredths;
  bnc_page_print(p, "%s%llu.%02llu", hundredths < 0 ? "-" : "", size / 100, size % 100);
}

static void print_scaled(bnc_page *p, uint64_t value, const char *const *units) {
  uint64_t divisor = 1;
  int unit = 0;
  while (value / divisor >= 1000 && unit < 5) {
    divisor *= 1000;
    unit++;
  }
  uint64_t whole = value / divisor, rest = value % divisor;
  if (unit == 0 || whole >= 100)
    bnc_page_print(p, "%llu %s", (unsigned long long)whole, units[unit]);
  else if (whole >= 10)
    bnc_page_print(p, "%llu.%llu %s", (unsigned long long)whole, (unsigned long long)(rest / (divisor / 10)), units[unit]);
  else
    bnc_page_print(p, "%llu.%02llu %s", (unsigned long long)whole, (unsigned long long)(rest / (divisor / 100 ? divisor / 100 : 1)),
                   units[unit]);
}

void bnc_page_bytes(bnc_page *p, uint64_t bytes) {
  static const char *const units[] = {"B", "KB", "MB", "GB", "TB", "PB"};
  print_scaled(p, bytes, units);
}

void bnc_page_count(bnc_page *p, uint64_t count) {
  static const char *const units[] = {"", "K", "M", "G", "T", "P"};
  print_scaled(p, count, units);
}

bnc_status bnc_page_finish(bnc_page *p, char **text, bnc_error *err) {
  *text = NULL;
  if (!p->text && !p->failed) bnc_page_print(p, "%s", "");
  if (p->failed) {
    size_t room = p->room;
    bnc_mem_free(p->text);
    *p = (bnc_page){0};
    return bnc_fail_memory(err, 2 * room + FIRST_SIZE);
  }
  *text = p->text;
  *p = (bnc_page){0};
  return BNC_OK;
}
