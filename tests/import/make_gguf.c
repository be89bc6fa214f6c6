/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/import/make_gguf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "quant/import/tensor_layout.h"

typedef struct writing {
  gguf_bytes bytes;
  const make_gguf_spec *gguf;
  bool vision;
} writing;

static const char *const replacements[][2] = {
    {"model.embed_tokens", "token_embd"},
    {"model.norm", "output_norm"},
    {"lm_head", "output"},
    {"model.mm_projector", "mm"},
    {"model.layers", "blk"},
    {"vision_model.encoder.layers", "v.blk"},
    {"vision_model.embeddings.class_embedding", "v.class_embd"},
    {"vision_model.embeddings.patch_embedding", "v.patch_embd"},
    {"vision_model.embeddings.position_embedding", "v.position_embd"},
    {"vision_model.pre_layrnorm", "v.pre_ln"},
    {"input_layernorm", "attn_norm"},
    {"post_attention_layernorm", "ffn_norm"},
    {"self_attn.q_proj", "attn_q"},
    {"self_attn.k_proj", "attn_k"},
    {"self_attn.v_proj", "attn_v"},
    {"self_attn.o_proj", "attn_output"},
    {"self_attn.out_proj", "attn_out"},
    {"mlp.gate_proj", "ffn_gate"},
    {"mlp.up_proj", "ffn_up"},
    {"mlp.down_proj", "ffn_down"},
    {"layer_norm", "ln"},
    {"mlp.fc1", "ffn_up"},
    {"mlp.fc2", "ffn_down"},
};

static void rename_tensor(const writing *w, const char *canonical, char *out, size_t size) {
  snprintf(out, size, "%s", canonical);
  for (size_t i = 0; i < sizeof replacements / sizeof *replacements; i++) {
    char *hit = strstr(out, replacements[i][0]), rest[192];
    if (!hit) continue;
    const char *with = replacements[i][1];
    if (w->gguf->old_names && strncmp(replacements[i][0], "mlp.fc", 6) == 0) with = replacements[i][0][6] == '1' ? "ffn_down" : "ffn_up";
    snprintf(rest, sizeof rest, "%s", hit + strlen(replacements[i][0]));
    snprintf(hit, size - (size_t)(hit - out), "%s%s", with, rest);
  }
}

/* Row i of half a head and row i of its other half come together. */
static void move_rows(float *values, size_t heads, size_t rows, size_t columns) {
  const size_t head = rows / heads, half = head / 2;
  float *moved = malloc(rows * columns * sizeof *moved);
  if (!moved) abort();
  for (size_t h = 0; h < heads; h++)
    for (size_t i = 0; i < half; i++)
      for (size_t part = 0; part < 2; part++)
        memcpy(moved + (h * head + 2 * i + part) * columns, values + (h * head + part * half + i) * columns, columns * sizeof *moved);
  memcpy(values, moved, rows * columns * sizeof *moved);
  free(moved);
}

static bnc_status add_tensor(void *context, const char *name, size_t rank, const size_t *shape, bnc_error *err) {
  writing *w = context;
  const make_spec *spec = w->gguf->spec;
  (void)err;
  const bool vision = strncmp(name, "vision_model.", 13) == 0 || strstr(name, "mm_projector");
  if (vision != w->vision) return BNC_OK;
  char stored[192];
  uint64_t sizes[4];
  size_t elements = 1;
  for (size_t i = 0; i < rank; i++) elements *= (size_t)(sizes[rank - 1 - i] = shape[i]);
  float *values = malloc(elements * sizeof *values);
  if (!values) abort();
  for (size_t i = 0; i < elements; i++) values[i] = make_rounded(spec->dtype, make_value(spec, name, rank, shape, i));
  const bnc_text_geometry *t = &spec->geometry.text;
  if (!vision && strcmp(w->gguf->architecture, "llama") == 0) {
    if (strstr(name, "q_proj")) move_rows(values, t->heads, shape[0], elements / shape[0]);
    if (strstr(name, "k_proj")) move_rows(values, t->kv_heads, shape[0], elements / shape[0]);
  }
  rename_tensor(w, name, stored, sizeof stored);
  if (strcmp(stored, "v.class_embd.weight") == 0) stored[strlen("v.class_embd")] = 0;
  gguf_tensor(&w->bytes, stored, (uint32_t)rank, sizes, 0, values, elements * sizeof *values);
  free(values);
  return BNC_OK;
}

