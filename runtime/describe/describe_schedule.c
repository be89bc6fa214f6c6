/* SPDX-License-Identifier: Apache-2.0 */
#include "platforms/file/page.h"
#include "runtime/describe/describe.h"
#include "runtime/describe/names.h"
#include "runtime/describe/op_cost.h"

static void print_operand(bnc_page *p, const bnc_operand *o) {
  bnc_page_print(p, " %s[%s%u,%u]", bnc_element_name(o->element), o->varying ? "<=" : "", o->rows, o->cols);
  if (o->stride != o->cols) bnc_page_print(p, "/%u", o->stride);
  bnc_page_print(p, "%s%llu", o->space == BNC_SPACE_CONSTANT ? "@const+" : "@", (unsigned long long)o->offset);
  if (o->space == BNC_SPACE_ARENA) bnc_page_print(p, "..%llu", (unsigned long long)(o->offset + bnc_operand_bytes(o)));
}

/* What an op's operands take, and a linear's share of its weight. */
static uint64_t moved_bytes(const bnc_model_file *f, const bnc_file_op *op) {
  uint64_t bytes = 0;
  for (int i = 0; i < BNC_OP_INPUTS; i++)
    if (op->in[i].space != BNC_SPACE_NONE) bytes += bnc_operand_bytes(&op->in[i]);
  for (int i = 0; i < BNC_OP_OUTPUTS; i++)
    if (op->out[i].space != BNC_SPACE_NONE) bytes += bnc_operand_bytes(&op->out[i]);
  return bytes + bnc_op_weight_bytes(f, op);
}

static void print_weight(bnc_page *p, const bnc_model_file *f, const bnc_file_op *op) {
  char name[BNC_NAME_SIZE];
  const bnc_file_weight *w = &f->weight[op->weight];
  bnc_page_print(p, " | weight %u %s %s[%u,%u]", op->weight, bnc_printable_name(f, w->name, name), bnc_weight_dtype_name(w->dtype), w->n,
                 w->k);
  if (bnc_weight_is_int4(w->dtype)) bnc_page_print(p, " groups of %u", w->group);
  uint32_t from = op->attr.linear.from, count = op->attr.linear.count;
  if (from != 0 || count != w->n) bnc_page_print(p, " columns %u..%u", from, from + count);
}

static void print_op(bnc_page *p, const bnc_model_file *f, uint32_t index, const bnc_file_op *op) {
  char name[BNC_NAME_SIZE];
  bnc_page_print(p, "%5u %-16s %-34s", index, bnc_op_info_of(op->kind)->name, bnc_printable_name(f, op->name, name));
  for (int i = 0; i < BNC_OP_INPUTS; i++)
    if (op->in[i].space != BNC_SPACE_NONE) print_operand(p, &op->in[i]);
  bnc_page_print(p, " ->");
  for (int i = 0; i < BNC_OP_OUTPUTS; i++)
    if (op->out[i].space != BNC_SPACE_NONE) print_operand(p, &op->out[i]);
  if (op->kind == BNC_OP_KV_APPEND) bnc_page_print(p, " cache of layer %u", op->attr.kv_append.layer);
  if (op->kind == BNC_OP_LINEAR) print_weight(p, f, op);
  for (int i = 0; i < 2; i++)
    if (op->table[i].space != BNC_SPACE_NONE) bnc_page_print(p, " | table %u <- %u", op->table[i].rows, op->table[i].cols);
  bnc_page_print(p, " | %llu MACs, %llu bytes\n", (unsigned long long)op->macs, (unsigned long long)moved_bytes(f, op));
}

bnc_status bnc_describe_schedule(const bnc_model_file *f, char **text, bnc_error *err) {
  char name[BNC_NAME_SIZE];
  bnc_page p = {0};
  bnc_page_print(&p, "# index kind name inputs -> outputs | weight | MACs, bytes read and written. type[rows,columns]/stride@first..end of "
                     "the arena's bytes.\n");
  for (bnc_program_id id = 0; id < BNC_PROGRAMS; id++) {
    const bnc_program *program = &f->program[id];
    if (!program->head) continue;
    bnc_page_print(&p, "\nprogram %s: %u ops, arena %llu bytes, %llu MACs\n", bnc_program_name(id), program->head->ops,
                   (unsigned long long)program->head->arena_bytes, (unsigned long long)program->head->macs);
    for (uint32_t i = 0; i < program->head->ops && !p.failed; i++) {
      print_op(&p, f, i, &program->op[i]);
      for (uint32_t k = 0; k < program->head->probes; k++) {
        const bnc_file_probe *probe = &program->probe[k];
        static const char *const stages[BNC_STAGES] = {"pixels", "tiles", "dem", "projector"};
        if (probe->op == i)
          bnc_page_print(&p, "      probe %s %s\n", stages[probe->stage],
                         probe->name == UINT32_MAX ? "" : bnc_printable_name(f, probe->name, name));
      }
    }
  }
  return bnc_page_finish(&p, text, err);
}
