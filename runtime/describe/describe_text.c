/* SPDX-License-Identifier: Apache-2.0 */
#include "platforms/base/json.h"
#include "platforms/base/mem.h"
#include "platforms/file/page.h"
#include "runtime/describe/describe.h"
#include "runtime/describe/names.h"
#include "runtime/model/probes.h"

static void head(bnc_page *p, const char *word) { bnc_page_print(p, "%-10s ", word); }

static void print_model(bnc_page *p, const bnc_model_file *f) {
  const bnc_file_meta *m = &f->meta;
  char name[BNC_NAME_SIZE];
  head(p, "model");
  if (m->name) bnc_page_print(p, "%s, ", bnc_printable_name(f, m->name, name));
  bnc_page_print(p, "format %u, ", f->header.version);
  bnc_page_bytes(p, f->header.file_size);
  bnc_page_print(p, "%s\n", f->tokenizer.data ? "" : ", no tokenizer");
  head(p, "text");
  bnc_page_print(p, "%u layers of %u, %u heads (%u for keys) of %u, ffn %u, vocabulary %u\n", m->layers, m->hidden, m->heads, m->kv_heads,
                 m->head_dim, m->ffn, m->vocabulary);
  if (!f->program[BNC_PROGRAM_VISION].head) return;
  head(p, "vision");
  bnc_page_print(p, "%u of %u layers of %u, %u heads, mlp %u; %u x %u tiles of %u pixels, %u rows per picture\n", m->vision_layers_used,
                 m->vision_layers, m->vision_width, m->vision_heads, m->vision_mlp, m->tiles_per_side, m->tiles_per_side, m->tile_side,
                 m->image_rows);
}

static void print_tiles(bnc_page *p, const bnc_model_file *f) {
  const bnc_program *v = &f->program[BNC_PROGRAM_VISION];
  char name[BNC_NAME_SIZE];
  if (!v->head) return;
  head(p, "tiles");
  bnc_page_print(p, "%u tower passes where the reference runs %u:", f->meta.tile_encodes, f->meta.tile_encodes_reference);
  uint32_t *index = bnc_mem_array(v->head->probes + 1, sizeof *index);
  size_t count = index ? bnc_program_stage_probes(v, BNC_STAGE_TILES, index) : 0;
  for (size_t i = 0; i < count && i < 20; i++) bnc_page_print(p, " %s", bnc_printable_name(f, v->probe[index[i]].name, name));
  bnc_page_print(p, "%s\n", count > 20 ? " ..." : "");
  if (!index) p->failed = true;
  bnc_mem_free(index);
}

static void print_weights(bnc_page *p, const bnc_model_file *f) {
  uint64_t bytes[BNC_WEIGHT_DTYPES] = {0}, count[BNC_WEIGHT_DTYPES] = {0}, coarse = 0;
  bool grouped = false;
  double weights = 0, all = 0;
  for (size_t i = 0; i < f->weights; i++) {
    bytes[bnc_weight_dtype_shown(f->weight[i].dtype)] += bnc_weight_bytes(&f->weight[i]);
    count[bnc_weight_dtype_shown(f->weight[i].dtype)]++;
    all += (double)bnc_weight_bytes(&f->weight[i]);
    weights += (double)f->weight[i].n * f->weight[i].k;
    grouped = grouped || bnc_weight_is_int4(f->weight[i].dtype);
  }
  head(p, "weights");
  const char *separator = "";
  for (uint32_t t = 0; t < BNC_WEIGHT_DTYPES; t++) {
    if (!count[t]) continue;
    bnc_page_print(p, "%s%llu matrices %s ", separator, (unsigned long long)count[t], bnc_weight_dtype_name(t));
    bnc_page_bytes(p, bytes[t]);
    separator = ", ";
  }
  bnc_page_print(p, ": %.2f bits a weight\n", weights > 0 ? 8 * all / weights : 0);
  /* Where int4 was asked for, layers whose inputs do not divide into groups are int8. */
  for (uint32_t i = 0; grouped && i < f->program[BNC_PROGRAM_DECODE].head->ops; i++) {
    const bnc_file_op *op = &f->program[BNC_PROGRAM_DECODE].op[i];
    coarse += op->kind == BNC_OP_LINEAR && op->attr.linear.from == 0 && f->weight[op->weight].dtype == BNC_WEIGHT_QC8 &&
              f->weight[op->weight].n != f->meta.vocabulary && f->weight[op->weight].k % 32 != 0;
  }
  if (coarse == 0) return;
  head(p, "");
  bnc_page_print(p, "%llu text layers are int8: their inputs do not divide into groups\n", (unsigned long long)coarse);
}

