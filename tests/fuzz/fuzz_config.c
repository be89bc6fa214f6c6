/* SPDX-License-Identifier: Apache-2.0 */
/* The input is read as each of the JSON files that describe a checkpoint. What is accepted must be a geometry that can be computed with. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "platforms/base/mem.h"
#include "quant/import/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const bnc_text_geometry *t) {
  if (!t->heads || !t->kv_heads || t->heads % t->kv_heads || !t->head_dim || t->head_dim % 2 || !t->layers || !t->ffn) abort();
  if (t->context < 1 || t->context > t->max_positions || t->eos_count > BNC_GEOMETRY_EOS_MAX || t->bos >= (int64_t)t->vocab) abort();
  float *frequencies = bnc_mem_array(t->head_dim / 2, sizeof *frequencies);
  if (!frequencies) return;
  bnc_geometry_rope_frequencies(t, frequencies);
  for (size_t i = 0; i < t->head_dim / 2; i++)
    if (!isfinite(frequencies[i])) abort();
  bnc_mem_free(frequencies);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static bnc_import_config config;
  bnc_tower_config tower;
  bnc_error err;
  const char *text = (const char *)data;
  if (bnc_import_config_parse(&config, text, size, &err) == BNC_OK) {
    check_text(&config.text);
    bnc_generation_config_parse(&config, text, size, &err);
    if (config.text.eos_count > BNC_GEOMETRY_EOS_MAX) abort();
  }
  bnc_tower_config_default(&tower);
  bnc_tower_config_parse(&tower, text, size, &err);
  if (bnc_preprocessor_config_parse(&tower, text, size, &err) == BNC_OK)
    for (int i = 0; i < 3; i++)
      if (!(tower.std[i] > 0) || !(tower.mean[i] >= 0 && tower.mean[i] <= 1)) abort();
  if (bnc_mem_live() != 0) abort();
  return 0;
}
