/* SPDX-License-Identifier: Apache-2.0 */
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "ops/checksum/checksum.h"

uint64_t bnc_checksum_xxh3_scalar(const void *data, size_t size) { return XXH3_64bits(data, size); }
