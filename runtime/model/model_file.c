/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/model/model_file.h"

#include <string.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "platforms/base/mem.h"
#include "platforms/machine/memory.h"
#include "runtime/model/data_blocks.h"

#define MOST_REPORT (16u << 20) /* parsed, it takes many times as much */

static const char *const section_names[BNC_SECTION_KINDS] = {
    "?", "meta", "strings", "tokenizer", "weights", "constants", "vision", "prefill", "decode", "report", "data", "packed", "blocks",
};

const char *bnc_model_file_string(const bnc_model_file *f, uint32_t offset) {
  return offset < f->strings.size ? (const char *)f->strings.data + offset : "?";
}

bnc_weight_total bnc_model_file_weigh(const bnc_model_file *f, const char *prefix) {
  const size_t length = strlen(prefix);
  bnc_weight_total total = {0};
  for (size_t i = 0; i < f->weights; i++) {
    const bnc_file_weight *w = &f->weight[i];
    const bnc_weight_sizes sizes = bnc_weight_sizes_of(w);
    if (strncmp(bnc_model_file_string(f, w->name), prefix, length) != 0) continue;
    total.elements += (uint64_t)w->n * w->k;
    total.bytes += sizes.data + sizes.scales + sizes.offsets;
  }
  return total;
}

const char *bnc_program_name(bnc_program_id id) {
  static const char *const names[BNC_PROGRAMS] = {"vision", "prefill", "decode"};
  return (unsigned)id < BNC_PROGRAMS ? names[id] : "?";
}

static bnc_status read_header(bnc_model_file *f, const uint8_t *data, size_t size, bnc_error *err) {
  bnc_file_header *h = &f->header;
  if (size < sizeof *h) return bnc_fail(err, BNC_ERROR_FORMAT, "%zu bytes, expected a .bnc model file", size);
  memcpy(h, data, sizeof *h);
  if (memcmp(h->magic, BNC_FORMAT_MAGIC, sizeof h->magic) != 0)
    return bnc_fail(err, BNC_ERROR_FORMAT, "not a .bnc model file (a checkpoint is made into one by `binocle compile`)");
  if (h->version < BNC_FORMAT_OLDEST || h->version > BNC_FORMAT_VERSION)
    return bnc_fail(err, BNC_ERROR_UNSUPPORTED, "format version %u, expected %u or %u: compile the checkpoint anew", h->version,
                    BNC_FORMAT_OLDEST, BNC_FORMAT_VERSION);
  if (h->header_checksum != XXH3_64bits(h, offsetof(bnc_file_header, header_checksum)))
    return bnc_fail(err, BNC_ERROR_FORMAT, "the header is damaged");
  if (h->file_size != size)
    return bnc_fail(err, BNC_ERROR_FORMAT, "%zu bytes, expected %llu: the file is %s", size, (unsigned long long)h->file_size,
                    size < h->file_size ? "truncated" : "too long");
  if (h->sections > BNC_SECTIONS_MAX || h->sections * sizeof(bnc_file_section) > size - sizeof *h)
    return bnc_fail(err, BNC_ERROR_FORMAT, "%u sections do not fit into the file", h->sections);
  return BNC_OK;
}

void bnc_program_view(bnc_program *p, const uint8_t *section) {
  p->head = (const bnc_file_program *)(const void *)section;
  p->op = (const bnc_file_op *)(const void *)(p->head + 1);
  p->probe = (const bnc_file_probe *)(const void *)(p->op + p->head->ops);
}

static bnc_status read_program(bnc_model_file *f, bnc_program_id id, const char *name, bnc_blob b, bnc_error *err) {
  bnc_program *p = &f->program[id];
  if (b.size < sizeof *p->head) return bnc_fail(err, BNC_ERROR_FORMAT, "section %s has %zu bytes, expected a program", name, b.size);
  const bnc_file_program *head = (const bnc_file_program *)(const void *)b.data;
  uint64_t expected = sizeof *head + (uint64_t)head->ops * sizeof(bnc_file_op) + (uint64_t)head->probes * sizeof(bnc_file_probe);
  if (b.size != expected)
    return bnc_fail(err, BNC_ERROR_FORMAT, "section %s has %zu bytes, expected %llu", name, b.size, (unsigned long long)expected);
  bnc_program_view(p, b.data);
  return BNC_OK;
}

