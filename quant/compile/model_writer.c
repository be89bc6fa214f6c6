/* SPDX-License-Identifier: Apache-2.0 */
#include "quant/compile/model_writer.h"

#include <string.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "platforms/base/mem.h"
#include "platforms/file/file.h"
#include "quant/compile/weight_stream.h"
#include "runtime/model/data_blocks.h"
#include "runtime/model/weight_slabs.h"

#define MAX_SECTIONS 12

typedef struct section {
  uint32_t kind;
  const void *data; /* DATA, BLOCKS, PACKED: NULL, streamed */
  uint64_t size;
} section;

typedef struct writer {
  bnc_context *context;
  const bnc_model_parts *parts;
  bnc_error *err;
  bnc_layout layout;
  bnc_file_weight *weight; /* [weights] */
  uint32_t *source;        /* [weights] constants' weight id */
  uint32_t weights;
  uint64_t data_size;
  uint8_t *constants;
  uint64_t constants_size;
  bnc_block_writer *blocks;
  uint8_t *program[BNC_PROGRAMS];
  size_t program_size[BNC_PROGRAMS];
} writer;

static uint64_t align_up(uint64_t x) { return (x + BNC_FORMAT_ALIGNMENT - 1) & ~(uint64_t)(BNC_FORMAT_ALIGNMENT - 1); }

static void mark_used(const bnc_schedule *s, uint8_t *weights, uint8_t *constants, uint8_t *taps) {
  const bnc_graph *g = s->graph;
  for (size_t i = 0; i < s->steps; i++) {
    const bnc_step *step = &s->step[i];
    if (step->weight != BNC_NO_ID) weights[step->weight] = 1;
    if (step->lut != BNC_NO_ID) constants[step->lut] = 1;
    for (int t = 0; t < 2; t++)
      if (step->taps[t] != BNC_NO_ID) taps[step->taps[t]] = 1;
    for (int k = 0; k < BNC_OP_INPUTS; k++) {
      if (step->in[k] == BNC_NO_VALUE) continue;
      const bnc_node *producer = &g->node[g->value[step->in[k]].producer];
      if (producer->kind == BNC_NODE_CONSTANT) constants[producer->constant] = 1;
    }
  }
}

/* Where DATA goes on for a part of so many bytes. */
static uint64_t place(writer *w, uint64_t size) {
  uint64_t at = w->data_size;
  if (size == 0) return UINT64_MAX;
  w->data_size = align_up(at + size);
  return at;
}

static void place_weight(writer *w, uint32_t id) {
  bnc_file_weight *f = &w->weight[w->weights];
  *f = bnc_weight_describe(&w->parts->constants->weight[id]);
  const bnc_weight_sizes sizes = bnc_weight_sizes_of(f);
  f->data = place(w, sizes.data);
  f->scales = place(w, sizes.scales);
  f->offsets = place(w, sizes.offsets);
  f->bias = place(w, sizes.bias);
  w->source[w->weights] = id;
  w->layout.weight_index[id] = w->weights++;
}

static bnc_status place_constants(writer *w, const uint8_t *constants, const uint8_t *taps, size_t rope_count) {
  const bnc_constants *c = w->parts->constants;
  uint64_t size = align_up(rope_count * 4);
  for (size_t i = 0; i < c->constants; i++)
    if (constants[i]) {
      w->layout.constant_offset[i] = size;
      size = align_up(size + c->constant[i].rows * c->constant[i].cols * 4);
    }
  for (size_t i = 0; i < c->taps_count; i++)
    if (taps[i]) {
      w->layout.taps_offset[i] = size;
      size = align_up(size + sizeof(bnc_file_taps) + (c->taps[i].rows + 1) * 4 + (uint64_t)c->taps[i].start[c->taps[i].rows] * 8);
    }
  w->constants_size = size;
  w->constants = bnc_mem_zalloc((size_t)size);
  if (!w->constants) return bnc_fail_memory(w->err, size);
  if (rope_count) memcpy(w->constants, w->parts->rope, rope_count * 4);
  for (size_t i = 0; i < c->constants; i++)
    if (constants[i])
      memcpy(w->constants + w->layout.constant_offset[i], c->constant[i].data, c->constant[i].rows * c->constant[i].cols * 4);
  for (size_t i = 0; i < c->taps_count; i++)
    if (taps[i]) {
      const bnc_taps *t = &c->taps[i];
      uint8_t *at = w->constants + w->layout.taps_offset[i];
      size_t n = t->start[t->rows];
      bnc_file_taps head = {(uint32_t)t->rows, (uint32_t)t->in_rows, (uint32_t)n, bnc_taps_is_gather(t)};
      memcpy(at, &head, sizeof head);
      memcpy(at += sizeof head, t->start, (t->rows + 1) * 4);
      memcpy(at += (t->rows + 1) * 4, t->index, n * 4);
      memcpy(at + n * 4, t->weight, n * 4);
    }
  return BNC_OK;
}

