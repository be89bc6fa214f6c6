/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file inline.h  BNC_INLINE: a function that kernels are put together from; BNC_UNROLL(n): a loop of theirs. Both must be copied to where
 * they are used, so that constants reach them and arrays of vectors live in registers. Builds with sanitizers leave that to the compiler:
 * what they check is the same in one copy as in forty, which take it minutes per file.
 */
#ifndef BINOCLE_OPS_INLINE_H
#define BINOCLE_OPS_INLINE_H

#ifdef BINOCLE_SANITIZED
#define BNC_INLINE static inline __attribute__((unused))
#define BNC_UNROLL(n)
#else
#define BNC_INLINE static inline __attribute__((always_inline, unused))
#define BNC_UNROLL(n) BNC_PRAGMA(GCC unroll n)
#define BNC_PRAGMA(text) _Pragma(#text)
#endif

#endif
