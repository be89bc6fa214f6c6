/* SPDX-License-Identifier: Apache-2.0 */
/* Words for ops: where in the model one belongs, what shape and what types it has. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "runtime/describe/names.h"
#include "runtime/profile/profile_sums.h"

/* The parts of vision, in the order in which they run. */
enum { TILES, DEM, PROJECTOR };

static bool starts(const char *name, const char *with) { return strncmp(name, with, strlen(with)) == 0; }

static int part_of(const char *name) {
  if (starts(name, "dem.")) return DEM;
  return starts(name, "fusion") || starts(name, "projector") ? PROJECTOR : TILES;
}

/* "layer3" of "layer3.mlp.fc1": letters, and digits or an underscore behind them, up to a point or the end. */
static void copy_layer(const char *name, char *out) {
  static const char *const words[] = {"layer", "block", "phase", "ffn_"};
  const size_t length = strcspn(name, ".");
  for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
    const size_t word = strlen(words[i]);
    if (!starts(name, words[i]) || length <= word || length >= BNC_LABEL_SIZE) continue;
    if (words[i][word - 1] != '_' && !isdigit((unsigned char)name[word])) continue;
    memcpy(out, name, length);
    out[length] = '\0';
    return;
  }
}

void bnc_profile_labels(const bnc_model_file *file, bnc_program_id id, bnc_profile_label *labels) {
  const bnc_program *program = &file->program[id];
  int reached = TILES;
  for (uint32_t i = 0; i < program->head->ops; i++) {
    char name[BNC_NAME_SIZE];
    bnc_profile_label *l = &labels[i];
    *l = (bnc_profile_label){{0}, {0}};
    bnc_printable_name(file, program->op[i].name, name);
    if (id != BNC_PROGRAM_VISION) {
      copy_layer(name, l->layer);
      continue;
    }
    const int part = part_of(name);
    const size_t length = strcspn(name, ".");
    if (part > reached) reached = part;
    if (reached == TILES)
      snprintf(l->tile, sizeof l->tile, "%.*s", (int)(length < BNC_LABEL_SIZE ? length : BNC_LABEL_SIZE - 1), name);
    else
      snprintf(l->tile, sizeof l->tile, "%s", reached == DEM ? "DEM" : "projector");
    if (part == reached && name[length] == '.') copy_layer(name + length + 1, l->layer);
  }
}

static bool same(const bnc_profile_label *a, const bnc_profile_label *b, bool layers) {
  return strcmp(a->tile, b->tile) == 0 && (!layers || strcmp(a->layer, b->layer) == 0);
}

size_t bnc_profile_part_end(const bnc_profile *p, const bnc_profile_phase *phase, const bnc_profile_label *label, size_t from,
                            bool layers) {
  size_t to = from + 1;
  while (to < phase->first + phase->events && same(&label[p->event[from].op], &label[p->event[to].op], layers)) to++;
  return to;
}

void bnc_profile_shape(const bnc_profile *p, const bnc_profile_sum *s, char *text, size_t size) {
  typedef unsigned long long number;
  const bnc_file_op *op = &p->file->program[s->program].op[s->op];
  const bnc_operand *x = &op->in[0];
  const number rows = x->varying ? s->rows : x->rows;
  const unsigned heads = op->attr.attention.heads ? op->attr.attention.heads : 1;
  switch (op->kind) {
    case BNC_OP_LINEAR: snprintf(text, size, "%llux%ux%u", rows, x->cols, op->attr.linear.count); break;
    case BNC_OP_ATTENTION:
    case BNC_OP_ATTENTION_I8: snprintf(text, size, "%llux%ux%ux%u", rows, op->in[1].rows, heads, x->cols / heads); break;
    case BNC_OP_CACHE_ATTENTION:
      snprintf(text, size, "%llux%llux%ux%u", rows, (number)(s->position + s->rows), heads, x->cols / heads);
      break;
    case BNC_OP_PATCHES:
    case BNC_OP_PATCHES_U8: {
      const bnc_operand *y = &op->out[op->out[0].space == BNC_SPACE_NONE];
      snprintf(text, size, "%ux%u", y->rows, y->cols);
      break;
    }
    default: snprintf(text, size, "%llux%u", rows, x->cols);
  }
}

void bnc_profile_dtype(const bnc_profile *p, const bnc_profile_sum *s, char *text, size_t size) {
  const bnc_file_op *op = &p->file->program[s->program].op[s->op];
  const char *in = bnc_element_name(op->in[0].element);
  char out[16] = "";
  for (int i = 0; i < BNC_OP_OUTPUTS; i++) {
    const size_t used = strlen(out);
    const char *element = bnc_element_name(op->out[i].element);
    if (op->out[i].space != BNC_SPACE_NONE && !strstr(out, element))
      snprintf(out + used, sizeof out - used, "%s%s", used ? "+" : "", element);
  }
  if (op->kind == BNC_OP_LINEAR)
    snprintf(text, size, "%s x %s -> %s", in, bnc_weight_dtype_name(p->file->weight[op->weight].dtype), out);
  else if (op->kind == BNC_OP_CACHE_ATTENTION)
    snprintf(text, size, "%s x %s -> %s", in, bnc_kv_dtype_name(p->file->meta.kv_dtype), out);
  else if (op->kind == BNC_OP_KV_APPEND)
    snprintf(text, size, "%s -> %s", in, bnc_kv_dtype_name(p->file->meta.kv_dtype));
  else
    snprintf(text, size, "%s -> %s", in, out);
}
