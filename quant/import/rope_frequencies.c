/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "quant/import/geometry.h"

/* transformers' _compute_llama3_parameters in float32: long waves are slowed by factor, short ones kept, between them it goes over
 * smoothly. */
static float llama3_frequency(const bnc_rope_scaling *rope, float frequency) {
  const float low = (float)rope->low_freq_factor, high = (float)rope->high_freq_factor, factor = (float)rope->factor;
  const float positions = (float)rope->original_positions;
  const float wavelength = (float)(2.0 * 3.14159265358979323846) / frequency;
  if (wavelength > (float)(rope->original_positions / rope->low_freq_factor)) return frequency / factor;
  if (wavelength < (float)(rope->original_positions / rope->high_freq_factor)) return frequency;
  const float smooth = (positions / wavelength - low) / (high - low);
  return (1.0f - smooth) * frequency / factor + smooth * frequency;
}

void bnc_geometry_rope_frequencies(const bnc_text_geometry *text, float *out) {
  for (size_t i = 0; i < text->head_dim / 2; i++) {
    /* base ** (2i / head_dim): exponent, power and reciprocal are each rounded to float32, as in PyTorch. */
    const float exponent = (float)(2 * i) / (float)text->head_dim;
    const float frequency = 1.0f / (float)pow(text->rope_theta, (double)exponent);
    switch (text->rope.kind) {
      case BNC_ROPE_PLAIN: out[i] = frequency; break;
      case BNC_ROPE_LINEAR: out[i] = frequency / (float)text->rope.factor; break;
      case BNC_ROPE_LLAMA3: out[i] = llama3_frequency(&text->rope, frequency); break;
    }
    if (text->rope.factors) out[i] /= text->rope.factors[i];
  }
}