static bnc_status take_section(bnc_model_file *f, uint32_t kind, bnc_blob b, bnc_error *err) {
  switch (kind) {
    case BNC_SECTION_META:
      if (b.size != sizeof f->meta)
        return bnc_fail(err, BNC_ERROR_FORMAT, "section meta has %zu bytes, expected %zu", b.size, sizeof f->meta);
      memcpy(&f->meta, b.data, sizeof f->meta);
      return BNC_OK;
    case BNC_SECTION_STRINGS:
      f->strings = b;
      if (b.size == 0 || b.data[b.size - 1] != 0) return bnc_fail(err, BNC_ERROR_FORMAT, "section strings does not end in a NUL");
      return BNC_OK;
    case BNC_SECTION_TOKENIZER: f->tokenizer = b; return BNC_OK;
    case BNC_SECTION_WEIGHTS:
      if (b.size % sizeof *f->weight != 0)
        return bnc_fail(err, BNC_ERROR_FORMAT, "section weights has %zu bytes, expected a multiple of %zu", b.size, sizeof *f->weight);
      f->weight = (const bnc_file_weight *)(const void *)b.data;
      f->weights = b.size / sizeof *f->weight;
      return BNC_OK;
    case BNC_SECTION_CONSTANTS: f->constants = b; return BNC_OK;
    case BNC_SECTION_REPORT:
      f->report = b;
      if (b.size > MOST_REPORT)
        return bnc_fail(err, BNC_ERROR_FORMAT, "section report has %zu bytes, expected at most %u", b.size, MOST_REPORT);
      return BNC_OK;
    case BNC_SECTION_PACKED: f->packed = b; return BNC_OK;
    case BNC_SECTION_DATA: f->data = b; return BNC_OK;
    case BNC_SECTION_BLOCKS:
      f->block = (const bnc_file_block *)(const void *)b.data;
      f->blocks = b.size / sizeof *f->block;
      return BNC_OK;
    default:
      return read_program(f,
                          kind == BNC_SECTION_VISION    ? BNC_PROGRAM_VISION
                          : kind == BNC_SECTION_PREFILL ? BNC_PROGRAM_PREFILL
                                                        : BNC_PROGRAM_DECODE,
                          section_names[kind], b, err);
  }
}

static bool stays_mapped(uint32_t kind) { return kind == BNC_SECTION_DATA || kind == BNC_SECTION_PACKED; }

/* What the table says of each section, before anything is read. *copied: bytes of the sections that are copied. */
static bnc_status check_table(const bnc_file_section *table, uint32_t count, size_t size, uint64_t *copied, bnc_error *err) {
  uint32_t seen = 0;
  *copied = 0;
  for (uint32_t i = 0; i < count; i++) {
    const bnc_file_section *e = &table[i];
    if (e->kind == 0 || e->kind >= BNC_SECTION_KINDS)
      return bnc_fail(err, BNC_ERROR_FORMAT, "section %u is of the unknown kind %u", i, e->kind);
    const char *name = section_names[e->kind];
    if (e->offset % BNC_FORMAT_ALIGNMENT != 0 || e->offset > size || e->size > size - e->offset)
      return bnc_fail(err, BNC_ERROR_FORMAT, "section %s (%llu bytes at %llu) leaves the file of %zu bytes", name,
                      (unsigned long long)e->size, (unsigned long long)e->offset, size);
    if ((seen >> e->kind) & 1u) return bnc_fail(err, BNC_ERROR_FORMAT, "section %s is there twice", name);
    seen |= 1u << e->kind;
    if (!stays_mapped(e->kind)) *copied += e->size + BNC_FORMAT_ALIGNMENT;
  }
  for (uint32_t kind = 1; kind < BNC_SECTION_KINDS; kind++) {
    bool optional = kind == BNC_SECTION_TOKENIZER || kind == BNC_SECTION_VISION || kind == BNC_SECTION_REPORT || kind == BNC_SECTION_PACKED;
    if (!optional && !((seen >> kind) & 1u)) return bnc_fail(err, BNC_ERROR_FORMAT, "section %s is missing", section_names[kind]);
  }
  return BNC_OK;
}

