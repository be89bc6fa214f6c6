/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/program/serve/tile_steps.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The index + 1 of the tile that an op's name begins with; 0: it belongs to none. */
static uint8_t find_tile(bnc_tile_steps *steps, const char *op) {
  const size_t letters = strncmp(op, "crop", 4) == 0 ? 4 : strncmp(op, "stride", 6) == 0 ? 6 : 0;
  const size_t digits = strspn(op + letters, "0123456789"), length = letters + digits;
  if (letters == 0 || digits == 0 || length >= BNC_TILE_NAME || op[length] != '.') return 0;
  for (size_t i = 0; i < steps->tiles; i++)
    if (strncmp(steps->name[i], op, length) == 0 && !steps->name[i][length]) return (uint8_t)(i + 1);
  if (steps->tiles == BNC_TILES) return 0;
  memcpy(steps->name[steps->tiles], op, length);
  return (uint8_t)++steps->tiles;
}

bool bnc_tile_steps_read(bnc_tile_steps *steps, const char *schedule) {
  *steps = (bnc_tile_steps){0};
  size_t ops = 0;
  const char *at = strstr(schedule, "program vision:");
  if (!at || sscanf(at, "program vision: %zu ops", &ops) != 1 || ops == 0) return true;
  steps->tile_of = calloc(ops, 1);
  if (!steps->tile_of) return false;
  steps->ops = ops;
  for (at = strchr(at, '\n'); at && strncmp(at + 1, "program ", 8) != 0; at = strchr(at + 1, '\n')) {
    size_t index;
    char name[BNC_TILE_NAME + 1];
    if (sscanf(at + 1, "%zu %*s %16s", &index, name) == 2 && index < ops) steps->tile_of[index] = find_tile(steps, name);
  }
  return true;
}

void bnc_tile_steps_free(bnc_tile_steps *steps) {
  free(steps->tile_of);
  *steps = (bnc_tile_steps){0};
}

const char *bnc_tile_steps_at(const bnc_tile_steps *steps, double fraction) {
  const double op = fraction * (double)steps->ops;
  if (!(op >= 0) || op >= (double)steps->ops) return NULL;
  const uint8_t tile = steps->tile_of[(size_t)op];
  return tile ? steps->name[tile - 1] : NULL;
}
