/* SPDX-License-Identifier: Apache-2.0 */
#include "platforms/base/context_private.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "platforms/base/mem.h"
#include "platforms/base/sized.h"

void bnc_context_settings_init(bnc_context_settings *settings) {
  if (settings) *settings = (bnc_context_settings){.size = sizeof *settings};
}

/* Points a setting at a copy of its own. */
static bool keep(const char **setting, char **copy) {
  if (!*setting) return true;
  *copy = bnc_mem_strndup(*setting, strlen(*setting));
  *setting = *copy;
  return *copy != NULL;
}

bnc_status bnc_context_create(const bnc_context_settings *settings, bnc_context **context) {
  if (!context) return BNC_ERROR_ARGUMENT;
  *context = NULL;
  if (settings && !bnc_sized_is_set(settings)) return BNC_ERROR_ARGUMENT;
  bnc_context *c = bnc_mem_zalloc(sizeof *c);
  if (!c) return BNC_ERROR_MEMORY;
  bnc_context_settings_init(&c->settings);
  if (settings) bnc_sized_read(&c->settings, sizeof c->settings, settings);
  if (!keep(&c->settings.cache_dir, &c->cache_dir) || !keep(&c->settings.linear, &c->linear)) {
    bnc_context_destroy(c);
    return BNC_ERROR_MEMORY;
  }
  *context = c;
  return BNC_OK;
}

void bnc_context_destroy(bnc_context *context) {
  if (!context) return;
  bnc_mem_free(context->cache_dir);
  bnc_mem_free(context->linear);
  bnc_mem_free(context);
}

const char *bnc_context_error(const bnc_context *context) { return context ? context->error.text : "no context was given"; }

void bnc_string_free(char *string) { bnc_mem_free(string); }

void bnc_context_log(const bnc_context *context, bnc_log_level level, const char *format, ...) {
  if (!context->settings.log) return;
  char text[BNC_ERROR_TEXT_SIZE];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  context->settings.log(context->settings.user, level, text);
}

bool bnc_context_progress(const bnc_context *context, const char *stage, double fraction) {
  return context->settings.progress && context->settings.progress(context->settings.user, stage, fraction) != 0;
}
