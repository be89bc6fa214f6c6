/* SPDX-License-Identifier: Apache-2.0 */
/* The "JSON Array/Object Format" of Chrome's trace viewer: complete events ("X") in microseconds, a track per program. */
#include "runtime/describe/names.h"
#include "runtime/profile/profile_record.h"

typedef unsigned long long number;

static void print_time(bnc_page *page, const char *name, uint64_t nanoseconds) {
  bnc_page_print(page, ", \"%s\": %llu.%03u", name, (number)(nanoseconds / 1000), (unsigned)(nanoseconds % 1000));
}

bnc_status bnc_profile_print_trace(const bnc_profile *profile, const bnc_model_file *file, char **text, bnc_error *err) {
  bnc_page page = {0};
  char name[BNC_NAME_SIZE];
  bnc_page_print(&page, "{\"displayTimeUnit\": \"ms\", \"traceEvents\": [\n{\"ph\": \"M\", \"pid\": 1, \"tid\": 0, \"name\": "
                        "\"process_name\", \"args\": {\"name\": \"binocle\"}}");
  for (bnc_program_id p = 0; p < BNC_PROGRAMS; p++)
    bnc_page_print(&page, ",\n{\"ph\": \"M\", \"pid\": 1, \"tid\": %u, \"name\": \"thread_name\", \"args\": {\"name\": \"%s\"}}", p + 1,
                   bnc_program_name(p));
  for (size_t i = 0; i < profile->count && !page.failed; i++) {
    const bnc_profile_event *e = &profile->event[i];
    const bnc_file_op *op = &file->program[e->program].op[e->op];
    bnc_page_print(&page, ",\n{\"ph\": \"X\", \"pid\": 1, \"tid\": %u, \"name\": \"%s\", \"cat\": \"%s\"", e->program + 1,
                   bnc_printable_name(file, op->name, name), bnc_op_info_of(op->kind)->name);
    print_time(&page, "ts", e->start - profile->begin);
    print_time(&page, "dur", e->duration);
    bnc_page_print(&page, ", \"args\": {\"op\": %u, \"rows\": %u}}", e->op, e->rows);
  }
  bnc_page_print(&page, "\n]}\n");
  return bnc_page_finish(&page, text, err);
}
