/* SPDX-License-Identifier: Apache-2.0 */
/** @file settings.h  How much memory a session may take, and what it does with it. */
#ifndef BINOCLE_SETTINGS_H
#define BINOCLE_SETTINGS_H

#include <stddef.h>
#include <stdint.h>

#include <binocle/export.h>

#ifdef __cplusplus
extern "C" {
#endif

/** How a session is made. */
typedef struct bnc_session_settings {
  size_t size;       /**< see binocle.h; set by bnc_session_settings_init */
  uint32_t kv_cache; /**< a bnc_cache_type (compile.h); 0, its default: as the model was compiled */
  uint32_t context;  /**< rows that it may have; 0: the model's, which is also the most */
  /** Bytes of memory that the process should keep to; 0: what the machine and the control group leave. Where all does not fit, first the
      KV cache becomes int8, unless kv_cache says otherwise, then the context shorter, unless context says so, and at last weights are read
      from the file as they are needed. What the caller holds besides does not count, nor do caches of the system. */
  uint64_t memory_limit;
  uint32_t threads; /**< that compute; 0: the context's */
  /** 1: the cache folder is neither asked for the keys and values of what template and system text say in front of a first question, nor
      given them. 0, the default: they are kept there (bnc_context_settings.cache_dir), for this user alone to read, and are the next
      session's before its first question. */
  uint32_t private_preamble;
  /** Pixels of a picture once it is decoded from a file's bytes; 0: under a memory_limit those for which it leaves 4 bytes each beside
      the weights (4,194,304 at least), which is told, otherwise the most, 67,108,864. A larger one is halved or quartered while it is
      decoded, and BNC_ERROR_LIMIT refuses one of more than three times as many before anything is allocated for it. Not counted is what
      some files hold whole while they are decoded, per pixel of the file: a progressive JPEG up to 6 bytes, a lossless WebP 4, an
      interlaced PNG 3. */
  uint64_t max_pixels;
} bnc_session_settings;

/** The model's context and cache, all memory, the context's threads. */
BNC_API void bnc_session_settings_init(bnc_session_settings *settings);

#ifdef __cplusplus
}
#endif
#endif
