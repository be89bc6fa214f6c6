/* SPDX-License-Identifier: Apache-2.0 */
#include <binocle/compile.h>
#include <string.h>

#include "quant/compile/assemble.h"
#include "quant/compile/text_parts.h"
#include "quant/import/checkpoint.h"

static bnc_status read_checkpoint(void *context, const char *name, size_t first, size_t count, float *out, bnc_error *err) {
  const bnc_checkpoint *checkpoint = context;
  const bnc_source_tensor *tensor = bnc_checkpoint_find(checkpoint, name);
  if (!tensor) return bnc_fail(err, BNC_ERROR_INTERNAL, "the checkpoint has no tensor %s", name);
  return bnc_checkpoint_read_f32(tensor, first, count, out, err);
}

static bnc_status compile(bnc_context *context, const bnc_compile_options *o, const bnc_checkpoint *checkpoint, bnc_error *err) {
  bnc_tensor_source source = {.read = read_checkpoint};
  bnc_assembly a = {.geometry = bnc_checkpoint_geometry(checkpoint), .source = &source};
  bnc_text_parts text = {0};
  memcpy(&source.context, &checkpoint, sizeof checkpoint); /* reading does not change it */
  bnc_status s = bnc_text_parts_read(&text, context, o->checkpoint, checkpoint, &a.meta, err);
  a.tokenizer = text.tokenizer;
  a.tokenizer_size = text.tokenizer_size;
  a.system = text.system_given ? text.system : NULL;
  if (s == BNC_OK) s = bnc_assemble_model(context, o, &a, err);
  bnc_text_parts_free(&text);
  return s;
}

bnc_status bnc_compile(bnc_context *context, const bnc_compile_options *options) {
  bnc_compile_options o;
  bnc_checkpoint *checkpoint;
  if (!context) return BNC_ERROR_ARGUMENT;
  bnc_error *err = &context->error;
  bnc_status s = bnc_compile_options_take(&o, options, err);
  if (s == BNC_OK && !o.checkpoint) s = bnc_fail(err, BNC_ERROR_ARGUMENT, "compile needs a checkpoint: options.checkpoint");
  if (s == BNC_OK && o.mmproj && o.vision_tower)
    s = bnc_fail(err, BNC_ERROR_ARGUMENT, "a checkpoint has a vision tower's folder or, as GGUF, an mmproj file, not both");
  if (s == BNC_OK && bnc_context_progress(context, "reading the checkpoint", 0.0)) s = bnc_fail(err, BNC_ERROR_CANCELLED, "cancelled");
  if (s == BNC_OK) s = bnc_checkpoint_open(&checkpoint, o.checkpoint, o.mmproj ? o.mmproj : o.vision_tower, err);
  if (s != BNC_OK) return s;
  s = compile(context, &o, checkpoint, err);
  bnc_checkpoint_close(checkpoint);
  return s;
}
