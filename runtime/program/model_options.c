/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/program/model_options.h"

#include <stdio.h>
#include <string.h>

const char *const bnc_vision_choices[] = {"f32", "int8", "bf16", NULL}, *const bnc_text_choices[] = {"f32", "int8", "int4", "bf16", NULL},
                  *const bnc_head_choices[] = {"int8", "int4", NULL}, *const bnc_group_choices[] = {"default", "16",  "32",
                                                                                                    "64",      "128", NULL},
                  *const bnc_cache_choices[] = {"default", "f32", "f16", "int8", NULL},
                  *const bnc_rotation_choices[] = {"auto", "on", "off", NULL};

/* Index of `name` among the names that name_at gives; behind them, all are listed in text. */
static unsigned find_name(const char *name, const char *(*name_at)(unsigned), char text[256]) {
  unsigned i = 0;
  size_t used = 0;
  text[0] = 0;
  for (const char *each; (each = name_at(i)) != NULL; i++) {
    if (strcmp(each, name) == 0) break;
    if (used < 256) used += (size_t)snprintf(text + used, 256 - used, "%s%s", used ? ", " : "", each);
  }
  return i;
}

/* Bits of the passes to leave out, or the exit code of wrong usage. */
static int find_passes(const bnc_command *command, const bnc_text_list *names, unsigned *bits) {
  for (size_t i = 0; i < names->count; i++) {
    char all[256];
    const unsigned pass = find_name(names->item[i], bnc_compile_pass_name, all);
    if (!bnc_compile_pass_name(pass))
      return bnc_usage_error(command->name, "there is no pass '%.60s', expected one of %s", names->item[i], all);
    *bits |= 1u << pass;
  }
  return BNC_PARSED;
}

static int check_target(const bnc_command *command, const char *target) {
  char all[256];
  if (!target || bnc_compile_target_name(find_name(target, bnc_compile_target_name, all))) return BNC_PARSED;
  return bnc_usage_error(command->name, "there is no target '%.60s', expected one of %s", target, all);
}

bnc_weights bnc_vision_weights(unsigned choice) {
  static const bnc_weights weights[] = {BNC_WEIGHTS_F32, BNC_WEIGHTS_INT8, BNC_WEIGHTS_BF16};
  return weights[choice];
}

int bnc_model_options_take(const bnc_command *command, const bnc_model_options *m, bnc_compile_options *o) {
  bnc_compile_options_init(o);
  o->output = m->output;
  o->vision_weights = bnc_vision_weights(m->vision);
  o->text_weights = (bnc_weights)m->text;
  o->head_weights = m->head ? BNC_WEIGHTS_INT4 : BNC_WEIGHTS_INT8;
  o->embedding_weights = m->embedding ? BNC_WEIGHTS_INT4 : BNC_WEIGHTS_INT8;
  o->bits_per_weight = (float)m->bits;
  o->group = m->group ? 8u << m->group : 0;
  o->kv_cache = (bnc_cache_type)m->cache;
  o->rotation = (bnc_rotation_choice)m->rotation;
  o->context = (unsigned)m->context;
  o->input_size = (unsigned)m->input_size;
  o->report = m->report;
  o->packed = m->packed;
  o->target = m->target;
  const int code = check_target(command, m->target);
  return code == BNC_PARSED ? find_passes(command, &m->disabled, &o->disabled_passes) : code;
}

int bnc_model_options_check(bnc_work *work, const bnc_model_options *m) {
  const int code = bnc_work_check_output(work, m->output);
  return code == BNC_EXIT_DONE && m->report ? bnc_work_check_output(work, m->report) : code;
}
