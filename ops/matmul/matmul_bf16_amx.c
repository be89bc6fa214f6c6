/* SPDX-License-Identifier: Apache-2.0 */
/* The file's panels are tiles as they lie: 16 pairs of k of 16 columns are 1024 bytes. Few rows, one tile of them, wait for weights alone,
 * which four panels at a time bring faster than the two of a slab (matmul_slabs_amx.h). */
#include <assert.h>
#include <string.h>

#define SLAB_FLOATS 1
#include "ops/matmul/matmul_bf16.h"
#include "ops/matmul/matmul_slabs_amx.h"

enum {
  PAIR = 4,    /* bytes of a row of x that a row of a tile is multiplied with */
  AT_ONCE = 4, /* panels */
  FEW_STRIDE = AT_ONCE * TILE_BYTES
};

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

/* A tile of rows by one of each panel, `side` bytes apart; panels is 1 or AT_ONCE. Sums are in the tiles 0 to 3. */
BNC_INLINE void multiply_few(const int8_t *x, const int8_t *w, size_t side, const size_t panels) {
  TILE_LOAD(4, x, TILE_BYTES);
  TILE_LOAD(5, w, TILE_BYTES);
  _tile_dpbf16ps(0, 4, 5);
  if (panels < AT_ONCE) return;
  TILE_LOAD(6, w + side, TILE_BYTES);
  _tile_dpbf16ps(1, 4, 6);
  TILE_LOAD(7, w + 2 * side, TILE_BYTES);
  _tile_dpbf16ps(2, 4, 7);
  TILE_LOAD(5, w + 3 * side, TILE_BYTES);
  _tile_dpbf16ps(3, 4, 5);
}

/* sums [rows, AT_ONCE, 16] of `panels` panels from column n on. tail: [AT_ONCE, TILE], for the last pairs of k. */
BNC_INLINE void sum_few(const bnc_matmul_float_args *args, size_t n, int8_t *tail, float *sums, const size_t panels) {
  const size_t side = panel_bytes(args), whole = side / TILE, left = side % TILE;
  const int8_t *x = (const int8_t *)args->tiles, *w = (const int8_t *)args->w + n / BNC_FLOAT_PANEL * side;
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  for (size_t i = 0; i < whole; ++i) multiply_few(x + i * 2 * TILE, w + i * TILE, side, panels);
  if (left) {
    memset(tail, 0, panels * TILE);
    for (size_t p = 0; p < panels; ++p) memcpy(tail + p * TILE, w + p * side + whole * TILE, left);
    TILE_FENCE();
    multiply_few(x + whole * 2 * TILE, tail, TILE, panels);
  }
  TILE_STORE(0, sums, FEW_STRIDE);
  if (panels == AT_ONCE) {
    TILE_STORE(1, sums + TILE_COLUMNS, FEW_STRIDE);
    TILE_STORE(2, sums + 2 * TILE_COLUMNS, FEW_STRIDE);
    TILE_STORE(3, sums + 3 * TILE_COLUMNS, FEW_STRIDE);
  }
  TILE_FENCE();
}

/* y of `panels` panels from column n on. scratch: the sums and a tail. */
BNC_INLINE void few_columns(const bnc_matmul_float_args *args, size_t n, int8_t *scratch, const size_t panels) {
  float *sums = (float *)(void *)scratch;
  sum_few(args, n, scratch + AT_ONCE * TILE, sums, panels);
  for (size_t p = 0; p < panels; ++p, n += TILE_COLUMNS) {
    const __mmask16 mask = lanes_before(args->n - n);
    const __m512 bias = args->bias ? _mm512_maskz_loadu_ps(mask, args->bias + n) : _mm512_setzero_ps();
    for (size_t row = 0; row < args->rows; ++row) {
      const __m512 sum = _mm512_load_ps(sums + (row * AT_ONCE + p) * TILE_COLUMNS);
      _mm512_mask_storeu_ps(args->y + row * args->y_stride + n, mask, _mm512_add_ps(sum, bias));
    }
  }
}

static void few_rows(const bnc_matmul_float_args *args, size_t n, size_t end, int8_t *scratch) {
  tile_shapes shapes = {.palette = 1};
  for (size_t i = 0; i < 8; ++i) {
    shapes.rows[i] = i > 4 ? TILE_ROWS : (uint8_t)args->rows;
    shapes.row_bytes[i] = TILE_BYTES;
  }
  _tile_loadconfig(&shapes);
  TILE_FENCE();
  for (; n + (AT_ONCE - 1) * TILE_COLUMNS < end; n += AT_ONCE * TILE_COLUMNS) few_columns(args, n, scratch, AT_ONCE);
  for (; n < end; n += TILE_COLUMNS) few_columns(args, n, scratch, 1);
  tiles_end();
}

void bnc_matmul_bf16_amx(const bnc_matmul_float_args *args, size_t from, size_t to, void *scratch) {
  const size_t first = from * BNC_FLOAT_COLUMNS, last = least(args->n, to * BNC_FLOAT_COLUMNS);
  assert(args->tiles);
  if (args->rows <= TILE_ROWS) {
    few_rows(args, first, last, scratch);
    return;
  }
  const walk w = {.matrix = args,
                  .place = place,
                  .lines = lines_of,
                  .rows = args->rows,
                  .bytes = (args->k + 1) / 2 * PAIR,
                  .tiles = (const int8_t *)args->tiles,
                  .y = args->y,
                  .y_stride = args->y_stride,
                  .bias = args->bias};
  matmul_slabs(w, first, last, scratch);
}
