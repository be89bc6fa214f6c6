/* SPDX-License-Identifier: Apache-2.0 */
#include "quant/calibrate/calibrate.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "platforms/base/mem.h"
#include "platforms/file/file.h"
#include "quant/calibrate/gptq.h"
#include "quant/calibrate/layer_run.h"
#include "quant/calibrate/rounded_files.h"

#define PROBE 512u /* inputs of the moments whose time is taken for the estimate */

/* Head of the state file; the rows and the balance follow. */
typedef struct state_head {
  char magic[8];
  uint64_t key;     /* of the text, its embeddings, the geometry and the group: what would make another result */
  uint64_t weights; /* of the layers that are done, as the checkpoint has them */
  uint64_t content; /* XXH3-64 of what follows */
  uint64_t layers;
} state_head;
static const char state_magic[8] = "BNCCAL2";

/* What a token's rows, all layers' products and moments take, in multiply-accumulates: bnc_layer_run counts the same. */
static double work_of(const bnc_layer_run *r) {
  const bnc_text_geometry *t = r->c->text;
  const double rows = (double)r->rows, h = (double)t->hidden, q = (double)(t->heads * t->head_dim),
               kv = (double)(t->kv_heads * t->head_dim), f = (double)t->ffn;
  const double moments = 2 * h * h * (rows / 2 + h / 6) + q * q * (rows / 2 + q / 6) + f * f * (rows / 2 + f / 6);
  const double layers = (q + 2 * kv + 2 * f) * h * (rows + h / 2) + h * q * (rows + q / 2) + h * f * (rows + f / 2);
  const double head = h * h * (rows / 2 + h / 6) + (double)t->vocab * h * (rows + h / 2);
  return (moments + layers) * (double)t->layers + (r->c->head ? head : 0);
}

static double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* Says what is to come, from the time that a small part of it takes. */
static void estimate(bnc_layer_run *r, size_t layers_done) {
  if (!r->c->group) return;
  const size_t wide = r->c->text->hidden / 32 * 32, k = wide < PROBE ? wide : PROBE, rows = r->rows < PROBE ? r->rows : PROBE;
  double start, left;
  bnc_gptq_add_moments(r->moments, k, r->norm, rows, r->pool); /* memory that is new, threads that sleep */
  start = seconds();
  bnc_gptq_add_moments(r->moments, k, r->norm, rows, r->pool);
  start = seconds() - start;
  left = (r->total - r->done) * start / ((double)k * (double)k / 2 * (double)rows);
  const bool minutes = left >= 600;
  const unsigned long long about = (unsigned long long)((minutes ? left / 60 : left) + 0.5);
  bnc_context_log(r->context, BNC_LOG_INFO, "calibrating on %zu rows, from layer %zu of %zu: about %llu %s%s", r->rows, layers_done,
                  r->c->text->layers, about, minutes ? "minute" : "second", about == 1 ? "" : "s");
}

/* A text of prompts is cut to a multiple of 4 rows: those behind are left out. */
static void copy_prompts(bnc_layer_run *r) {
  const bnc_calibration_prompts *p = r->c->prompts;
  const float *from = p->rows;
  for (size_t i = 0, text = 0; text < r->texts; from += p->length[i++] * p->hidden) {
    const size_t rows = r->start[text + 1] - r->start[text];
    if (p->length[i] < BNC_OUTER_ROWS) continue;
    memcpy(r->state + r->start[text++] * p->hidden, from, rows * p->hidden * sizeof *from);
  }
}

static uint64_t precision_key(const bnc_calibration *c) {
  return c->precision ? XXH3_64bits(c->precision->group, c->text->layers * sizeof *c->precision->group) : 0;
}

static bnc_status embed(bnc_layer_run *r, uint64_t *key) {
  const bnc_calibration *c = r->c;
  const size_t hidden = c->text->hidden;
  bnc_status s = BNC_OK;
  if (c->prompts) copy_prompts(r);
  if (c->prompts && c->rotation) bnc_rotation_apply(c->rotation, r->state, r->rows, hidden);
  for (size_t i = 0; !c->prompts && s == BNC_OK && i < r->rows; i++)
    s = r->source->read(r->source->context, "model.embed_tokens.weight", (size_t)c->ids[i] * hidden, hidden, r->state + i * hidden, r->err);
  const uint64_t parts[] = {XXH3_64bits(r->start, (r->texts + 1) * sizeof *r->start),
                            XXH3_64bits(r->state, r->rows * hidden * sizeof(float)),
                            c->text->layers,
                            c->text->heads,
                            c->text->kv_heads,
                            c->text->head_dim,
                            c->text->ffn,
                            c->group,
                            precision_key(c)};
  *key = XXH3_64bits(parts, sizeof parts);
  return s;
}

