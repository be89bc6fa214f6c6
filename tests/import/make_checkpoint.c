/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/import/make_checkpoint.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "quant/import/tensor_layout.h"
#include "tests/import/first_wins.h"

make_spec make_spec_small(void) {
  make_spec s = {.dtype = BNC_SOURCE_BF16, .seed = 1};
  s.geometry.text = (bnc_text_geometry){.vocab = 97,
                                        .hidden = 64,
                                        .layers = 2,
                                        .heads = 4,
                                        .kv_heads = 2,
                                        .head_dim = 16,
                                        .ffn = 96,
                                        .rms_eps = 1e-5f,
                                        .rope_theta = 500000,
                                        .max_positions = 512,
                                        .context = 256,
                                        .bos = 90,
                                        .pad = 96,
                                        .eos_count = 1,
                                        .eos = {91}};
  s.geometry.has_vision = true;
  s.geometry.vision = (bnc_vision_geometry){.width = 64,
                                            .layers = 3,
                                            .layers_used = 2,
                                            .heads = 1,
                                            .mlp = 128,
                                            .patch = 7,
                                            .grid = 4,
                                            .tile = 28,
                                            .views = 3,
                                            .input_side = 84,
                                            .ln_eps = 1e-5f,
                                            .has_dem = true,
                                            .dem_heads = 8,
                                            .dem_mid = 4,
                                            .dem_out = 32,
                                            .projector_depth = 2};
  return s;
}

/* SplitMix64: a well mixed value per counter. */
static uint64_t mix(uint64_t x) {
  x += 0x9e3779b97f4a7c15u;
  x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
  x = (x ^ x >> 27) * 0x94d049bb133111ebu;
  return x ^ x >> 31;
}

static bool ends(const char *text, const char *with) {
  const size_t n = strlen(text), m = strlen(with);
  return n >= m && strcmp(text + n - m, with) == 0;
}

float make_value(const make_spec *spec, const char *name, size_t rank, const size_t *shape, size_t i) {
  uint64_t key = spec->seed;
  size_t fan_in = 1;
  for (const char *p = name; *p; p++) key = mix(key ^ (uint64_t)(unsigned char)*p);
  for (size_t k = 1; k < rank; k++) fan_in *= shape[k];
  /* A sum of four uniform numbers is near enough to normal, and exact arithmetic makes it the same everywhere. */
  const uint64_t r = mix(key + i);
  const int32_t sum = (int32_t)((r & 0xffff) + (r >> 16 & 0xffff) + (r >> 32 & 0xffff) + (r >> 48)) - 2 * 0xffff;
  const double normal = (double)sum / 37837.0; /* 65536 / sqrt(3): unit variance */
  if (rank == 1 && ends(name, ".weight")) return (float)(1 + 0.1 * normal);
  if (rank == 1 && ends(name, ".bias")) return (float)(0.1 * normal);
  if (strstr(name, "embed_tokens") || strstr(name, "embeddings"))
    return (float)(ends(name, "patch_embedding.weight") ? normal / sqrt((double)fan_in) : 0.5 * normal);
  return (float)(normal / sqrt((double)fan_in));
}

static uint32_t bits_of(float f) {
  uint32_t bits;
  memcpy(&bits, &f, sizeof bits);
  return bits;
}

static float float_of(uint32_t bits) {
  float f;
  memcpy(&f, &bits, sizeof f);
  return f;
}

