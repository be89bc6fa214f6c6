/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/matmul/matmul_ints_amx.h"
#include "ops/matmul/matmul_lay_amx.h"

static void lay_out_tile(const walk *walked, const slab *s, size_t i) {
  const bnc_matmul_i8_args *args = walked->matrix;
  const size_t column = i % 2 * TILE_COLUMNS, k = i / 2 * SLAB_STEP, rows = s->columns > column ? s->columns - column : 0;
  lay_tile(args->w + (s->n + column) * args->k + s->from + k, args->k, rows, s->depth - k, (int8_t *)(uintptr_t)s->w + i * TILE,
           s->totals + column, s->from + k == 0);
}

/* Slabs as they are laid out beforehand; nobody writes the totals then. */
static void place_laid(const walk *w, slab *s, int8_t *room) {
  (void)room;
  const bnc_matmul_i8_args *args = w->matrix;
  const size_t bytes = bnc_matmul_laid_slab(args->k);
  const int8_t *whole = args->laid + s->n / SLAB_COLUMNS * bytes;
  s->w = whole + s->from * SLAB_COLUMNS;
  s->side = TILE;
  s->totals = (int32_t *)(uintptr_t)(whole + bytes) - SLAB_COLUMNS;
}

static ahead lines_laid(const walk *w, const slab *s) {
  (void)w;
  return (ahead){.at = (const char *)s->w, .rows = 1, .lines = slab_steps(s) * 2 * TILE / 64};
}

static ahead lines_of(const walk *w, const slab *s) {
  const bnc_matmul_i8_args *args = w->matrix;
  const char *at = (const char *)args->w + s->n * args->k + s->from;
  return (ahead){.at = at, .rows = s->columns, .lines = (s->depth + 63) / 64, .stride_bytes = args->k};
}

void bnc_matmul_i8_amx(const bnc_matmul_i8_args *args, size_t from, size_t to, void *scratch) {
  const size_t first = from * BNC_I8_COLUMNS, last = least(args->n, to * BNC_I8_COLUMNS);
  if (!args->tiles) {
    bnc_matmul_i8_avx512vnni(args, from, to, scratch);
    return;
  }
  walk w = walk_of(args, args, lay_out_tile, lines_of);
  if (args->laid) {
    w.place = place_laid;
    w.lay_out = NULL;
    w.lines = lines_laid;
  }
  matmul_slabs(w, first, last, scratch);
}
