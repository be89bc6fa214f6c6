/* SPDX-License-Identifier: Apache-2.0 */
#include "quant/synth/random_tensors.h"

#include <math.h>
#include <string.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#define BATCH 64u /* values made at a time */

/* SplitMix64 (Steele, Lea, Flood 2014) at position `counter` of the stream that starts at `key`: 64 random bits, four values of 16. */
static inline uint64_t random_bits(uint64_t key, uint64_t counter) {
  uint64_t x = key + counter * 0x9e3779b97f4a7c15u;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

typedef struct distribution {
  float centre, width; /* uniform in centre +- width */
} distribution;

static bool ends(const char *text, const char *tail) {
  size_t n = strlen(text), k = strlen(tail);
  return n >= k && memcmp(text + n - k, tail, k) == 0;
}

/* Inputs of a linear layer's output, by the released names. */
static size_t inputs_of(const bnc_geometry *g, const char *name) {
  if (strstr(name, "self_attn.o_proj")) return g->text.heads * g->text.head_dim;
  if (strstr(name, "mlp.down_proj")) return g->text.ffn;
  if (strstr(name, "mm_projector.0.")) return g->vision.width;
  if (strstr(name, "mm_projector.")) return g->text.hidden;
  if (strstr(name, "ffn_crop.2") || strstr(name, "ffn_stride.2")) return g->vision.dem_mid;
  if (strstr(name, "spatial_embed.")) return g->vision.width;
  if (strstr(name, "patch_embedding")) return 3 * g->vision.patch * g->vision.patch;
  if (strstr(name, "mlp.fc2")) return g->vision.mlp;
  return strncmp(name, "vision_model.", 13) == 0 ? g->vision.width : g->text.hidden;
}

static distribution distribution_of(const bnc_geometry *g, const char *name) {
  bool norm = strstr(name, "norm") || strstr(name, "layrnorm") || strstr(name, ".ln") || strstr(name, "ln_fuse");
  if (ends(name, ".bias")) return (distribution){0.0f, 0.02f};
  if (norm) return (distribution){1.0f, 0.1f};
  if (strstr(name, "embed_tokens") || strstr(name, "class_embedding") || strstr(name, "position_embedding"))
    return (distribution){0.0f, 0.035f};
  return (distribution){0.0f, sqrtf(3.0f / (float)inputs_of(g, name))};
}

void bnc_random_tensor(const bnc_geometry *g, const char *name, uint64_t first, size_t count, float *out) {
  distribution d = distribution_of(g, name);
  uint64_t key = XXH3_64bits(name, strlen(name));
  float step = d.width / 32768.0f;
  for (size_t i = 0; i < count;) {
    int16_t value[BATCH];
    uint64_t at = first + i;
    size_t skip = at % 4, n = count - i < BATCH - skip ? count - i : BATCH - skip;
    for (unsigned k = 0; k < BATCH / 4; k++) {
      uint64_t bits = random_bits(key, at / 4 + k);
      for (unsigned e = 0; e < 4; e++) value[4 * k + e] = (int16_t)(bits >> (16 * e));
    }
    if (n == BATCH)
      for (unsigned k = 0; k < BATCH; k++) out[i + k] = d.centre + step * (float)value[k];
    else
      for (size_t k = 0; k < n; k++) out[i + k] = d.centre + step * (float)value[skip + k];
    i += n;
  }
}

static bnc_status read_random(void *context, const char *name, size_t first, size_t count, float *out, bnc_error *err) {
  const bnc_geometry *g = context;
  (void)err;
  bnc_random_tensor(g, name, first, count, out);
  return BNC_OK;
}

bnc_tensor_source bnc_random_tensors(const bnc_geometry *geometry) {
  bnc_tensor_source source = {.read = read_random, .parallel = true};
  memcpy(&source.context, &geometry, sizeof geometry); /* reading does not change it */
  return source;
}
