/* SPDX-License-Identifier: Apache-2.0 */
/* xxHash's header takes the vectors that the level's flags allow. */
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "ops/checksum/checksum.h"

uint64_t BNC_AT_LEVEL(checksum_xxh3)(const void *data, size_t size) { return XXH3_64bits(data, size); }
