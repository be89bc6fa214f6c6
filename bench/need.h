/* SPDX-License-Identifier: Apache-2.0 */
/** @file need.h  Memory of benchmarks, which end where there is none. */
#ifndef BINOCLE_BENCH_NEED_H
#define BINOCLE_BENCH_NEED_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "platforms/base/mem.h"

/** Zeros, aligned as the runtime's memory is. */
static inline void *bench_need(size_t size) {
  void *p = bnc_mem_zalloc(size);
  if (p) return p;
  fprintf(stderr, "%s: no memory for %zu bytes\n", program_invocation_short_name, size);
  exit(1);
}

#endif