/* Only what a program uses goes into the file: weights of layers that pruning removed stay out. */
static bnc_status lay_out(writer *w) {
  const bnc_constants *c = w->parts->constants;
  uint8_t *weights = bnc_mem_array(c->weights + 1, 1), *constants = bnc_mem_array(c->constants + 1, 1),
          *taps = bnc_mem_array(c->taps_count + 1, 1);
  w->layout.constant_offset = bnc_mem_array(c->constants + 1, sizeof(uint64_t));
  w->layout.taps_offset = bnc_mem_array(c->taps_count + 1, sizeof(uint64_t));
  w->layout.weight_index = bnc_mem_array(c->weights + 1, sizeof(uint32_t));
  w->weight = bnc_mem_array(c->weights + 1, sizeof *w->weight);
  w->source = bnc_mem_array(c->weights + 1, sizeof *w->source);
  bnc_status s = BNC_OK;
  if (!weights || !constants || !taps || !w->layout.constant_offset || !w->layout.taps_offset || !w->layout.weight_index || !w->weight ||
      !w->source)
    s = bnc_fail_memory(w->err, c->weights * sizeof *w->weight);
  if (s == BNC_OK) {
    for (bnc_program_id p = 0; p < BNC_PROGRAMS; p++)
      if (w->parts->program[p]) mark_used(w->parts->program[p], weights, constants, taps);
    weights[w->parts->embedding] = 1;
    for (uint32_t i = 0; i < c->weights; i++) {
      w->layout.weight_index[i] = UINT32_MAX;
      if (weights[i]) place_weight(w, i);
    }
    s = place_constants(w, constants, taps, w->parts->meta.head_dim / 2);
  }
  for (bnc_program_id p = 0; s == BNC_OK && p < BNC_PROGRAMS; p++)
    if (w->parts->program[p]) s = bnc_schedule_emit(w->parts->program[p], &w->layout, &w->program[p], &w->program_size[p]);
  bnc_mem_free(weights);
  bnc_mem_free(constants);
  bnc_mem_free(taps);
  return s;
}

/* Packs from what was just written: nothing is computed twice, and no more than a slab is in memory. */
static bnc_status write_packed(const writer *w, bnc_file_writer *out, const bnc_file_section *table, uint32_t before,
                               bnc_file_section *packed) {
  bnc_model_file file = {.meta.embedding = w->layout.weight_index[w->parts->embedding], .weight = w->weight, .weights = w->weights};
  bnc_packed_store *store = NULL;
  bnc_status s = bnc_linear_choose(w->context->settings.linear, &file.linears, w->err);
  if (s == BNC_OK) s = bnc_file_writer_map(out, &file.map, w->err);
  for (uint32_t i = 0; i < before; i++)
    if (table[i].kind == BNC_SECTION_DATA && s == BNC_OK) file.data = (bnc_blob){file.map.data + table[i].offset, (size_t)table[i].size};
  for (bnc_program_id p = 0; p < BNC_PROGRAMS; p++)
    if (w->program[p]) bnc_program_view(&file.program[p], w->program[p]);
  bnc_model_file_find_text(&file);
  if (s == BNC_OK) file.content = bnc_content_digest(table, before, file.map.data);
  const bnc_packed_identity identity = bnc_weight_slabs_identity(&file);
  if (s == BNC_OK) s = bnc_packed_write(&store, out, w->err);
  if (s == BNC_OK) s = bnc_weight_slabs_pack(&file, store, w->context, w->err);
  if (s == BNC_OK) s = bnc_packed_finish(store, &identity, &packed->size, w->err);
  bnc_packed_destroy(store);
  if (file.map.base) bnc_file_map_close(&file.map);
  return s;
}

static bnc_status write_blocks(writer *w, bnc_file_writer *out, bnc_file_section *entry) {
  const bnc_file_block *block;
  size_t blocks;
  bnc_block_writer_finish(w->blocks, &block, &blocks);
  entry->size = blocks * sizeof *block;
  entry->checksum = XXH3_64bits(block, (size_t)entry->size);
  return blocks ? bnc_file_writer_write(out, block, (size_t)entry->size, w->err) : BNC_OK;
}

/* The oldest version that knows all of its types. */
static uint32_t version_of(const writer *w) {
  for (size_t i = 0; i < w->weights; i++)
    if (w->weight[i].dtype == BNC_WEIGHT_BF16) return BNC_FORMAT_VERSION;
  return BNC_FORMAT_BEFORE_BF16;
}

