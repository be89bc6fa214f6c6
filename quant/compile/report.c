/* SPDX-License-Identifier: Apache-2.0 */
/* compile --report: what each program was, what each pass made of it, and what it came to. Also kept in the model file, for inspect. */
#include <string.h>

#include "platforms/json.h"
#include "platforms/mem.h"
#include "quant/compile/programs.h"

static void add_size(yyjson_mut_doc *doc, yyjson_mut_val *object, const bnc_program_size *size) {
  yyjson_mut_obj_add_uint(doc, object, "ops", size->nodes);
  yyjson_mut_obj_add_uint(doc, object, "macs", size->macs);
}

static void add_program(yyjson_mut_doc *doc, yyjson_mut_val *root, const bnc_programs *p, int which, const char *name) {
  yyjson_mut_val *program = yyjson_mut_obj_add_obj(doc, root, name), *passes;
  const bnc_schedule *s = &p->schedule[which];
  add_size(doc, yyjson_mut_obj_add_obj(doc, program, "reference"), &p->reference[which]);
  passes = yyjson_mut_obj_add_arr(doc, program, "passes");
  for (int pass = 0; pass < BNC_PASSES; pass++) {
    const bnc_program_size *before = pass ? &p->after[which][pass - 1] : &p->reference[which], *after = &p->after[which][pass];
    yyjson_mut_val *row = yyjson_mut_arr_add_obj(doc, passes);
    yyjson_mut_obj_add_str(doc, row, "name", bnc_pass_name((bnc_pass_id)pass));
    yyjson_mut_obj_add_bool(doc, row, "enabled", (p->passes >> pass) & 1u);
    add_size(doc, row, after);
    yyjson_mut_obj_add_sint(doc, row, "ops_saved", (int64_t)before->nodes - (int64_t)after->nodes);
    yyjson_mut_obj_add_sint(doc, row, "macs_saved", (int64_t)before->macs - (int64_t)after->macs);
  }
  yyjson_mut_val *schedule = yyjson_mut_obj_add_obj(doc, program, "schedule");
  yyjson_mut_obj_add_uint(doc, schedule, "ops", s->steps);
  yyjson_mut_obj_add_uint(doc, schedule, "arena_bytes", s->arena_bytes);
  yyjson_mut_obj_add_uint(doc, schedule, "live_bytes", s->live_bytes);
  yyjson_mut_obj_add_real(doc, schedule, "arena_over_live", s->live_bytes ? (double)s->arena_bytes / (double)s->live_bytes : 1.0);
}

bnc_status bnc_programs_report(const bnc_programs *p, char **json, bnc_error *err) {
  static const char *const names[3] = {"vision", "prefill", "decode"};
  yyjson_mut_doc *doc = yyjson_mut_doc_new(&bnc_json_allocator);
  yyjson_mut_val *root = doc ? yyjson_mut_obj(doc) : NULL;
  *json = NULL;
  if (root) {
    yyjson_mut_doc_set_root(doc, root);
    yyjson_mut_obj_add_uint(doc, root, "tile_encodes", p->tile_encodes);
    yyjson_mut_obj_add_uint(doc, root, "tile_encodes_reference", p->tile_encodes_reference);
    yyjson_mut_val *programs = yyjson_mut_obj_add_obj(doc, root, "programs");
    for (int i = 0; i < 3; i++)
      if (p->present[i]) add_program(doc, programs, p, i, names[i]);
    *json = yyjson_mut_write_opts(doc, YYJSON_WRITE_PRETTY_TWO_SPACES, &bnc_json_allocator, NULL, NULL);
  }
  yyjson_mut_doc_free(doc);
  return *json ? BNC_OK : bnc_fail_memory(err, 0);
}
