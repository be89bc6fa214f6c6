/* SPDX-License-Identifier: Apache-2.0 */
/* What ran, where and how: without it a report is worth nothing a week later. */
#include <binocle/version.h>

#include "platforms/base/mem.h"
#include "platforms/machine/machine.h"
#include "runtime/describe/names.h"
#include "runtime/model/kv_layout.h"
#include "runtime/profile/profile_print.h"

typedef unsigned long long number;

static void print_text(bnc_page *page, const char *name, const char *text) {
  bnc_page_print(page, ", \"%s\": ", name);
  bnc_profile_print_string(page, text);
}

static void print_model(const bnc_profile *p, bnc_page *page) {
  const bnc_model_file *f = p->file;
  char name[BNC_NAME_SIZE], digest[2 * BNC_DIGEST_BYTES + 1];
  uint64_t bytes[BNC_WEIGHT_DTYPES] = {0};
  bnc_digest_text(&f->content, BNC_DIGEST_BYTES, digest);
  for (size_t i = 0; i < f->weights; i++) bytes[bnc_weight_dtype_shown(f->weight[i].dtype)] += bnc_weight_bytes(&f->weight[i]);
  bnc_page_print(page, "\"model_name\": ");
  bnc_profile_print_string(page, f->meta.name ? bnc_printable_name(f, f->meta.name, name) : "");
  print_text(page, "file", f->path ? f->path : "");
  print_text(page, "fingerprint", digest);
  bnc_page_print(page, ", \"format_version\": %u, \"file_bytes\": %llu, \"weights\": {", f->header.version, (number)f->header.file_size);
  const char *separator = "";
  for (uint32_t d = 0; d < BNC_WEIGHT_DTYPES; d++) {
    if (!bytes[d]) continue;
    bnc_page_print(page, "%s\"%s\": %llu", separator, bnc_weight_dtype_name(d), (number)bytes[d]);
    separator = ", ";
  }
  bnc_page_print(page, "}, \"kv\": \"%s\", \"context\": %u", bnc_kv_dtype_name(f->meta.kv_dtype), f->meta.context);
}

static void print_machine(const bnc_machine *m, bnc_page *page) {
  bnc_page_print(page, ", \"machine\": {\"cpus\": %u, \"cores\": %u, \"memory_bytes\": %llu", m->cpu.cpus, m->cpu.cores,
                 (number)m->memory_total);
  print_text(page, "cpu", m->cpu.brand);
  print_text(page, "uarch", m->cpu.uarch);
  print_text(page, "os", m->os);
  print_text(page, "kernel", m->kernel);
  bnc_page_print(page, "}");
}

bnc_status bnc_profile_print_identity(const bnc_profile *p, bnc_page *page, bnc_error *err) {
  bnc_machine *machine = bnc_mem_zalloc(sizeof *machine);
  if (!machine) return bnc_fail_memory(err, sizeof *machine);
  const bnc_status s = bnc_machine_read(machine, p->file->path, err);
  bnc_page_print(page, "\"identity\": {");
  print_model(p, page);
  if (s == BNC_OK) print_machine(machine, page);
  bnc_mem_free(machine);
  print_text(page, "cpu_level", bnc_cpu_level_name(p->kernels->level));
  bnc_page_print(page, ", \"threads\": %zu", bnc_pool_threads(p->pool));
  print_text(page, "linear", p->file->linears.name);
  print_text(page, "version", bnc_version());
  print_text(page, "command", p->about.command ? p->about.command : "");
  print_text(page, "date", p->about.date);
  bnc_page_print(page, ", ");
  bnc_profile_print_real(page, "load_before", p->about.load_before);
  bnc_page_print(page, ", ");
  bnc_profile_print_real(page, "load_after", p->about.load_after);
  bnc_page_print(page, "}");
  return s;
}
