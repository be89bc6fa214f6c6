/* SPDX-License-Identifier: Apache-2.0 */
#include "quant/calibrate/calibrate.h"

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

/* Head of the state file; the rows follow. */
typedef struct state_head {
  char magic[8];
  uint64_t key;  /* of the text, its embeddings, the geometry and the group: what would make another result */
  uint64_t rows; /* XXH3-64 of the rows */
  uint64_t layers;
} state_head;
static const char state_magic[8] = "BNCCAL1";

/* What a token's rows, all layers' products and moments take, in multiply-accumulates: bnc_layer_run counts the same. */
static double work_of(const bnc_layer_run *r) {
  const bnc_text_geometry *t = r->c->text;
  const double rows = (double)r->rows, h = (double)t->hidden, q = (double)(t->heads * t->head_dim),
               kv = (double)(t->kv_heads * t->head_dim), f = (double)t->ffn;
  const double moments = 2 * h * h * (rows / 2 + h / 6) + q * q * (rows / 2 + q / 6) + f * f * (rows / 2 + f / 6);
  const double layers = (q + 2 * kv + 2 * f) * h * (rows + h / 2) + h * q * (rows + q / 2) + h * f * (rows + f / 2);
  return (moments + layers) * (double)t->layers;
}

static double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* Says what is to come, from the time that a small part of it takes. */
static void estimate(bnc_layer_run *r, size_t layers_done) {
  const size_t wide = r->c->text->hidden / 32 * 32, k = wide < PROBE ? wide : PROBE, rows = r->rows < PROBE ? r->rows : PROBE;
  double start = seconds(), left;
  bnc_gptq_add_moments(r->moments, k, r->norm, rows, r->pool);
  start = seconds() - start;
  left = (r->total - r->done) * start / ((double)k * (double)k / 2 * (double)rows);
  bnc_context_log(r->context, BNC_LOG_INFO, "calibrating on %zu ids, from layer %zu of %zu: about %.0f minutes", r->rows, layers_done,
                  r->c->text->layers, left / 60 + 0.5);
}

static bnc_status embed(bnc_layer_run *r, uint64_t *key) {
  const bnc_calibration *c = r->c;
  const size_t hidden = c->text->hidden;
  bnc_status s = BNC_OK;
  for (size_t i = 0; s == BNC_OK && i < r->rows; i++)
    s = c->source->read(c->source->context, "model.embed_tokens.weight", (size_t)c->ids[i] * hidden, hidden, r->state + i * hidden, r->err);
  const uint64_t parts[] = {XXH3_64bits(c->ids, r->rows * sizeof *c->ids),
                            XXH3_64bits(r->state, r->rows * hidden * sizeof(float)),
                            c->text->layers,
                            c->text->heads,
                            c->text->kv_heads,
                            c->text->head_dim,
                            c->text->ffn,
                            c->group,
                            r->window};
  *key = XXH3_64bits(parts, sizeof parts);
  return s;
}

static bnc_status save_state(const bnc_layer_run *r, const char *path, uint64_t key, size_t layers) {
  const size_t bytes = r->rows * r->c->text->hidden * sizeof(float);
  state_head head = {.key = key, .rows = XXH3_64bits(r->state, bytes), .layers = layers};
  memcpy(head.magic, state_magic, sizeof head.magic);
  bnc_file_writer *out;
  bnc_status s = bnc_file_writer_open(&out, path, r->err);
  if (s != BNC_OK) return s;
  s = bnc_file_writer_write(out, &head, sizeof head, r->err);
  if (s == BNC_OK) s = bnc_file_writer_write(out, r->state, bytes, r->err);
  if (s == BNC_OK) return bnc_file_writer_commit(out, r->err);
  bnc_file_writer_abort(out);
  return s;
}

/* Layers that an earlier run has done: its state is taken; 0 where there is none, or none of the same work. */
static size_t resume(bnc_layer_run *r, const char *path, uint64_t key) {
  const size_t bytes = r->rows * r->c->text->hidden * sizeof(float);
  bnc_file_map map;
  bnc_error ignored;
  size_t layers = 0;
  if (bnc_file_map_open(&map, path, &ignored) != BNC_OK) return 0;
  if (map.size == sizeof(state_head) + bytes) {
    state_head head;
    memcpy(&head, map.data, sizeof head);
    const bool same = memcmp(head.magic, state_magic, sizeof head.magic) == 0 && head.key == key && head.layers <= r->c->text->layers &&
                      head.rows == XXH3_64bits(map.data + sizeof head, bytes);
    if (same) {
      memcpy(r->state, map.data + sizeof head, bytes);
      layers = (size_t)head.layers;
    }
  }
  bnc_file_map_close(&map);
  return layers;
}

static bnc_status run_layers(bnc_layer_run *r, const char *path) {
  const size_t layers = r->c->text->layers;
  uint64_t key = 0;
  bnc_status s = embed(r, &key);
  if (s != BNC_OK) return s;
  size_t layer = resume(r, path, key);
  r->total = work_of(r);
  r->done = r->total * (double)layer / (double)layers;
  estimate(r, layer);
  for (; s == BNC_OK && layer < layers; layer++) {
    s = bnc_layer_run_next(r, layer);
    if (s == BNC_OK) s = save_state(r, path, key, layer + 1);
  }
  return s;
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
