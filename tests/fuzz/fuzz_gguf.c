/* SPDX-License-Identifier: Apache-2.0 */
/* The input is a whole GGUF file. What is accepted must keep the header's promises, whatever its keys say; its tensors can be read, and a
   tokenizer that it holds works. */
#include <stdlib.h>
#include <string.h>

#include "quant/compile/chat_template.h"
#include "quant/import/checkpoint.h"
#include "quant/import/gguf/gguf_file.h"
#include "quant/import/gguf/gguf_names.h"
#include "quant/import/gguf/gguf_tokenizer.h"
#include "tests/fuzz/tokenizer_exercise.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_tensor(bnc_source_tensor *t, const bnc_shard *shard) {
  float values[600];
  bnc_error err;
  t->shard = shard;
  require(t->begin <= t->end && t->end <= shard->map.size && t->rank <= BNC_SOURCE_MAX_RANK && t->elements > 0 && *t->stored);
  require(t->end - t->begin == t->elements / t->block->elements * t->block->bytes);
  if (t->dtype == BNC_SOURCE_OTHER) return;
  const size_t count = t->elements < 600 ? t->elements : 600;
  (void)bnc_checkpoint_read_f32(t, t->elements - count, count, values, &err);
  if (t->rank > 0 && t->shape[0] % 2 == 0) { /* as the rows of a query */
    t->rope_heads = 1;
    (void)bnc_checkpoint_read_f32(t, t->elements - count, count, values, &err);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  bnc_gguf g;
  bnc_shard shard = {.path = (char[]){"fuzz"}, .map = {.data = data, .size = size}};
  bnc_import_config config;
  bnc_tower_config tower;
  bnc_chat_template found;
  const char *text = "";
  size_t length = 0;
  bnc_bpe *bpe;
  bnc_error err;
  char *names;
  if (bnc_gguf_parse(&g, &shard.header, data, size, &err) != BNC_OK) return 0;
  memset(&config, 0, sizeof config);
  bnc_tower_config_default(&tower);
  (void)bnc_gguf_text_config(&config, &g, &shard.header, &err);
  (void)bnc_gguf_vision_config(&config, &tower, &g, &shard.header, &err);
  for (size_t i = 0; i < shard.header.count; i++) {
    if (i) require(strcmp(shard.header.tensors[i - 1].stored, shard.header.tensors[i].stored) < 0);
    read_tensor(&shard.header.tensors[i], &shard);
  }
  require(bnc_gguf_name_tensors(&shard.header, &names, &err) == BNC_OK);
  if (bnc_gguf_get_text(&g, "tokenizer.chat_template", &text, &length, &err) == BNC_OK && bnc_chat_template_find(text, length, &found))
    require(strlen(found.system) < BNC_SYSTEM_TEXT);
  if (bnc_gguf_tokenizer(&bpe, &g, &err) == BNC_OK && bpe) {
    exercise_tokenizer(bpe);
    bnc_bpe_free(bpe);
  }
  bnc_mem_free(names);
  bnc_gguf_free(&g);
  bnc_source_list_free(&shard.header);
  return 0;
}
