/* SPDX-License-Identifier: Apache-2.0 */
/** @file mutate_bnc.h  Changes a model file as one who knows the format would: operands move, overlap, shrink and swap, kinds and
   attributes change, tables point elsewhere, numbers become NaN; arenas and checksums are put right afterwards, so that a good part of what
   comes out passes validation and reaches the executor. */
#ifndef BINOCLE_TESTS_MUTATE_BNC_H
#define BINOCLE_TESTS_MUTATE_BNC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** file [size], 64-byte aligned; the same seed makes the same change. false, and nothing is changed: too broken to know its parts. */
bool mutate_bnc(uint8_t *file, size_t size, uint32_t seed);

#endif
