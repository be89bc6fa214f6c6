/* SPDX-License-Identifier: Apache-2.0 */
/** @file context.h  What a program gives the library once: where messages and progress go, how many threads there are, where the cache
 * lies. */
#ifndef BINOCLE_CONTEXT_H
#define BINOCLE_CONTEXT_H

#include <stddef.h>

#include <binocle/export.h>
#include <binocle/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Settings and the last error of one caller. A context serves one thread at a time; several may live side by side. */
typedef struct bnc_context bnc_context;

/** How grave a message is; each level includes those before it. */
typedef enum bnc_log_level { BNC_LOG_WARNING = 1, BNC_LOG_INFO = 2, BNC_LOG_DEBUG = 3 } bnc_log_level;

/** Settings of a context. */
typedef struct bnc_context_settings {
  size_t size; /**< see binocle.h; set by bnc_context_settings_init */
  void *user;  /**< handed to the callbacks */
  /** One line without a line break. NULL: no messages. */
  void (*log)(void *user, bnc_log_level level, const char *message);
  /** A stage of long work ("packing weights") is `fraction` done, 0 to 1. A return other than 0 cancels the work: the call
      that does it then returns BNC_ERROR_CANCELLED. Called often and from the caller's thread; NULL: no reports. */
  int (*progress)(void *user, const char *stage, double fraction);
  unsigned threads;      /**< 0: the big cores that this process may run on */
  const char *cache_dir; /**< folder of packed weights; NULL: the environment's BINOCLE_CACHE, else the user's cache folder; "": no cache */
  const char *linear; /**< what runs linear layers: "own" kernels, "xnnpack", or "auto", the faster; NULL: the environment's BINOCLE_LINEAR,
                         else auto */
  void *reserved[7];  /**< NULL */
} bnc_context_settings;

/** Fills in the defaults. Always call it first. */
BNC_API void bnc_context_settings_init(bnc_context_settings *settings);

/** Settings may be NULL: the defaults. Fails with BNC_ERROR_ARGUMENT or BNC_ERROR_MEMORY, and then *context is NULL. Destroy it with
 * bnc_context_destroy. */
BNC_API bnc_status bnc_context_create(const bnc_context_settings *settings, bnc_context **context);
/** After every handle that was made with it. NULL is allowed. */
BNC_API void bnc_context_destroy(bnc_context *context);

/** What went wrong in the last call that failed with this context: one line, valid until the next call. Never NULL. */
BNC_API const char *bnc_context_error(const bnc_context *context);

/** Frees a string that the library returned. NULL is allowed. */
BNC_API void bnc_string_free(char *string);

#ifdef __cplusplus
}
#endif
#endif
