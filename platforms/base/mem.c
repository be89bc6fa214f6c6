/* SPDX-License-Identifier: Apache-2.0 */
#include "platforms/base/mem.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

/* From here on blocks of zeros are pages of their own. */
#ifdef BINOCLE_EXACT_BLOCKS
#define LARGE SIZE_MAX
#define LEAST_OF_LARGE_PAGES SIZE_MAX
#else
#define LARGE ((size_t)4 << 20)
#define LEAST_OF_LARGE_PAGES (LARGE_PAGE / 2)
#endif
#define LARGE_PAGE ((size_t)2 << 20)

/* Each block starts with a header of one alignment unit that holds its size, for the live and peak figures and for realloc. */
typedef struct block_header {
  size_t size;
  size_t mapped; /* bytes of pages that begin with this header; 0: the block is the C library's */
} block_header;

static _Atomic size_t live_bytes, peak_bytes;
static _Atomic uint64_t allocation_count;
static _Atomic long long fail_after = -1;

static int must_fail(void) {
  long long left = atomic_load_explicit(&fail_after, memory_order_relaxed);
  if (left < 0) return 0;
  if (left == 0) return 1;
  atomic_fetch_sub_explicit(&fail_after, 1, memory_order_relaxed);
  return 0;
}

static void account(size_t size) {
  size_t now = atomic_fetch_add_explicit(&live_bytes, size, memory_order_relaxed) + size;
  size_t peak = atomic_load_explicit(&peak_bytes, memory_order_relaxed);
  while (now > peak && !atomic_compare_exchange_weak_explicit(&peak_bytes, &peak, now, memory_order_relaxed, memory_order_relaxed)) {
  }
}

static block_header *header_of(void *ptr) { return (block_header *)(void *)((char *)ptr - BNC_ALIGNMENT); }

/* The C library wants multiples of the alignment; the address sanitizer must see the exact end, where a block's neighbour would begin. */
static char *get_block(size_t size) {
  size_t total;
#ifdef BINOCLE_EXACT_BLOCKS
  void *block;
  return bnc_add_size(size, BNC_ALIGNMENT, &total) && posix_memalign(&block, BNC_ALIGNMENT, total) == 0 ? block : NULL;
#else
  if (!bnc_add_size(size, 2 * BNC_ALIGNMENT - 1, &total)) return NULL;
  return aligned_alloc(BNC_ALIGNMENT, total & ~(size_t)(BNC_ALIGNMENT - 1));
#endif
}

static void *begin_block(char *block, size_t size, size_t mapped) {
  if (!block) return NULL;
  *(block_header *)(void *)block = (block_header){size, mapped};
  atomic_fetch_add_explicit(&allocation_count, 1, memory_order_relaxed);
  account(size);
  return block + BNC_ALIGNMENT;
}

void *bnc_mem_alloc(size_t size) { return begin_block(must_fail() ? NULL : get_block(size), size, 0); }

/* Pages out of the system, which are zeros, and cost memory and time only once they are touched. large: whole large pages. */
static void *map_zeros(size_t size, bool large) {
  const size_t multiple = large ? LARGE_PAGE : 1;
  size_t total;
  if (!bnc_add_size(size, BNC_ALIGNMENT + multiple - 1, &total)) return NULL;
  total &= ~(multiple - 1);
  char *block = mmap(NULL, total, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
#ifdef MADV_HUGEPAGE
  if (large && block != MAP_FAILED) madvise(block, total, MADV_HUGEPAGE);
#endif
  return begin_block(block == MAP_FAILED ? NULL : block, size, total);
}

void *bnc_mem_zalloc(size_t size) {
  if (size >= LARGE) return must_fail() ? NULL : map_zeros(size, false);
  void *ptr = bnc_mem_alloc(size);
  return ptr ? memset(ptr, 0, size) : NULL;
}

void *bnc_mem_large(size_t size) {
  if (size < LEAST_OF_LARGE_PAGES) return bnc_mem_zalloc(size);
  return must_fail() ? NULL : map_zeros(size, true);
}

void *bnc_mem_array(size_t count, size_t size) {
  size_t bytes;
  return bnc_mul_size(count, size, &bytes) ? bnc_mem_zalloc(bytes) : NULL;
}

void *bnc_mem_realloc(void *ptr, size_t new_size) {
  void *grown = bnc_mem_alloc(new_size);
  if (!grown || !ptr) return grown;
  size_t old_size = header_of(ptr)->size;
  memcpy(grown, ptr, old_size < new_size ? old_size : new_size);
  bnc_mem_free(ptr);
  return grown;
}

void bnc_mem_free(void *ptr) {
  if (!ptr) return;
  block_header *header = header_of(ptr);
  atomic_fetch_sub_explicit(&live_bytes, header->size, memory_order_relaxed);
  if (header->mapped)
    munmap(header, header->mapped);
  else
    free(header);
}

char *bnc_mem_strndup(const char *text, size_t length) {
  size_t size;
  if (!bnc_add_size(length, 1, &size)) return NULL;
  char *copy = bnc_mem_alloc(size);
  if (!copy) return NULL;
  if (length) memcpy(copy, text, length);
  copy[length] = 0;
  return copy;
}

size_t bnc_mem_live(void) { return atomic_load_explicit(&live_bytes, memory_order_relaxed); }
size_t bnc_mem_peak(void) { return atomic_load_explicit(&peak_bytes, memory_order_relaxed); }
uint64_t bnc_mem_count(void) { return atomic_load_explicit(&allocation_count, memory_order_relaxed); }
void bnc_mem_fail_after(long long after) { atomic_store_explicit(&fail_after, after, memory_order_relaxed); }

void bnc_mem_trim(void) {
#ifdef __GLIBC__
  malloc_trim(0);
#endif
}
