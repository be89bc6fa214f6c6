/* SPDX-License-Identifier: Apache-2.0 */
/* What opening a model file guarantees: sizes are sane, weights lie inside DATA, constants inside CONSTANTS. Programs have a file of their
 * own. */
#include <math.h>

#include "ops/matmul/matmul.h"
#include "platforms/base/mem.h"
#include "runtime/model/weight_slabs.h"

#define MANY 1000000u /* no count of a model comes near; products of two fit into 64 bits */

#define MOST_ANGLES ((uint64_t)1 << 28) /* a million rows of 256: the rotary tables are computed when a session starts */
#define MOST_QUANTIZED_K 65536u         /* int32 sums of int8 products hold that many */

static bnc_status check_meta(const bnc_model_file *f, bnc_error *err) {
  const bnc_file_meta *m = &f->meta;
  const struct {
    const char *name;
    uint32_t value, most;
  } needed[] = {
      {"vocabulary", m->vocabulary, MANY * 4},
      {"hidden", m->hidden, MANY},
      {"layers", m->layers, 10000},
      {"heads", m->heads, 1024},
      {"kv_heads", m->kv_heads, 1024},
      {"head_dim", m->head_dim, 4096},
      {"context", m->context, MANY * 16},
      {"reference_limit", m->reference_limit, MANY * 16},
  };
  for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
    if (needed[i].value == 0 || needed[i].value > needed[i].most)
      return bnc_fail(err, BNC_ERROR_FORMAT, "meta: %s is %u, expected 1 .. %u", needed[i].name, needed[i].value, needed[i].most);
  if (m->heads % m->kv_heads != 0)
    return bnc_fail(err, BNC_ERROR_FORMAT, "meta: %u heads do not divide by %u key heads", m->heads, m->kv_heads);
  if (m->head_dim % 2 != 0) return bnc_fail(err, BNC_ERROR_FORMAT, "meta: head_dim is %u, expected an even number", m->head_dim);
  if ((uint64_t)m->context * m->head_dim > MOST_ANGLES)
    return bnc_fail(err, BNC_ERROR_LIMIT, "meta: a context of %u rows of %u columns a head, expected a product of at most %llu", m->context,
                    m->head_dim, (unsigned long long)MOST_ANGLES);
  if (m->reference_limit > m->context)
    return bnc_fail(err, BNC_ERROR_FORMAT, "meta: reference_limit is %u, expected at most the context of %u", m->reference_limit,
                    m->context);
  if (m->stops > 8) return bnc_fail(err, BNC_ERROR_FORMAT, "meta: %u stop ids, expected at most 8", m->stops);
  if (m->kv_dtype > BNC_KV_INT8) return bnc_fail(err, BNC_ERROR_FORMAT, "meta: unknown KV cache type %u", m->kv_dtype);
  if (m->embedding >= f->weights || f->weight[m->embedding].n != m->vocabulary || f->weight[m->embedding].k != m->hidden ||
      f->weight[m->embedding].dtype == BNC_WEIGHT_QG4)
    return bnc_fail(err, BNC_ERROR_FORMAT, "meta: weight %u is no table of %u embeddings of %u", m->embedding, m->vocabulary, m->hidden);
  uint64_t rope = (uint64_t)m->rope_frequencies * BNC_FORMAT_ALIGNMENT;
  if (rope > f->constants.size || f->constants.size - rope < (uint64_t)m->head_dim / 2 * 4)
    return bnc_fail(err, BNC_ERROR_FORMAT, "meta: the rotary frequencies leave section constants");
  const float *frequency = (const float *)(const void *)(f->constants.data + rope);
  for (uint32_t i = 0; i < m->head_dim / 2; i++)
    if (!isfinite(frequency[i])) return bnc_fail(err, BNC_ERROR_FORMAT, "meta: rotary frequency %u is not finite", i);
  if (f->program[BNC_PROGRAM_VISION].head && (m->input_side == 0 || m->input_side > 65535 || m->image_rows == 0 || m->image_rows > MANY))
    return bnc_fail(err, BNC_ERROR_FORMAT, "meta: pictures of %u pixels with %u rows", m->input_side, m->image_rows);
  return BNC_OK;
}

