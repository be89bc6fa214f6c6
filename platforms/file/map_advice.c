/* SPDX-License-Identifier: Apache-2.0 */
#include "platforms/file/map_advice.h"

#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MADV_COLD
#define MADV_COLD 20 /* these two: Linux 5.4; older ones refuse them */
#endif
#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT 21
#endif

static void advise(uintptr_t from, uintptr_t to, int advice) {
  if (from < to) madvise((void *)from, to - from, advice);
}

void bnc_map_fetch(const void *from, size_t size) {
  const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), start = (uintptr_t)from;
  advise(start & ~(page - 1), start + size, MADV_WILLNEED);
}

/* The pages that lie in the range as a whole. before: advice for them as long as they are there, since a page that was read lately is kept
 * by the system otherwise. */
static void let_go(const void *from, size_t size, int before) {
  const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), start = (uintptr_t)from;
  const uintptr_t first = (start + page - 1) & ~(page - 1), end = (start + size) & ~(page - 1);
  advise(first, end, before);
  advise(first, end, MADV_DONTNEED);
}

void bnc_map_prefer_large(const void *from, size_t size) {
#ifdef MADV_HUGEPAGE
  const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), start = (uintptr_t)from;
  advise(start & ~(page - 1), start + size, MADV_HUGEPAGE);
#else
  (void)from;
  (void)size;
#endif
}

void bnc_map_put_away(const void *from, size_t size) { let_go(from, size, MADV_COLD); }
void bnc_map_give_up(const void *from, size_t size) { let_go(from, size, MADV_PAGEOUT); }
