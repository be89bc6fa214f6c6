/* SPDX-License-Identifier: Apache-2.0 */
/** @file base64.h  Base64 (RFC 4648, section 4) as data: addresses carry it. */
#ifndef BINOCLE_RUNTIME_PROGRAM_SERVE_BASE64_H
#define BINOCLE_RUNTIME_PROGRAM_SERVE_BASE64_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Room for what `length` characters decode to. */
#define BNC_BASE64_ROOM(length) ((length) / 4 * 3 + 3)

/** Strict: no white space, padded to whole groups of 4, no bits set that no byte takes. bytes has BNC_BASE64_ROOM(length).
 * false: *count tells the character where it is wrong. */
bool bnc_base64_decode(const char *text, size_t length, uint8_t *bytes, size_t *count);

#endif
