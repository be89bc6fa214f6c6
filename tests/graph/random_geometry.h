/* SPDX-License-Identifier: Apache-2.0 */
/** @file random_geometry.h  Random small models, for properties that must hold for all. */
#ifndef BINOCLE_TESTS_RANDOM_GEOMETRY_H
#define BINOCLE_TESTS_RANDOM_GEOMETRY_H

#include "tests/import/make_checkpoint.h"

/** SplitMix64. */
uint64_t random_next(uint64_t *state);
/** In [0, n). */
size_t random_below(uint64_t *state, size_t n);

/** A geometry that the importer accepts. */
make_spec random_geometry(uint64_t seed);
/** How many tower runs reach the embeddings, counted on the lines of the DEM's maps; where not *exact, one more is right too. */
size_t live_tiles(const bnc_vision_geometry *v, size_t input_size, bool *exact);

#endif
