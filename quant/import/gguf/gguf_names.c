/* SPDX-License-Identifier: Apache-2.0 */
#include "quant/import/gguf/gguf_names.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "platforms/base/mem.h"

enum { NAME = 96 }; /* bytes of a canonical name, generously */

typedef struct naming {
  const char *stored, *canonical; /* in a layer: what follows its number; NULL: of no use */
} naming;

static const naming whole[] = {
    {"token_embd.weight", "model.embed_tokens.weight"},
    {"output_norm.weight", "model.norm.weight"},
    {"output.weight", "lm_head.weight"},
    {"rope_freqs.weight", NULL}, /* factors that the geometry takes */
    {"v.class_embd", "vision_model.embeddings.class_embedding"},
    {"v.patch_embd.weight", "vision_model.embeddings.patch_embedding.weight"},
    {"v.position_embd.weight", "vision_model.embeddings.position_embedding.weight"},
    {"v.pre_ln.weight", "vision_model.pre_layrnorm.weight"},
    {"v.pre_ln.bias", "vision_model.pre_layrnorm.bias"},
    {"v.post_ln.weight", NULL},
    {"v.post_ln.bias", NULL},
    {"mm.0.weight", "model.mm_projector.0.weight"},
    {"mm.0.bias", "model.mm_projector.0.bias"},
    {"mm.2.weight", "model.mm_projector.2.weight"},
    {"mm.2.bias", "model.mm_projector.2.bias"},
};

/* The parts of a layer, without ".weight" and ".bias". */
static const naming text_parts[] = {
    {"attn_norm", "input_layernorm"}, {"attn_q", "self_attn.q_proj"},      {"attn_k", "self_attn.k_proj"},
    {"attn_v", "self_attn.v_proj"},   {"attn_output", "self_attn.o_proj"}, {"ffn_norm", "post_attention_layernorm"},
    {"ffn_gate", "mlp.gate_proj"},    {"ffn_up", "mlp.up_proj"},           {"ffn_down", "mlp.down_proj"},
    {"attn_rot_embd", NULL},
};
static const naming tower_parts[] = {
    {"ln1", "layer_norm1"},
    {"attn_q", "self_attn.q_proj"},
    {"attn_k", "self_attn.k_proj"},
    {"attn_v", "self_attn.v_proj"},
    {"attn_out", "self_attn.out_proj"},
    {"ln2", "layer_norm2"},
    {"ffn_up", "mlp.fc1"},
    {"ffn_down", "mlp.fc2"},
};
#define COUNT(a) (sizeof(a) / sizeof *(a))

bnc_source_tensor *bnc_gguf_stored(const bnc_source_list *list, const char *name) {
  for (size_t i = 0; i < list->count; i++)
    if (strcmp(list->tensors[i].stored, name) == 0) return &list->tensors[i];
  return NULL;
}

/* Older files call the tower's first linear ffn_down and its second ffn_up: the first makes the row longer. */
static bool tower_swapped(const bnc_source_list *list) {
  const bnc_source_tensor *up = bnc_gguf_stored(list, "v.blk.0.ffn_up.weight");
  return up && up->rank == 2 && up->shape[0] < up->shape[1];
}

typedef struct parts {
  const char *stored, *canonical; /* what stands before the layer's number */
  const naming *part;
  size_t count;
  bool swapped;
} parts;

/* false: the tensor is of no use. A name that nobody knows leaves out empty. */
static bool name_in_layer(const parts *p, const char *stored, char *out) {
  const char *digits = stored + strlen(p->stored), *dot = digits;
  while (isdigit((unsigned char)*dot)) dot++;
  if (dot == digits || dot - digits > 6 || *dot != '.') return true;
  const char *part = dot + 1, *suffix = strrchr(part, '.');
  if (!suffix || (strcmp(suffix, ".weight") != 0 && strcmp(suffix, ".bias") != 0)) return true;
  for (size_t i = 0; i < p->count; i++) {
    if (strlen(p->part[i].stored) != (size_t)(suffix - part) || strncmp(p->part[i].stored, part, (size_t)(suffix - part)) != 0) continue;
    const char *canonical = p->part[i].canonical;
    if (!canonical) return false;
    if (p->swapped && strncmp(canonical, "mlp.fc", 6) == 0) canonical = canonical[6] == '1' ? "mlp.fc2" : "mlp.fc1";
    snprintf(out, NAME, "%s%.*s.%s%s", p->canonical, (int)(dot - digits), digits, canonical, suffix);
    break;
  }
  return true;
}

static bool name_of(const parts *layers, const char *stored, char *out) {
  *out = 0;
  for (size_t i = 0; i < COUNT(whole); i++)
    if (strcmp(stored, whole[i].stored) == 0) {
      if (whole[i].canonical) snprintf(out, NAME, "%s", whole[i].canonical);
      return whole[i].canonical != NULL;
    }
  for (size_t i = 0; i < 2; i++)
    if (strncmp(stored, layers[i].stored, strlen(layers[i].stored)) == 0) return name_in_layer(&layers[i], stored, out);
  return true;
}

bnc_status bnc_gguf_name_tensors(bnc_source_list *list, char **names, bnc_error *err) {
  const parts layers[2] = {{"blk.", "model.layers.", text_parts, COUNT(text_parts), false},
                           {"v.blk.", "vision_model.encoder.layers.", tower_parts, COUNT(tower_parts), tower_swapped(list)}};
  size_t kept = 0;
  char *at = *names = bnc_mem_array(list->count, NAME);
  if (!at) return bnc_fail_memory(err, list->count * NAME);
  for (size_t i = 0; i < list->count; i++) {
    if (!name_of(layers, list->tensors[i].stored, at)) continue;
    list->tensors[kept] = list->tensors[i];
    list->tensors[kept++].name = *at ? at : NULL;
    at += NAME;
  }
  list->count = kept;
  return BNC_OK;
}