static int write_file(const char *path, writing *w) {
  bnc_error err;
  size_t size;
  if (bnc_tensor_layout(&w->gguf->spec->geometry, add_tensor, w, &err) != BNC_OK) return -1;
  if (w->gguf->edit) w->gguf->edit(&w->bytes);
  uint8_t *file = gguf_finish(&w->bytes, &size);
  const int failed = make_file(path, file, size);
  free(file);
  return failed;
}

int make_gguf_text(const char *path, const make_gguf_spec *spec) {
  const bnc_text_geometry *t = &spec->spec->geometry.text;
  writing w = {.gguf = spec};
  char key[80];
  gguf_text(&w.bytes, "general.architecture", spec->architecture);
  const struct {
    const char *name;
    size_t value;
  } sizes[] = {{"block_count", t->layers},
               {"context_length", t->max_positions},
               {"embedding_length", t->hidden},
               {"feed_forward_length", t->ffn},
               {"attention.head_count", t->heads},
               {"attention.head_count_kv", t->kv_heads},
               {"attention.key_length", t->head_dim},
               {"attention.value_length", t->head_dim},
               {"rope.dimension_count", t->head_dim}};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    snprintf(key, sizeof key, "%s.%s", spec->architecture, sizes[i].name);
    gguf_u32(&w.bytes, key, (uint32_t)sizes[i].value);
  }
  snprintf(key, sizeof key, "%s.rope.freq_base", spec->architecture);
  gguf_f32(&w.bytes, key, (float)t->rope_theta);
  snprintf(key, sizeof key, "%s.attention.layer_norm_rms_epsilon", spec->architecture);
  gguf_f32(&w.bytes, key, t->rms_eps);
  gguf_u32(&w.bytes, "tokenizer.ggml.bos_token_id", (uint32_t)t->bos);
  gguf_u32(&w.bytes, "tokenizer.ggml.eos_token_id", (uint32_t)t->eos[0]);
  gguf_u32(&w.bytes, "tokenizer.ggml.padding_token_id", (uint32_t)t->pad);
  return write_file(path, &w);
}

int make_gguf_vision(const char *path, const make_gguf_spec *spec) {
  const bnc_vision_geometry *v = &spec->spec->geometry.vision;
  writing w = {.gguf = spec, .vision = true};
  gguf_text(&w.bytes, "general.architecture", "clip");
  gguf_bool(&w.bytes, "clip.has_vision_encoder", 1);
  gguf_bool(&w.bytes, "clip.has_llava_projector", 1);
  gguf_text(&w.bytes, "clip.projector_type", "mlp");
  gguf_bool(&w.bytes, "clip.use_gelu", v->activation == BNC_VISION_GELU);
  gguf_u32(&w.bytes, "clip.vision.image_size", (uint32_t)v->tile);
  gguf_u32(&w.bytes, "clip.vision.patch_size", (uint32_t)v->patch);
  gguf_u32(&w.bytes, "clip.vision.embedding_length", (uint32_t)v->width);
  gguf_u32(&w.bytes, "clip.vision.feed_forward_length", (uint32_t)v->mlp);
  gguf_u32(&w.bytes, "clip.vision.attention.head_count", (uint32_t)v->heads);
  gguf_u32(&w.bytes, "clip.vision.block_count", (uint32_t)v->layers);
  gguf_f32(&w.bytes, "clip.vision.attention.layer_norm_epsilon", v->ln_eps);
  const char *const triples[] = {"clip.vision.image_mean", "clip.vision.image_std"};
  for (size_t i = 0; i < 2; i++) {
    gguf_key(&w.bytes, triples[i], BNC_GGUF_ARRAY);
    gguf_put_u32(&w.bytes.head, BNC_GGUF_F32);
    gguf_put_u64(&w.bytes.head, 3);
    gguf_put(&w.bytes.head, i ? v->std : v->mean, 12);
  }
  return write_file(path, &w);
}