static void print_memory(bnc_page *p, const bnc_model_file *f) {
  bnc_memory_prediction m = bnc_predict_memory(f);
  head(p, "memory");
  bnc_page_bytes(p, m.total);
  bnc_page_print(p, " while answering (%llu rows): weights ", (unsigned long long)m.rows);
  bnc_page_bytes(p, m.weights);
  bnc_page_print(p, ", arena ");
  bnc_page_bytes(p, m.arena);
  bnc_page_print(p, ", KV cache (%s) ", bnc_kv_dtype_name(f->meta.kv_dtype));
  bnc_page_bytes(p, m.kv_cache);
  bnc_page_print(p, ", rest ");
  bnc_page_bytes(p, m.other);
  bnc_page_print(p, "\n");
  head(p, "");
  bnc_page_bytes(p, m.total_full);
  bnc_page_print(p, " with a full context of %u rows (prompts up to %u)\n", f->meta.context, f->meta.reference_limit);
}

static void print_column(bnc_page *p, int width, void (*print)(bnc_page *, uint64_t), uint64_t value) {
  bnc_page cell = {0};
  print(&cell, value);
  bnc_page_print(p, "%*s", width, cell.text ? cell.text : "?");
  bnc_mem_free(cell.text);
}

static void print_target(bnc_page *p, const bnc_model_file *f) {
  const bnc_file_meta *m = &f->meta;
  char name[BNC_NAME_SIZE];
  if (!m->target) return;
  head(p, "target");
  bnc_page_print(p, "%s, %u cores, L2 %u KiB, L3 %u KiB: ", bnc_printable_name(f, m->target, name), m->target_cores, m->target_l2_kib,
                 m->target_l3_kib);
  if (m->slab_matrices)
    bnc_page_print(p, "%u matrices in column slabs of up to %u KiB\n", m->slab_matrices, m->slab_kib);
  else
    bnc_page_print(p, "no matrix in column slabs\n");
}

static const struct {
  const char *key, *word;
  void (*print)(bnc_page *, uint64_t);
} columns[] = {{"ops", "ops", bnc_page_count},
               {"macs", "MACs", bnc_page_count},
               {"arena_bytes", "arena", bnc_page_bytes},
               {"moved_bytes", "moved", bnc_page_bytes},
               {"weight_read_bytes", "weights", bnc_page_bytes}};

/* The measures of one schedule, or dashes; a report from elsewhere may lack them. */
static void print_measures(bnc_page *p, yyjson_val *measures, bool same) {
  for (size_t i = 0; i < sizeof columns / sizeof *columns; i++) {
    yyjson_val *value = yyjson_obj_get(measures, columns[i].key);
    int width = i == 0 ? 6 : 8;
    bnc_page_print(p, " ");
    if (same || !yyjson_is_uint(value))
      bnc_page_print(p, "%*s", width, same ? "\"" : "-");
    else if (i == 0)
      bnc_page_print(p, "%*llu", width, (unsigned long long)yyjson_get_uint(value));
    else
      print_column(p, width, columns[i].print, yyjson_get_uint(value));
  }
}

static bool alike(yyjson_val *a, yyjson_val *b) {
  bool same = a && b;
  for (size_t i = 0; same && i < sizeof columns / sizeof *columns; i++)
    same = yyjson_get_uint(yyjson_obj_get(a, columns[i].key)) == yyjson_get_uint(yyjson_obj_get(b, columns[i].key));
  return same;
}

