/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/api/model_private.h"
#include "runtime/describe/describe.h"

bnc_status bnc_model_describe(bnc_model *model, bnc_description what, char **text) {
  if (!model) return BNC_ERROR_ARGUMENT;
  bnc_error *err = &model->context->error;
  if (!text) return bnc_fail(err, BNC_ERROR_ARGUMENT, "describe needs a place for its text");
  *text = NULL;
  bnc_status s;
  switch (what) {
    case BNC_DESCRIBE_TEXT: s = bnc_describe_text(&model->file, text, err); break;
    case BNC_DESCRIBE_JSON: s = bnc_describe_json(&model->file, text, err); break;
    case BNC_DESCRIBE_SCHEDULE: s = bnc_describe_schedule(&model->file, text, err); break;
    case BNC_DESCRIBE_MEMORY_SVG: s = bnc_describe_memory_svg(&model->file, text, err); break;
    default: return bnc_fail(err, BNC_ERROR_ARGUMENT, "there is no description %d", (int)what);
  }
  return s == BNC_OK ? s : bnc_error_prefix(err, "%s", model->file.path);
}
