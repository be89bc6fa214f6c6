/* SPDX-License-Identifier: Apache-2.0 */
/** @file matmul_ints_amx.h  What matmul_i8 and matmul_c4 have in common by AMX: slabs are laid out in the scratch. */
#ifndef BINOCLE_OPS_MATMUL_MATMUL_INTS_AMX_H
#define BINOCLE_OPS_MATMUL_MATMUL_INTS_AMX_H

#define SLAB_FLOATS 0
#include "ops/matmul/matmul_slabs_amx.h"

static void place(const walk *w, slab *s, int8_t *room) {
  (void)w;
  s->w = room;
  s->side = TILE;
}

static walk walk_of(const bnc_matmul_i8_args *args, const void *matrix, lay_out_fn *lay_out, lines_fn *lines) {
  return (walk){.matrix = matrix,
                .place = place,
                .lay_out = lay_out,
                .lines = lines,
                .rows = args->rows,
                .bytes = args->k,
                .tiles = args->tiles,
                .y = args->y,
                .y_stride = args->y_stride,
                .scale = args->scale,
                .bias = args->bias,
                .params = args->params};
}

#endif