/* The bytes of a section as they will be used: a copy in *free_bytes, or where they lie. */
static bnc_blob keep_section(const bnc_file_section *e, const uint8_t *data, uint8_t **free_bytes) {
  bnc_blob b = {data + e->offset, (size_t)e->size};
  if (stays_mapped(e->kind)) return b;
  uint8_t *copy = *free_bytes;
  if (b.size) memcpy(copy, b.data, b.size);
  *free_bytes += (b.size + BNC_FORMAT_ALIGNMENT - 1) / BNC_FORMAT_ALIGNMENT * BNC_FORMAT_ALIGNMENT;
  return (bnc_blob){copy, b.size};
}

/* Names the content by the bytes as they were kept: what lies in the file may be something else by now. */
static bnc_digest content_of(const bnc_model_file *f) {
  bnc_file_section kept[BNC_SECTIONS_MAX];
  uint64_t at = 0;
  for (uint32_t i = 0; i < f->header.sections; i++) {
    kept[i] = f->section[i];
    if (stays_mapped(kept[i].kind)) continue;
    kept[i].offset = at;
    at += (kept[i].size + BNC_FORMAT_ALIGNMENT - 1) / BNC_FORMAT_ALIGNMENT * BNC_FORMAT_ALIGNMENT;
  }
  return bnc_content_digest(kept, f->header.sections, f->tables);
}

static bnc_status read_sections(bnc_model_file *f, const uint8_t *data, size_t size, bnc_error *err) {
  const uint32_t count = f->header.sections;
  uint64_t copied;
  memcpy(f->section, data + sizeof(bnc_file_header), count * sizeof *f->section);
  if (f->header.table_checksum != XXH3_64bits(f->section, count * sizeof *f->section))
    return bnc_fail(err, BNC_ERROR_FORMAT, "the section table is damaged");
  bnc_status s = check_table(f->section, count, size, &copied, err);
  if (s == BNC_OK) s = bnc_memory_check(copied, "the tables of this model", err);
  if (s != BNC_OK) return s;
  f->tables = bnc_mem_alloc((size_t)copied);
  if (!f->tables) return bnc_fail_memory(err, (size_t)copied);
  uint8_t *free_bytes = f->tables;
  for (uint32_t i = 0; i < count; i++) {
    const bnc_file_section *e = &f->section[i];
    const bnc_blob b = keep_section(e, data, &free_bytes);
    /* Those that stay mapped have their checksums elsewhere. */
    if (e->checksum != (stays_mapped(e->kind) ? 0 : XXH3_64bits(b.data, b.size)))
      return bnc_fail(err, BNC_ERROR_FORMAT, "section %s is damaged: its checksum is wrong", section_names[e->kind]);
    s = take_section(f, e->kind, b, err);
    if (s != BNC_OK) return s;
  }
  const size_t blocks = f->data.size / BNC_FORMAT_BLOCK + (f->data.size % BNC_FORMAT_BLOCK != 0);
  if (f->blocks != blocks) return bnc_fail(err, BNC_ERROR_FORMAT, "section blocks has %zu blocks, expected %zu", f->blocks, blocks);
  f->content = content_of(f);
  return BNC_OK;
}

static bnc_status check_small_data(bnc_model_file *f, bnc_error *err) {
  bnc_block_damage damage;
  f->data_checked = f->data.size <= BNC_CHECK_AT_OPEN;
  if (!f->data_checked) return BNC_OK;
  bnc_status s = bnc_blocks_check(f, NULL, false, NULL, NULL, &damage, err);
  return s == BNC_OK ? bnc_blocks_judge(f, &damage, err) : s;
}

void bnc_model_file_find_text(bnc_model_file *f) {
  f->text_from = f->text_to = 0;
  for (bnc_program_id p = 0; p < BNC_PROGRAMS; p++) {
    const bnc_program *program = &f->program[p];
    for (uint32_t i = 0; p != BNC_PROGRAM_VISION && program->head && i < program->head->ops; i++) {
      if (program->op[i].kind != BNC_OP_LINEAR) continue;
      const uint32_t weight = program->op[i].weight;
      if (f->text_to == 0 || weight < f->text_from) f->text_from = weight;
      if (weight >= f->text_to) f->text_to = weight + 1;
    }
  }
}

