/* SPDX-License-Identifier: Apache-2.0 */
/** @file context_private.h  The inside of bnc_context. */
#ifndef BINOCLE_PLATFORMS_BASE_CONTEXT_PRIVATE_H
#define BINOCLE_PLATFORMS_BASE_CONTEXT_PRIVATE_H

#include <binocle/context.h>
#include <stdbool.h>

#include "platforms/base/error.h"

struct bnc_context {
  bnc_context_settings settings;
  char *cache_dir, *linear; /* owned copies of what settings point to, or NULL */
  bnc_error error;
};

__attribute__((format(printf, 3, 4))) void bnc_context_log(const bnc_context *context, bnc_log_level level, const char *format, ...);
/** True where the caller wants the work to stop. */
bool bnc_context_progress(const bnc_context *context, const char *stage, double fraction);

#endif
