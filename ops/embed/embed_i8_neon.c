/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/simd/v16_neon.h"

#include "ops/embed/embed_v16.h"

void bnc_embed_i8_neon(const bnc_embed_args *args, size_t from, size_t to) { embed_i8(args, from, to); }
