/* SPDX-License-Identifier: Apache-2.0 */
/** @file tile_steps.h  Which tile of a picture vision looks at, by how far it is: as the model's schedule has it. */
#ifndef BINOCLE_RUNTIME_PROGRAM_SERVE_TILE_STEPS_H
#define BINOCLE_RUNTIME_PROGRAM_SERVE_TILE_STEPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BNC_TILES 64
#define BNC_TILE_NAME 16

typedef struct bnc_tile_steps {
  size_t ops, tiles;
  uint8_t *tile_of; /* [ops] index + 1; 0: none alone */
  char name[BNC_TILES][BNC_TILE_NAME];
} bnc_tile_steps;

/** schedule: what BNC_DESCRIBE_SCHEDULE says. false: out of memory. A text-only model has no ops. */
bool bnc_tile_steps_read(bnc_tile_steps *steps, const char *schedule);
void bnc_tile_steps_free(bnc_tile_steps *steps);
/** "crop3", "stride4" ...; NULL: all together. */
const char *bnc_tile_steps_at(const bnc_tile_steps *steps, double fraction);

#endif