static uint16_t to_bf16(float f) {
  const uint32_t bits = bits_of(f);
  return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

/* The values written lie far below the overflow of f16. */
static uint16_t to_f16(float f) {
  const uint16_t sign = (uint16_t)(bits_of(f) >> 16 & 0x8000);
  const float a = fabsf(f);
  if (a < 0x1p-14f) return (uint16_t)(sign | (uint16_t)lrintf(a * 0x1p24f));
  const uint32_t bits = bits_of(a);
  return (uint16_t)(sign | (uint16_t)((bits + 0xfff + (bits >> 13 & 1) - (112u << 23)) >> 13));
}

float make_rounded(bnc_source_dtype dtype, float value) {
  if (dtype == BNC_SOURCE_F32) return value;
  if (dtype == BNC_SOURCE_BF16) return float_of((uint32_t)to_bf16(value) << 16);
  const uint32_t h = to_f16(value), exponent = h >> 10 & 31;
  const double magnitude = exponent ? ldexp(1024 + (h & 1023), (int)exponent - 25) : ldexp(h & 1023, -24);
  return (float)(h & 0x8000 ? -magnitude : magnitude);
}

typedef struct tensor_list {
  const make_spec *spec;
  bool tower; /* write vision_model.* alone, else the checkpoint */
  size_t count;
  make_tensor tensors[512];
} tensor_list;

static void fill(const make_spec *spec, make_tensor *t, const char *canonical, size_t elements) {
  for (size_t i = 0; i < elements; i++) {
    const float v = make_value(spec, canonical, t->rank, t->shape, i);
    const uint16_t h = spec->dtype == BNC_SOURCE_BF16 ? to_bf16(v) : to_f16(v);
    if (spec->dtype == BNC_SOURCE_F32)
      memcpy(t->data + 4 * i, &v, 4);
    else
      memcpy(t->data + 2 * i, &h, 2);
  }
}

static bnc_status add_tensor(void *context, const char *name, size_t rank, const size_t *shape, bnc_error *err) {
  tensor_list *list = context;
  const make_spec *spec = list->spec;
  const bool tower = strncmp(name, "vision_model.", 13) == 0;
  if (tower != list->tower && (list->tower || spec->tower_apart)) return BNC_OK;
  if (list->count == sizeof list->tensors / sizeof *list->tensors) return bnc_fail(err, BNC_ERROR_LIMIT, "too many tensors");
  make_tensor *t = &list->tensors[list->count];
  memset(t, 0, sizeof *t);
  snprintf(t->name, sizeof t->name, "%s%s", tower && !list->tower ? "model.vision_tower.vision_tower." : "", name);
  if (spec->linear_projector && strncmp(name, "model.mm_projector.0", 20) == 0)
    snprintf(t->name, sizeof t->name, "model.mm_projector%s", name + 20);
  size_t elements = 1;
  t->rank = rank;
  for (size_t i = 0; i < rank; i++) elements *= t->shape[i] = shape[i];
  snprintf(t->dtype, sizeof t->dtype, "%s", spec->dtype == BNC_SOURCE_F32 ? "F32" : spec->dtype == BNC_SOURCE_F16 ? "F16" : "BF16");
  t->bytes = elements * bnc_source_dtype_size(spec->dtype);
  t->data = malloc(t->bytes);
  if (!t->data) return bnc_fail_memory(err, t->bytes);
  t->shard = spec->shards && !list->tower ? list->count % spec->shards : 0;
  fill(spec, t, name, elements);
  if (spec->edit && !spec->edit(spec->context, t))
    free(t->data);
  else
    list->count++;
  return BNC_OK;
}

static bool is_open(FILE *f, const char *path) {
  if (!f) perror(path);
  return f != NULL;
}

int make_file(const char *path, const void *data, size_t size) {
  FILE *f = fopen(path, "wb");
  if (!is_open(f, path)) return -1;
  const size_t n = size ? fwrite(data, 1, size, f) : 0;
  return fclose(f) == 0 && n == size ? 0 : -1;
}

int make_raw_safetensors(const char *path, uint64_t header_length, const char *header, size_t data_bytes) {
  FILE *f = fopen(path, "wb");
  if (!is_open(f, path)) return -1;
  for (int i = 0; i < 8; i++) fputc((int)(header_length >> 8 * i & 255), f);
  fputs(header, f);
  for (size_t i = 0; i < data_bytes; i++) fputc(0, f);
  return fclose(f);
}

static int write_shard(const char *path, const tensor_list *list, size_t shard) {
  char *header = NULL;
  size_t length = 0, offset = 0;
  FILE *h = open_memstream(&header, &length);
  fprintf(h, "{\"__metadata__\":{\"format\":\"pt\"}");
  for (size_t i = 0; i < list->count; i++) {
    const make_tensor *t = &list->tensors[i];
    if (t->shard != shard) continue;
    fprintf(h, ",\"%s\":{\"dtype\":\"%s\",\"shape\":[", t->name, t->dtype);
    for (size_t k = 0; k < t->rank; k++) fprintf(h, "%s%zu", k ? "," : "", t->shape[k]);
    fprintf(h, "],\"data_offsets\":[%zu,%zu]}", offset, offset + t->bytes);
    offset += t->bytes;
  }
  fputc('}', h);
  fclose(h);
  const int failed = make_raw_safetensors(path, length, header, 0);
  free(header);
  FILE *f = failed ? NULL : fopen(path, "ab");
  if (!is_open(f, path)) return -1;
  for (size_t i = 0; i < list->count; i++)
    if (list->tensors[i].shard == shard) fwrite(list->tensors[i].data, 1, list->tensors[i].bytes, f);
  return fclose(f);
}

static int write_weights(const char *dir, const tensor_list *list, size_t shards) {
  char path[512];
  snprintf(path, sizeof path, "%s/model.safetensors", dir);
  if (shards == 0) return write_shard(path, list, 0);
  for (size_t i = 0; i < shards; i++) {
    snprintf(path, sizeof path, "%s/model-%05zu-of-%05zu.safetensors", dir, i + 1, shards);
    if (write_shard(path, list, i) != 0) return -1;
  }
  snprintf(path, sizeof path, "%s/model.safetensors.index.json", dir);
  FILE *f = fopen(path, "wb");
  if (!is_open(f, path)) return -1;
  fprintf(f, "{\"metadata\":{},\"weight_map\":{");
  for (size_t i = 0; i < list->count; i++)
    fprintf(f, "%s\"%s\":\"model-%05zu-of-%05zu.safetensors\"", i ? "," : "", list->tensors[i].name, list->tensors[i].shard + 1, shards);
  fprintf(f, "}}");
  return fclose(f);
}

static int write_all(const char *dir, const make_spec *spec, bool tower) {
  bnc_error err;
  tensor_list *list = calloc(1, sizeof *list);
  if (!list) return -1;
  list->spec = spec;
  list->tower = tower;
  int failed = bnc_tensor_layout(&spec->geometry, add_tensor, list, &err) != BNC_OK;
  if (failed) fprintf(stderr, "%s\n", err.text);
  if (!failed) failed = write_weights(dir, list, tower ? 0 : spec->shards);
  for (size_t i = 0; i < list->count; i++) free(list->tensors[i].data);
  free(list);
  return failed ? -1 : 0;
}

static void write_vision_members(FILE *f, const make_spec *spec) {
  const bnc_vision_geometry *v = &spec->geometry.vision;
  fprintf(f, ",\"mm_vision_tower\":\"test/tower\",\"mm_hidden_size\":%zu,\"mm_vision_select_layer\":%d,\"mm_vision_select_feature\":\"%s\"",
          v->width, (int)v->layers_used - (int)v->layers - 1, v->select_cls ? "cls_patch" : "patch");
  if (v->views != 3 && v->has_dem) fprintf(f, ",\"mm_tiles_per_side\":%zu", v->views);
  if (spec->linear_projector)
    fprintf(f, ",\"mm_projector_type\":\"linear\"");
  else if (v->projector_depth == 0)
    fprintf(f, ",\"mm_projector_type\":\"identity\"");
  else
    fprintf(f, ",\"mm_projector_type\":\"mlp%zux_gelu\"", v->projector_depth);
  fprintf(f, ",\"image_aspect_ratio\":\"pad\"");
  if (v->heads * 64 != v->width && !spec->tower_apart) fprintf(f, ",\"vision_config\":{\"num_attention_heads\":%zu}", v->heads);
}

/* Frees text. What is no JSON, as some tests want it, is written as it is. */
static int write_config(const char *path, char *text) {
  char *merged = first_wins(text);
  FILE *f = fopen(path, "wb");
  if (f) fputs(merged ? merged : text, f);
  free(merged);
  free(text);
  return f ? fclose(f) : -1;
}

int make_checkpoint(const char *dir, const make_spec *spec) {
  const bnc_text_geometry *t = &spec->geometry.text;
  char path[512];
  mkdir(dir, 0777);
  snprintf(path, sizeof path, "%s/config.json", dir);
  char *text = NULL;
  size_t size;
  FILE *f = open_memstream(&text, &size);
  if (!is_open(f, path)) return -1;
  fprintf(f, "{%s\"model_type\":\"%s\",\"vocab_size\":%zu,\"hidden_size\":%zu,\"num_hidden_layers\":%zu",
          spec->config_members ? spec->config_members : "", spec->geometry.has_vision ? "llava_llama" : "llama", t->vocab, t->hidden,
          t->layers);
  fprintf(f, ",\"num_attention_heads\":%zu,\"num_key_value_heads\":%zu,\"head_dim\":%zu,\"intermediate_size\":%zu", t->heads, t->kv_heads,
          t->head_dim, t->ffn);
  fprintf(f, ",\"rms_norm_eps\":%.9g,\"rope_theta\":%.17g,\"max_position_embeddings\":%zu,\"tokenizer_model_max_length\":%zu",
          (double)t->rms_eps, t->rope_theta, t->max_positions, t->context);
  fprintf(f, ",\"bos_token_id\":%d,\"eos_token_id\":%d,\"pad_token_id\":%d,\"hidden_act\":\"silu\",\"rope_scaling\":null", t->bos,
          t->eos[0], t->pad);
  fprintf(f, ",\"attention_bias\":%s,\"tie_word_embeddings\":%s", t->attention_bias ? "true" : "false",
          t->tie_word_embeddings ? "true" : "false");
  if (spec->geometry.has_vision) write_vision_members(f, spec);
  fprintf(f, "}\n");
  return fclose(f) != 0 || write_config(path, text) != 0 ? -1 : write_all(dir, spec, false);
}

int make_tower(const char *dir, const make_spec *spec) {
  const bnc_vision_geometry *v = &spec->geometry.vision;
  char path[512];
  mkdir(dir, 0777);
  snprintf(path, sizeof path, "%s/config.json", dir);
  FILE *f = fopen(path, "wb");
  if (!is_open(f, path)) return -1;
  fprintf(f, "{\"model_type\":\"clip\",\"vision_config\":{\"hidden_size\":%zu,\"num_hidden_layers\":%zu,\"num_attention_heads\":%zu",
          v->width, v->layers, v->heads);
  fprintf(f, ",\"intermediate_size\":%zu,\"patch_size\":%zu,\"image_size\":%zu,\"layer_norm_eps\":%.9g,\"hidden_act\":\"%s\"}}\n", v->mlp,
          v->patch, v->tile, (double)v->ln_eps, v->activation == BNC_VISION_GELU ? "gelu" : "quick_gelu");
  return fclose(f) != 0 ? -1 : write_all(dir, spec, true);
}
