/* SPDX-License-Identifier: Apache-2.0 */
/** @file seal.h  Makes all hashes of a changed model file right, as a careful enemy would. */
#ifndef BINOCLE_TESTS_SEAL_H
#define BINOCLE_TESTS_SEAL_H

#include <stddef.h>
#include <stdint.h>

/** bytes [size], 64-byte aligned. Hashes of blocks go into section blocks as far as it has room; what lies about sizes stays as it is. */
void seal_model(uint8_t *bytes, size_t size);

#endif