static const char *printable(yyjson_val *name) {
  const char *text = yyjson_get_str(name);
  for (const char *c = text; c && *c; c++)
    if (*c <= 0x20 || *c >= 0x7f) return NULL;
  return text;
}

/* From the compiler's report: each program as the reference computes it, scheduled as it is, and with one pass after the other. Two
   programs stand side by side: decode is prefill with one row. */
static void print_passes(bnc_page *p, yyjson_val *report) {
  yyjson_val *programs = yyjson_obj_get(report, "programs"),
             *side[2] = {yyjson_obj_get(programs, "vision"), yyjson_obj_get(programs, "prefill")};
  const char *const words[2] = {"vision", "prefill"};
  int first = side[0] ? 0 : 1;
  yyjson_val *passes = yyjson_obj_get(side[first], "passes");
  if (!yyjson_is_arr(passes) || !side[1]) return;
  bnc_page_print(p, "\n%-17s", "after pass");
  for (int k = first; k < 2; k++) {
    bnc_page_print(p, " %6s", words[k]);
    for (size_t i = 1; i < sizeof columns / sizeof *columns; i++) bnc_page_print(p, " %8s", columns[i].word);
  }
  bnc_page_print(p, "\n%-17s", "(reference)");
  for (int k = first; k < 2; k++) print_measures(p, yyjson_obj_get(side[k], "reference"), false);
  bnc_page_print(p, "\n%-17s", "(no pass)");
  for (int k = first; k < 2; k++) print_measures(p, yyjson_obj_get(side[k], "no_passes"), false);
  bnc_page_print(p, "\n");
  for (size_t i = 0; i < yyjson_arr_size(passes); i++) {
    const char *name = printable(yyjson_obj_get(yyjson_arr_get(passes, i), "name"));
    if (!name) continue;
    bnc_page_print(p, "%-17.40s", name);
    for (int k = first; k < 2; k++) {
      yyjson_val *each = yyjson_obj_get(side[k], "passes"), *was = i ? yyjson_arr_get(each, i - 1) : yyjson_obj_get(side[k], "no_passes");
      print_measures(p, yyjson_arr_get(each, i), alike(was, yyjson_arr_get(each, i)));
    }
    bnc_page_print(p, "%s\n", yyjson_get_bool(yyjson_obj_get(yyjson_arr_get(passes, i), "enabled")) ? "" : "  (off)");
  }
  bnc_page_print(p, "moved: activations that ops read and write; weights: read from memory by the target's caches; \": as before\n");
}

static void print_programs(bnc_page *p, const bnc_model_file *f) {
  bnc_page_print(p, "\n%-10s %9s %10s %10s %10s\n", "program", "ops", "MACs", "arena", "bound");
  for (bnc_program_id id = 0; id < BNC_PROGRAMS; id++) {
    const bnc_file_program *h = f->program[id].head;
    if (!h) continue;
    bnc_page_print(p, "%-10s %9u ", bnc_program_name(id), h->ops);
    print_column(p, 10, bnc_page_count, h->macs);
    bnc_page_print(p, " ");
    print_column(p, 10, bnc_page_bytes, h->arena_bytes);
    bnc_page_print(p, " ");
    print_column(p, 10, bnc_page_bytes, h->live_bytes);
    bnc_page_print(p, "\n");
  }
}

bnc_status bnc_describe_text(const bnc_model_file *f, char **text, bnc_error *err) {
  bnc_page p = {0};
  yyjson_doc *report = NULL;
  *text = NULL;
  if (f->report.data && bnc_json_parse(&report, (const char *)f->report.data, f->report.size, err) != BNC_OK)
    return bnc_error_prefix(err, "section report");
  print_model(&p, f);
  print_tiles(&p, f);
  print_weights(&p, f);
  print_memory(&p, f);
  print_target(&p, f);
  print_programs(&p, f);
  print_passes(&p, yyjson_doc_get_root(report));
  yyjson_doc_free(report);
  return bnc_page_finish(&p, text, err);
}