/* A layer's tensors of the checkpoint, into what is known of those before. */
static bnc_status hash_layer(bnc_layer_run *r, size_t layer, uint64_t *hash) {
  const bnc_text_geometry *t = r->c->text;
  const bnc_tensor_source *inner = r->c->balance->inner;
  const size_t q = t->heads * t->head_dim * t->hidden, kv = t->kv_heads * t->head_dim * t->hidden, f = t->ffn * t->hidden;
  const struct {
    const char *name;
    size_t count;
  } tensors[] = {{"input_layernorm", t->hidden},
                 {"self_attn.q_proj", q},
                 {"self_attn.k_proj", kv},
                 {"self_attn.v_proj", kv},
                 {"self_attn.o_proj", q},
                 {"mlp.gate_proj", f},
                 {"mlp.up_proj", f},
                 {"mlp.down_proj", f},
                 {"post_attention_layernorm", t->hidden}};
  bnc_status s = BNC_OK;
  for (size_t i = 0; s == BNC_OK && i < sizeof tensors / sizeof *tensors; i++) {
    char name[96];
    snprintf(name, sizeof name, "model.layers.%zu.%s.weight", layer, tensors[i].name);
    for (size_t at = 0, here; s == BNC_OK && at < tensors[i].count; at += here) {
      here = tensors[i].count - at < BNC_LAYER_CHUNK ? tensors[i].count - at : BNC_LAYER_CHUNK;
      s = inner->read(inner->context, name, at, here, r->weights, r->err);
      if (s == BNC_OK) *hash = XXH3_64bits_withSeed(r->weights, here * sizeof(float), *hash);
    }
  }
  return s;
}

static bnc_status save_state(const bnc_layer_run *r, const char *path, const state_head *state) {
  const size_t bytes = r->rows * r->c->text->hidden * sizeof(float), balance = bnc_balance_bytes(r->c->text);
  state_head head = *state;
  memcpy(head.magic, state_magic, sizeof head.magic);
  head.content = XXH3_64bits_withSeed(r->c->balance->exponent, balance, XXH3_64bits(r->state, bytes));
  bnc_file_writer *out;
  bnc_status s = bnc_file_writer_open(&out, path, r->err);
  if (s != BNC_OK) return s;
  s = bnc_file_writer_write(out, &head, sizeof head, r->err);
  if (s == BNC_OK) s = bnc_file_writer_write(out, r->state, bytes, r->err);
  if (s == BNC_OK) s = bnc_file_writer_write(out, r->c->balance->exponent, balance, r->err);
  if (s == BNC_OK) return bnc_file_writer_commit(out, r->err);
  bnc_file_writer_abort(out);
  return s;
}

static bool is_state(const bnc_layer_run *r, const bnc_file_map *map, uint64_t key, state_head *head) {
  const size_t bytes = r->rows * r->c->text->hidden * sizeof(float), balance = bnc_balance_bytes(r->c->text);
  if (map->size != sizeof *head + bytes + balance) return false;
  memcpy(head, map->data, sizeof *head);
  const uint8_t *rows = map->data + sizeof *head;
  return memcmp(head->magic, state_magic, sizeof head->magic) == 0 && head->key == key && head->layers <= r->c->text->layers &&
         head->content == XXH3_64bits_withSeed(rows + bytes, balance, XXH3_64bits(rows, bytes));
}

/* What an earlier run has done of the same work on the same weights is taken; *state says how many layers. */
static bnc_status resume(bnc_layer_run *r, const char *path, state_head *state) {
  const size_t bytes = r->rows * r->c->text->hidden * sizeof(float);
  state_head found;
  bnc_file_map map;
  bnc_error ignored;
  bnc_status s = BNC_OK;
  if (bnc_file_map_open(&map, path, &ignored) != BNC_OK) return BNC_OK;
  if (is_state(r, &map, state->key, &found)) {
    uint64_t weights = 0;
    for (size_t layer = 0; s == BNC_OK && layer < found.layers; layer++) s = hash_layer(r, layer, &weights);
    if (s == BNC_OK && weights == found.weights) {
      memcpy(r->state, map.data + sizeof found, bytes);
      memcpy(r->c->balance->exponent, map.data + sizeof found + bytes, bnc_balance_bytes(r->c->text));
      *state = found;
    }
  }
  bnc_file_map_close(&map);
  return s;
}

static bnc_status run_layers(bnc_layer_run *r, const char *path) {
  const size_t layers = r->c->text->layers;
  state_head state = {.layers = 0};
  bnc_status s = embed(r, &state.key);
  if (s == BNC_OK) s = resume(r, path, &state);
  if (s != BNC_OK) return s;
  r->total = work_of(r);
  r->done = r->total * (double)state.layers / (double)layers;
  estimate(r, (size_t)state.layers);
  while (s == BNC_OK && state.layers < layers) {
    s = hash_layer(r, (size_t)state.layers, &state.weights);
    if (s == BNC_OK) s = bnc_layer_run_next(r, (size_t)state.layers);
    state.layers++;
    if (s == BNC_OK) s = save_state(r, path, &state);
  }
  return s == BNC_OK && r->c->head ? bnc_layer_run_head(r) : s;
}

bnc_status bnc_calibrate(bnc_context *context, const bnc_calibration *c, bnc_error *err) {
  bnc_layer_run run;
  bnc_status s = bnc_layer_run_create(&run, context, c, err);
  if (s == BNC_OK) s = bnc_rounded_folder(c->folder, err);
  char *path = bnc_rounded_path(c->folder, "layers", "state");
  if (s == BNC_OK) s = path ? run_layers(&run, path) : bnc_fail_memory(err, strlen(c->folder));
  bnc_mem_free(path);
  bnc_layer_run_destroy(&run);
  return s;
}
