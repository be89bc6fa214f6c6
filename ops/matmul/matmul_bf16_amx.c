/* SPDX-License-Identifier: Apache-2.0 */
/* The file's panels are tiles as they lie: 16 pairs of k of 16 columns are 1024 bytes. */
#include <assert.h>
#include <string.h>

#define SLAB_FLOATS 1
#include "ops/matmul/matmul_bf16.h"
#include "ops/matmul/matmul_slabs_amx.h"

enum { PAIR = 4, TILE_PAIRS = TILE_ROWS }; /* bytes of a row of x that a row of a tile is multiplied with; rows of a tile */

static size_t panel_bytes(const bnc_matmul_float_args *args) { return bnc_bf16_panel(args->k) * sizeof(uint16_t); }

static const int8_t *weights_of(const bnc_matmul_float_args *args, const slab *s) {
  return (const int8_t *)args->w + s->n / BNC_FLOAT_PANEL * panel_bytes(args) + s->from / PAIR * TILE_BYTES;
}

/* Behind a panel's last pair lies the next panel, or nothing: a last tile that is not whole is copied. */
static void place(const walk *w, slab *s, int8_t *room) {
  const bnc_matmul_float_args *args = w->matrix;
  s->w = weights_of(args, s);
  s->side = panel_bytes(args);
  const size_t whole = s->depth / SLAB_STEP, left = s->depth % SLAB_STEP / PAIR * TILE_BYTES;
  if (!left) return;
  memset(room, 0, 2 * TILE);
  memcpy(room, s->w + whole * TILE, left);
  if (s->columns > TILE_COLUMNS) memcpy(room + TILE, s->w + s->side + whole * TILE, left);
  s->tail = room;
}

static ahead lines_of(const walk *w, const slab *s) {
  const bnc_matmul_float_args *args = w->matrix;
  return (ahead){.at = (const char *)weights_of(args, s),
                 .rows = bnc_bf16_panels(s->columns),
                 .lines = s->depth / PAIR,
                 .stride_bytes = panel_bytes(args)};
}

void bnc_matmul_bf16_amx(const bnc_matmul_float_args *args, size_t from, size_t to, void *scratch) {
  assert(args->tiles);
  const walk w = {.matrix = args,
                  .place = place,
                  .lines = lines_of,
                  .rows = args->rows,
                  .bytes = (args->k + 1) / 2 * PAIR,
                  .tiles = (const int8_t *)args->tiles,
                  .y = args->y,
                  .y_stride = args->y_stride,
                  .bias = args->bias};
  matmul_slabs(w, from * BNC_FLOAT_COLUMNS, least(args->n, to * BNC_FLOAT_COLUMNS), scratch);
}