bnc_status bnc_model_file_parse(bnc_model_file *f, const uint8_t *data, size_t size, bnc_error *err) {
  *f = (bnc_model_file){.watch = BNC_FILE_WATCH_NONE};
  bnc_status s = bnc_linear_choose(NULL, &f->linears, err);
  if (s == BNC_OK) s = read_header(f, data, size, err);
  if (s == BNC_OK) s = read_sections(f, data, size, err);
  if (s == BNC_OK) s = bnc_model_file_validate(f, err);
  if (s == BNC_OK) bnc_model_file_find_text(f);
  if (s == BNC_OK) s = check_small_data(f, err);
  if (s != BNC_OK) bnc_model_file_close(f);
  return s;
}

/* The pages of what was copied are not needed a second time. */
static void release_tables(const bnc_model_file *f) {
  const uint8_t *kept = f->packed.data && f->packed.data < f->data.data ? f->packed.data : f->data.data;
  bnc_file_map_release(&f->map, 0, (size_t)(kept - f->map.data));
}

bnc_status bnc_model_file_open(bnc_model_file *f, const char *path, bnc_error *err) {
  bnc_file_map map;
  bnc_file_watch watch;
  *f = (bnc_model_file){.watch = BNC_FILE_WATCH_NONE};
  bnc_status s = bnc_file_map_open_watched(&map, &watch, path, err);
  if (s != BNC_OK) return s;
  s = bnc_model_file_parse(f, map.data, map.size, err);
  f->map = map;
  f->watch = watch;
  f->path = bnc_mem_strndup(path, strlen(path));
  if (s != BNC_OK && s != BNC_ERROR_ARGUMENT) bnc_error_prefix(err, "%s", path); /* an argument is none of the file's */
  if (s == BNC_OK && !f->path) s = bnc_fail_memory(err, strlen(path));
  if (s == BNC_OK) s = bnc_model_file_unchanged(f, err);
  if (s == BNC_OK)
    release_tables(f);
  else
    bnc_model_file_close(f);
  return s;
}

bnc_status bnc_model_file_unchanged(const bnc_model_file *f, bnc_error *err) {
  if (!bnc_file_watch_changed(&f->watch)) return BNC_OK;
  return bnc_fail(err, BNC_ERROR_IO, "%s: the file was changed since it was opened; open it anew", f->path ? f->path : "model");
}

void bnc_model_file_close(bnc_model_file *f) {
  if (f->map.base) bnc_file_map_close(&f->map);
  bnc_file_watch_close(&f->watch);
  bnc_mem_free(f->path);
  bnc_mem_free(f->tables);
  *f = (bnc_model_file){.watch = BNC_FILE_WATCH_NONE};
}

uint64_t bnc_model_file_fingerprint(const bnc_model_file *f) {
  uint64_t fingerprint;
  memcpy(&fingerprint, f->content.byte, sizeof fingerprint);
  return fingerprint;
}

static bool is_zero(const uint8_t *bytes, size_t size) {
  for (size_t i = 0; i < size; i++)
    if (bytes[i] != 0) return false;
  return true;
}

/* Sections may stand in any order: each is followed by zeros up to the next multiple, and those by another section or the end. */
bnc_status bnc_model_file_check_gaps(const bnc_model_file *f, bnc_error *err) {
  const bnc_file_section *table = f->section;
  size_t end = sizeof f->header + f->header.sections * sizeof *table;
  for (uint32_t passed = 0;; passed++) {
    size_t next = f->map.size, behind = next;
    for (uint32_t i = 0; i < f->header.sections; i++)
      if (table[i].size > 0 && table[i].offset >= end && table[i].offset < next) {
        next = (size_t)table[i].offset;
        behind = next + (size_t)table[i].size;
      }
    if (!is_zero(f->map.data + end, next - end))
      return bnc_fail(err, BNC_ERROR_FORMAT, "%s: damaged in the %zu bytes before byte %zu, which are not all zero", f->path, next - end,
                      next);
    if (next == f->map.size || passed > f->header.sections) return BNC_OK;
    end = behind;
  }
}
