/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/attention/attention.h"

enum { MOST_QUERIES = 640 }; /* all of ViT-L/14-336's and DEM's: their keys and values are then prepared once */

/* A block of keys and one of values as f32, head_size rounded up to 64, their steps as int8, and per row of a query head its query and
   unscaled result, and for each tile (of one row at worst) 16 maxima, sums and steps; 16 more, as queries are stored in sixteens. */
size_t bnc_attention_scratch(size_t heads, size_t kv_heads, size_t head_size, size_t rows) {
  const size_t padded = (head_size + 63) / 64 * 64, group = heads / kv_heads;
  return (2 * BNC_ATTENTION_BLOCK * padded + BNC_ATTENTION_BLOCK + padded + rows * group * (2 * padded + 48) + 16) * sizeof(float);
}

size_t bnc_attention_most_rows(size_t heads, size_t kv_heads) {
  const size_t group = heads / kv_heads;
  return group < MOST_QUERIES ? MOST_QUERIES / group : 1;
}

size_t bnc_attention_part_rows(size_t heads, size_t kv_heads, size_t rows) {
  const size_t most = bnc_attention_most_rows(heads, kv_heads), parts = (rows + most - 1) / most;
  return parts ? (rows + parts - 1) / parts : 1;
}
