/* SPDX-License-Identifier: Apache-2.0 */
#include <binocle/compile.h>
#include <stdio.h>

#include "platforms/base/mem.h"
#include "quant/compile/assemble.h"
#include "quant/synth/presets.h"
#include "quant/synth/random_tensors.h"
#include "runtime/text/prompt.h"

static bnc_status fail_preset(const char *preset, bnc_error *err) {
  char list[256] = "";
  size_t used = 0;
  const char *name;
  for (unsigned i = 0; (name = bnc_synth_preset_name(i, NULL)) != NULL; i++)
    if (used < sizeof list) used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "", name);
  return bnc_fail(err, BNC_ERROR_ARGUMENT, "there is no preset %s, expected one of %s", preset, list);
}

/* demand not NULL: only counts what such a model asks of a machine. */
static bnc_status assemble(bnc_context *context, const char *preset, const bnc_compile_options *options, bnc_demand *demand) {
  bnc_compile_options o;
  bnc_geometry geometry;
  char name[96];
  bnc_error *err = &context->error;
  if (!preset) return bnc_fail(err, BNC_ERROR_ARGUMENT, "synth needs a preset");
  bnc_status s = bnc_compile_options_take(&o, options, err);
  if (s == BNC_OK && !bnc_synth_geometry(preset, &geometry)) s = fail_preset(preset, err);
  if (s != BNC_OK) return s;
  bnc_tensor_source source = bnc_random_tensors(&geometry);
  snprintf(name, sizeof name, "%s (random weights)", preset);
  bnc_assembly assembly = {.geometry = &geometry,
                           .source = &source,
                           .name = name,
                           .meta = {.bos = -1, .prompt_template = BNC_PROMPT_PLAIN},
                           .random = true,
                           .demand = demand};
  return bnc_assemble_model(context, &o, &assembly, err);
}

bnc_status bnc_synth(bnc_context *context, const char *preset, const bnc_compile_options *options) {
  return context ? assemble(context, preset, options, NULL) : BNC_ERROR_ARGUMENT;
}

bnc_status bnc_synth_demand(bnc_context *context, const char *preset, const bnc_compile_options *options, bnc_demand **demand) {
  if (!context) return BNC_ERROR_ARGUMENT;
  if (!demand) return bnc_fail(&context->error, BNC_ERROR_ARGUMENT, "synth_demand needs a place for its handle");
  *demand = NULL;
  bnc_demand *d = bnc_mem_zalloc(sizeof *d);
  if (!d) return bnc_fail_memory(&context->error, sizeof *d);
  const bnc_status s = assemble(context, preset, options, d);
  if (s != BNC_OK) {
    bnc_mem_free(d);
    return s;
  }
  snprintf(d->name, sizeof d->name, "%s", preset);
  *demand = d;
  return BNC_OK;
}