static bool inside(uint64_t offset, uint64_t size, uint64_t limit) {
  return offset % BNC_FORMAT_ALIGNMENT == 0 && offset <= limit && size <= limit - offset;
}

static bnc_status check_weight(const bnc_model_file *f, size_t i, bnc_error *err) {
  const bnc_file_weight *w = &f->weight[i];
  const char *name = bnc_model_file_string(f, w->name);
  const uint32_t dtypes = f->header.version > BNC_FORMAT_BEFORE_BF16 ? BNC_WEIGHT_DTYPES : BNC_WEIGHT_BF16;
  if (w->dtype >= dtypes || w->n == 0 || w->k == 0 || w->n > MANY * 4 || w->k > MANY)
    return bnc_fail(err, BNC_ERROR_FORMAT, "weight %zu (%s) has type %u and shape %u x %u", i, name, w->dtype, w->n, w->k);
  if (!bnc_weight_is_float(w->dtype) && w->k > MOST_QUANTIZED_K)
    return bnc_fail(err, BNC_ERROR_FORMAT, "weight %zu (%s) has %u quantised columns, expected at most %u", i, name, w->k,
                    MOST_QUANTIZED_K);
  if (w->dtype == BNC_WEIGHT_QG4 && (w->group == 0 || w->group % BNC_I4_BLOCK != 0 || w->k % w->group != 0))
    return bnc_fail(err, BNC_ERROR_FORMAT, "weight %zu (%s): groups of %u do not divide %u", i, name, w->group, w->k);
  if (w->dtype == BNC_WEIGHT_QC4 && (w->group != BNC_C4_GROUP || w->k % BNC_C4_BLOCK != 0))
    return bnc_fail(err, BNC_ERROR_FORMAT, "weight %zu (%s): %u columns in groups of %u, expected a multiple of %d in groups of %d", i,
                    name, w->k, w->group, BNC_C4_BLOCK, BNC_C4_GROUP);
  const bnc_weight_sizes sizes = bnc_weight_sizes_of(w);
  if (!inside(w->data, sizes.data, f->data.size) || (sizes.scales && !inside(w->scales, sizes.scales, f->data.size)) ||
      (sizes.offsets && !inside(w->offsets, sizes.offsets, f->data.size)) || (sizes.bias && !inside(w->bias, sizes.bias, f->data.size)))
    return bnc_fail(err, BNC_ERROR_FORMAT, "weight %zu (%s) leaves section data", i, name);
  return BNC_OK;
}

/* Weights have bytes of their own: many that share some would make far more of them, once packed, than the file has. */
static bnc_status check_weights(const bnc_model_file *f, bnc_error *err) {
  uint64_t bytes = 0;
  for (size_t i = 0; i < f->weights; i++) {
    bnc_status s = check_weight(f, i, err);
    if (s != BNC_OK) return s;
    const bnc_weight_sizes sizes = bnc_weight_sizes_of(&f->weight[i]);
    bytes += sizes.data + sizes.scales + sizes.offsets + sizes.bias;
    if (bytes > f->data.size)
      return bnc_fail(err, BNC_ERROR_FORMAT, "weight %zu (%s): weights up to it take %llu bytes, more than section data has", i,
                      bnc_model_file_string(f, f->weight[i].name), (unsigned long long)bytes);
  }
  return BNC_OK;
}

bnc_status bnc_model_file_validate(const bnc_model_file *f, bnc_error *err) {
  bnc_status s = check_weights(f, err);
  if (s == BNC_OK) s = check_meta(f, err);
  for (bnc_program_id p = 0; s == BNC_OK && p < BNC_PROGRAMS; p++)
    if (f->program[p].head) s = bnc_program_validate(f, p, err);
  return s == BNC_OK ? bnc_weight_slabs_disjoint(f, err) : s;
}
