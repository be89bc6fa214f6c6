/* SPDX-License-Identifier: Apache-2.0 */
/** @file session.h  Conversations: pictures and questions in, answers out. */
#ifndef BINOCLE_SESSION_H
#define BINOCLE_SESSION_H

#include <binocle/model.h>
#include <binocle/text.h>

#ifdef __cplusplus
extern "C" {
#endif

/** One conversation: memory, operators and threads of its own. Sessions of one model may run on several threads at once, each on one. */
typedef struct bnc_session bnc_session;

/** Packs the weights on the first use of a model on a machine (see bnc_context_settings.cache_dir). Failures: bnc_context_error of the
 * model's context. */
BNC_API bnc_status bnc_session_create(bnc_model *model, bnc_session **session);
BNC_API void bnc_session_destroy(bnc_session *session);
/** What went wrong in the session's last call that failed. Never NULL. */
BNC_API const char *bnc_session_error(const bnc_session *session);

/** Decodes a WebP, JPEG or PNG file (or its bytes), runs vision and keeps the rows for a prompt to come. Pictures are used in this order.
 */
BNC_API bnc_status bnc_session_add_image_file(bnc_session *session, const char *path);
BNC_API bnc_status bnc_session_add_image(bnc_session *session, const void *bytes, size_t size);

/** Asks: the model's prompt template around `text`, with the pictures added since the last question. The first question starts the
    conversation, later ones continue it: what is in the KV cache is not computed again. */
BNC_API bnc_status bnc_session_ask(bnc_session *session, const char *text);
/** Appends token ids as they are; BNC_IMAGE_TOKEN takes the next picture. */
BNC_API bnc_status bnc_session_append(bnc_session *session, const int32_t *ids, size_t count);
/** 1 where the last ask or append was cut to the model's prompt_limit, as the reference cuts. */
BNC_API int bnc_session_was_cut(const bnc_session *session);
/** Rows in the KV cache. */
BNC_API size_t bnc_session_rows(const bnc_session *session);

/** Logits [vocabulary] behind the last row; valid until the next call that computes. */
BNC_API bnc_status bnc_session_logits(bnc_session *session, const float **logits, size_t *count);

typedef struct bnc_sampling {
  size_t size;        /**< set by bnc_sampling_init */
  double temperature; /**< 0: greedy */
  double top_p;       /**< in (0, 1]; 1: off */
  uint32_t top_k;     /**< 0: off */
  uint64_t seed;
  uint32_t max_tokens;  /**< 0: until a stop token or the end of the context */
  uint32_t ignore_stop; /**< 1: stop tokens do not end the answer */
} bnc_sampling;

/** Greedy, seed 0, 256 tokens. */
BNC_API void bnc_sampling_init(bnc_sampling *sampling);

typedef enum bnc_finish { BNC_FINISH_STOP = 0, BNC_FINISH_LENGTH = 1, BNC_FINISH_CONTEXT = 2, BNC_FINISH_CALLER = 3 } bnc_finish;

/** A piece of the answer, whole UTF-8 characters, not NUL-terminated; id is the token that completed it (-1 at the end). Not 0: stop. */
typedef int (*bnc_on_text)(void *user, int32_t id, const char *text, size_t length);

/** Generates an answer. on_text may be NULL; finish may be NULL. Without a tokenizer the pieces are empty. */
BNC_API bnc_status bnc_session_generate(bnc_session *session, const bnc_sampling *sampling, bnc_on_text on_text, void *user,
                                        bnc_finish *finish);

/** Forgets conversation and pictures; memory and operators stay. */
BNC_API void bnc_session_reset(bnc_session *session);
/** Goes back to before the first prompt: its pictures wait again, without vision, and whatever the next prompt has in common with it from
   the front (the template, the pictures) is not computed again. Answers are those of a new session, bit for bit. Pictures added later are
   dropped. */
BNC_API void bnc_session_restart(bnc_session *session);

typedef enum bnc_image_stage { BNC_IMAGE_PIXELS = 0, BNC_IMAGE_TILES = 1, BNC_IMAGE_DEM = 2, BNC_IMAGE_PROJECTOR = 3 } bnc_image_stage;

/** An intermediate result of vision: float32 of `rank` dimensions. Free values with bnc_array_free. */
typedef struct bnc_array {
  float *values;
  size_t rank, shape[4];
} bnc_array;
/** pixels [3,S,S]; tiles [T,rows,C]; dem [rows,C]; projector [rows,H]. */
BNC_API bnc_status bnc_session_encode(bnc_session *session, const char *image_path, bnc_image_stage stage, bnc_array *array);
BNC_API void bnc_array_free(bnc_array *array);

typedef struct bnc_statistics {
  size_t size;                                            /**< set it before the call */
  double load_seconds;                                    /**< of bnc_session_create */
  double vision_seconds, prefill_seconds, decode_seconds; /**< totals of this session */
  uint64_t pictures, prefill_rows, decode_tokens;
  uint64_t arena_bytes, kv_bytes, packed_bytes, packed_memory_bytes;
  uint32_t threads;
  char cpu_level[16];
} bnc_statistics;
BNC_API bnc_status bnc_session_get_statistics(const bnc_session *session, bnc_statistics *statistics);

#ifdef __cplusplus
}
#endif
#endif
