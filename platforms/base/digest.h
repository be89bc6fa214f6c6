/* SPDX-License-Identifier: Apache-2.0 */
/** @file digest.h  BLAKE2b-256: for whatever somebody might want to forge. Accidents are XXH3's, which is twenty times as fast. */
#ifndef BINOCLE_PLATFORMS_BASE_DIGEST_H
#define BINOCLE_PLATFORMS_BASE_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BNC_DIGEST_BYTES 32

typedef struct bnc_digest {
  uint8_t byte[BNC_DIGEST_BYTES];
} bnc_digest;

/** A digest in the making; needs no memory of its own and no end. */
typedef struct bnc_digest_state {
  _Alignas(64) uint8_t opaque[384];
} bnc_digest_state;

void bnc_digest_begin(bnc_digest_state *state);
void bnc_digest_add(bnc_digest_state *state, const void *data, size_t size);
/** The state must be begun anew afterwards. */
bnc_digest bnc_digest_end(bnc_digest_state *state);

bnc_digest bnc_digest_of(const void *data, size_t size);
bool bnc_digest_equal(const bnc_digest *a, const bnc_digest *b);

/** Lower-case hexadecimal of the first `bytes` bytes, NUL behind. text [2 * bytes + 1]. */
void bnc_digest_text(const bnc_digest *digest, size_t bytes, char *text);

#endif
