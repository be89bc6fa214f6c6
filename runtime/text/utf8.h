/* SPDX-License-Identifier: Apache-2.0 */
/** @file utf8.h  UTF-8 as the Unicode standard defines it (table 3-7): no surrogates, no overlong forms, nothing above U+10FFFF. */
#ifndef BINOCLE_RUNTIME_TEXT_UTF8_H
#define BINOCLE_RUNTIME_TEXT_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Bytes of the character at text[0]: 1..4, 0 where the size bytes are the beginning of one that is cut off, or -n where the
 *  first n bytes are a maximal ill-formed part (what one U+FFFD replaces). size must not be 0. */
int bnc_utf8_next(const char *text, size_t size);

/** Code point of the well-formed character of `length` bytes at text. */
uint32_t bnc_utf8_code(const char *text, int length);

/** Writes code as UTF-8 and returns its length (1..4). */
size_t bnc_utf8_write(uint32_t code, char out[4]);

/** Offset of the first byte that is not part of a well-formed character; size where there is none. */
size_t bnc_utf8_check(const char *text, size_t size);

#define BNC_UTF8_REPLACEMENT "\xEF\xBF\xBD" /* U+FFFD */

#endif