static bnc_status write_sections(writer *w, bnc_file_writer *out, const section *sections, uint32_t count) {
  bnc_file_header header = {.version = version_of(w), .sections = count};
  bnc_file_section table[MAX_SECTIONS] = {{0}};
  memcpy(header.magic, BNC_FORMAT_MAGIC, sizeof header.magic);
  bnc_status s = bnc_file_writer_write(out, &header, sizeof header, w->err);
  if (s == BNC_OK) s = bnc_file_writer_write(out, table, count * sizeof *table, w->err);
  for (uint32_t i = 0; s == BNC_OK && i < count; i++) {
    s = bnc_file_writer_align(out, BNC_FORMAT_ALIGNMENT, w->err);
    table[i] = (bnc_file_section){.kind = sections[i].kind, .offset = bnc_file_writer_size(out), .size = sections[i].size};
    if (s != BNC_OK) break;
    if (sections[i].data) {
      table[i].checksum = XXH3_64bits(sections[i].data, (size_t)sections[i].size);
      s = bnc_file_writer_write(out, sections[i].data, (size_t)sections[i].size, w->err);
    } else if (sections[i].kind == BNC_SECTION_PACKED) {
      s = write_packed(w, out, table, i, &table[i]);
    } else if (sections[i].kind == BNC_SECTION_BLOCKS) {
      s = write_blocks(w, out, &table[i]);
    } else {
      s = bnc_weights_stream(w->context, w->parts->constants, w->parts->rounded, w->parts->centre, w->weight, w->source, w->weights,
                             w->data_size, out, w->blocks, w->err);
    }
  }
  header.file_size = bnc_file_writer_size(out);
  header.table_checksum = XXH3_64bits(table, count * sizeof *table);
  header.header_checksum = XXH3_64bits(&header, offsetof(bnc_file_header, header_checksum));
  if (s == BNC_OK) s = bnc_file_writer_patch(out, 0, &header, sizeof header, w->err);
  if (s == BNC_OK) s = bnc_file_writer_patch(out, sizeof header, table, count * sizeof *table, w->err);
  return s;
}

static void free_writer(writer *w) {
  bnc_mem_free(w->layout.constant_offset);
  bnc_mem_free(w->layout.taps_offset);
  bnc_mem_free(w->layout.weight_index);
  bnc_mem_free(w->weight);
  bnc_mem_free(w->source);
  bnc_mem_free(w->constants);
  bnc_block_writer_destroy(w->blocks);
  for (bnc_program_id p = 0; p < BNC_PROGRAMS; p++) bnc_mem_free(w->program[p]);
}

bnc_status bnc_model_plan(bnc_context *context, const bnc_model_parts *parts, bnc_demand *demand, bnc_error *err) {
  writer w = {.context = context, .parts = parts, .err = err};
  bnc_model_file file = {.meta = parts->meta, .tokenizer.size = parts->tokenizer_size};
  bnc_status s = lay_out(&w);
  if (s == BNC_OK) s = bnc_linear_choose(context->settings.linear, &file.linears, err);
  if (s == BNC_OK) {
    file.meta.embedding = w.layout.weight_index[parts->embedding];
    file.weight = w.weight;
    file.weights = w.weights;
    file.constants.size = (size_t)w.constants_size;
    for (bnc_program_id p = 0; p < BNC_PROGRAMS; p++)
      if (w.program[p]) bnc_program_view(&file.program[p], w.program[p]);
    bnc_model_file_find_text(&file);
    bnc_demand_count(demand, &file);
  }
  free_writer(&w);
  return s;
}

bnc_status bnc_model_write(bnc_context *context, const bnc_model_parts *parts, const char *path, bnc_error *err) {
  writer w = {.context = context, .parts = parts, .err = err};
  bnc_file_meta meta = parts->meta;
  bnc_file_writer *out = NULL;
  section sections[MAX_SECTIONS];
  uint32_t n = 0;
  bnc_status s = lay_out(&w);
  if (s == BNC_OK) {
    meta.embedding = w.layout.weight_index[parts->embedding];
    meta.rope_frequencies = 0; /* they come first */
    static const uint32_t kinds[BNC_PROGRAMS] = {BNC_SECTION_VISION, BNC_SECTION_PREFILL, BNC_SECTION_DECODE};
    sections[n++] = (section){BNC_SECTION_META, &meta, sizeof meta};
    sections[n++] = (section){BNC_SECTION_STRINGS, parts->constants->strings, parts->constants->strings_size};
    sections[n++] = (section){BNC_SECTION_WEIGHTS, w.weight, w.weights * sizeof *w.weight};
    sections[n++] = (section){BNC_SECTION_CONSTANTS, w.constants, w.constants_size};
    for (bnc_program_id p = 0; p < BNC_PROGRAMS; p++)
      if (w.program[p]) sections[n++] = (section){kinds[p], w.program[p], w.program_size[p]};
    if (parts->report) sections[n++] = (section){BNC_SECTION_REPORT, parts->report, strlen(parts->report)};
    if (parts->tokenizer) sections[n++] = (section){BNC_SECTION_TOKENIZER, parts->tokenizer, parts->tokenizer_size};
    sections[n++] = (section){BNC_SECTION_DATA, NULL, w.data_size};
    sections[n++] = (section){BNC_SECTION_BLOCKS, NULL, 0};
    if (parts->packed) sections[n++] = (section){BNC_SECTION_PACKED, NULL, 0};
    s = bnc_block_writer_create(&w.blocks, err);
  }
  if (s == BNC_OK) s = bnc_file_writer_open(&out, path, err);
  if (s == BNC_OK) s = write_sections(&w, out, sections, n);
  if (s == BNC_OK)
    s = bnc_file_writer_commit(out, err);
  else
    bnc_file_writer_abort(out);
  free_writer(&w);
  return s;
}
