/* SPDX-License-Identifier: Apache-2.0 */
#include "platforms/base/digest.h"

#include <sodium.h>
#include <string.h>

_Static_assert(sizeof(crypto_generichash_state) <= sizeof(bnc_digest_state), "the state fits");
_Static_assert(_Alignof(crypto_generichash_state) <= _Alignof(bnc_digest_state), "the state is aligned");

static crypto_generichash_state *state_of(bnc_digest_state *state) { return (crypto_generichash_state *)(void *)state->opaque; }

void bnc_digest_begin(bnc_digest_state *state) {
  const int chosen = sodium_init(); /* the CPU's best code, once per process; without it the portable code serves */
  (void)chosen;
  (void)crypto_generichash_init(state_of(state), NULL, 0, BNC_DIGEST_BYTES);
}

void bnc_digest_add(bnc_digest_state *state, const void *data, size_t size) {
  if (size > 0) (void)crypto_generichash_update(state_of(state), data, size);
}

bnc_digest bnc_digest_end(bnc_digest_state *state) {
  bnc_digest digest;
  (void)crypto_generichash_final(state_of(state), digest.byte, sizeof digest.byte);
  return digest;
}

bnc_digest bnc_digest_of(const void *data, size_t size) {
  bnc_digest_state state;
  bnc_digest_begin(&state);
  bnc_digest_add(&state, data, size);
  return bnc_digest_end(&state);
}

bool bnc_digest_equal(const bnc_digest *a, const bnc_digest *b) { return memcmp(a->byte, b->byte, sizeof a->byte) == 0; }

void bnc_digest_text(const bnc_digest *digest, size_t bytes, char *text) {
  static const char digits[] = "0123456789abcdef";
  for (size_t i = 0; i < bytes; i++) {
    text[2 * i] = digits[digest->byte[i] >> 4];
    text[2 * i + 1] = digits[digest->byte[i] & 15];
  }
  text[2 * bytes] = 0;
}
