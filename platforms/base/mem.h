/* SPDX-License-Identifier: Apache-2.0 */
/** @file mem.h  The only place that allocates. Blocks are 64-byte aligned; sizes are checked for overflow; tests can make it fail. */
#ifndef BINOCLE_PLATFORMS_BASE_MEM_H
#define BINOCLE_PLATFORMS_BASE_MEM_H

#include <stddef.h>
#include <stdint.h>

#define BNC_ALIGNMENT 64

/** size bytes, uninitialised, or NULL. size 0 gives a valid block of its own. Free with bnc_mem_free. */
void *bnc_mem_alloc(size_t size);
/** As bnc_mem_alloc, zeroed. Of a large block pages that nobody touches take no memory. */
void *bnc_mem_zalloc(size_t size);
/** As bnc_mem_zalloc, on pages as large as the system has: for what is written and read all over again and again. Wide matrices' columns
 * lie in a small page each. */
void *bnc_mem_large(size_t size);
/** count * size bytes, zeroed; NULL where the product overflows. */
void *bnc_mem_array(size_t count, size_t size);
/** Grows a block to new_size bytes, keeping its content; the new part is uninitialised. NULL (and the old block untouched) on failure. ptr
 * may be NULL. */
void *bnc_mem_realloc(void *ptr, size_t new_size);
void bnc_mem_free(void *ptr);
/** A copy of length bytes of text with a NUL behind, or NULL. */
char *bnc_mem_strndup(const char *text, size_t length);

/** Hands freed memory back to the system where the C library keeps some: after work with large blocks. */
void bnc_mem_trim(void);

/** Bytes in live blocks now, and the most that there ever were (process-wide). */
size_t bnc_mem_live(void);
size_t bnc_mem_peak(void);
/** Allocations made so far: a running program must not move it. */
uint64_t bnc_mem_count(void);

/** Tests: the allocation after the next `after` ones fails, and each one after it. A negative value switches failing off. */
void bnc_mem_fail_after(long long after);

/** *out = a * b (+ c); false where that overflows. */
static inline int bnc_mul_size(size_t a, size_t b, size_t *out) { return !__builtin_mul_overflow(a, b, out); }
static inline int bnc_add_size(size_t a, size_t b, size_t *out) { return !__builtin_add_overflow(a, b, out); }

#endif
