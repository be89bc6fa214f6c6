/* SPDX-License-Identifier: Apache-2.0 */
/** @file preamble.h  The rows that every first question of a model begins with: what its template and the system text say in front of it.
    Their keys and values are computed once and kept in the folder of packed weights, one file for each model, machine, build and wording.

    A file is PREAMBLE-MACHINE.bncrows (0600); PREAMBLE is BLAKE2b over all that its bits depend on: the model's content, the build, the
   level of its kernels, who multiplies, the type of the cache, the ids. It is believed as packed weights are (packed_cache.h): where nobody
   else can have written it, and where its checksums hold. Anything else is passed over, and computed and written anew. */
#ifndef BINOCLE_RUNTIME_API_PREAMBLE_H
#define BINOCLE_RUNTIME_API_PREAMBLE_H

#include "runtime/api/session_private.h"

/** How many of a first prompt's rows, of `total`, are the preamble's and worth keeping; 0: none. preamble may be NULL. */
size_t bnc_preamble_rows(const bnc_session *session, const bnc_ids *preamble, const int32_t *ids, size_t count, size_t total);
/** Puts what a file keeps into the cache, as the session's opening; false: there is none that can be used, and nothing has changed. */
bool bnc_preamble_take(bnc_session *session, const bnc_ids *preamble);
/** Keeps the cache's first `rows` rows, which are the preamble's ids and all that it holds. What forbids it is logged. */
void bnc_preamble_keep(bnc_session *session, const bnc_ids *preamble, size_t rows);

#endif
