/* SPDX-License-Identifier: Apache-2.0 */
/** @file session.h  Conversations: pictures and questions in, answers out. */
#ifndef BINOCLE_SESSION_H
#define BINOCLE_SESSION_H

#include <binocle/constrain.h>
#include <binocle/generate.h>
#include <binocle/model.h>
#include <binocle/pixels.h>
#include <binocle/settings.h>
#include <binocle/text.h>

#ifdef __cplusplus
extern "C" {
#endif

/** One conversation: memory, operators and threads of its own. Sessions of one model may run on several threads at once, each on one. */
typedef struct bnc_session bnc_session;

/** Makes a session, whose messages are those of the model's context until it stands. Packs the weights on the first use of a model on a
 * machine where layers need that (bnc_context_settings.cache_dir). BNC_ERROR_IO, BNC_ERROR_FORMAT: the weights cannot be read any more;
 * BNC_ERROR_UNSUPPORTED: this machine lacks something that the model's ops need; BNC_ERROR_CANCELLED: the progress callback asked. */
BNC_API bnc_status bnc_session_create(bnc_model *model, bnc_session **session);
/** The same with settings of its own; NULL: the defaults. BNC_ERROR_LIMIT: it does not fit into memory; the message says what would. */
BNC_API bnc_status bnc_session_create_with(bnc_model *model, const bnc_session_settings *settings, bnc_session **session);
/** Before its model is closed. NULL is allowed. */
BNC_API void bnc_session_destroy(bnc_session *session);
/** What went wrong in the session's last call that failed. Never NULL. */
BNC_API const char *bnc_session_error(const bnc_session *session);

/** Decodes a picture (BNC_IMAGE_FORMATS), runs vision and keeps the rows for a prompt to come; prompts use pictures in this order.
 * BNC_ERROR_IO: the file cannot be read; BNC_ERROR_FORMAT: it is no such picture, or a damaged one; BNC_ERROR_LIMIT: more pixels than are
 * decoded; BNC_ERROR_UNSUPPORTED: a text-only model; BNC_ERROR_CANCELLED: the progress callback asked. */
BNC_API bnc_status bnc_session_add_image_file(bnc_session *session, const char *path);
/** The same from the bytes of such a file. */
BNC_API bnc_status bnc_session_add_image(bnc_session *session, const void *bytes, size_t size);
/** The same from pixels in memory. BNC_ERROR_ARGUMENT: a format, side or stride that cannot be. */
BNC_API bnc_status bnc_session_add_pixels(bnc_session *session, const bnc_pixels *pixels);

/** A stage of a session's work is `fraction` done, 0 to 1, on the session's thread. Not 0: stop, as bnc_context_settings.progress. */
typedef int (*bnc_on_progress)(void *user, const char *stage, double fraction);
/** Reports of this session go to `progress` from now on, instead of the context's; NULL: to the context's again. */
BNC_API void bnc_session_set_progress(bnc_session *session, bnc_on_progress progress, void *user);
/** Asks, from any thread, what this session does now to stop, or if it does nothing, what it will do next: an answer ends with
 * BNC_FINISH_CALLER at its next token, any other work returns BNC_ERROR_CANCELLED within an op. Other sessions go on. */
BNC_API void bnc_session_cancel(bnc_session *session);

/** The system text of conversations to come; NULL: the template's own, "": none. BNC_ERROR_ARGUMENT: a conversation has begun. */
BNC_API bnc_status bnc_session_set_system(bnc_session *session, const char *text);
/** The prompt template of conversations to come: "llama3", "vicuna_v1", "chatml", "mistral", "zephyr" or "plain"; NULL: the model's. Errors
 * likewise. */
BNC_API bnc_status bnc_session_set_template(bnc_session *session, const char *name);

/** Asks: the model's prompt template around `text`, with the pictures added since the last question. The first question starts the
    conversation, later ones continue it: what is in the KV cache is not computed again. BNC_ERROR_LIMIT: the context is full;
    BNC_ERROR_UNSUPPORTED: the model has no tokenizer; BNC_ERROR_CANCELLED as above. */
BNC_API bnc_status bnc_session_ask(bnc_session *session, const char *text);

/** A question and its answer; the last one of a conversation has no answer yet: NULL. */
typedef struct bnc_exchange {
  const char *question; /**< "&lt;image&gt;" in it stands for a picture; else pictures come first */
  const char *answer;   /**< what was answered */
} bnc_exchange;
/** Begins a conversation with exchanges that came before, as a server gets them, and the question to answer. What a restarted session has
 * in its cache already is not computed again. Errors as of bnc_session_ask; BNC_ERROR_ARGUMENT also where a conversation has begun. */
BNC_API bnc_status bnc_session_converse(bnc_session *session, const bnc_exchange *exchanges, size_t count);
/** Values on their way through the model: float32 of `rank` dimensions. Free values with bnc_array_free. */
typedef struct bnc_array {
  float *values;   /**< row-major */
  size_t rank;     /**< 1 to 4 */
  size_t shape[4]; /**< the first `rank` of them */
} bnc_array;
/** Frees the values. */
BNC_API void bnc_array_free(bnc_array *array);
/** What this conversation, with the pictures that were added, puts into the text model: [rows, hidden], for bnc_calibration_prompts. As
 * bnc_session_converse, but the last exchange may have its answer, and the session stays as it was. Free rows with bnc_array_free. */
BNC_API bnc_status bnc_session_prompt_rows(bnc_session *session, const bnc_exchange *exchanges, size_t count, bnc_array *rows);
/** Appends token ids as they are; BNC_IMAGE_TOKEN takes the next picture. BNC_ERROR_ARGUMENT: an id beyond the vocabulary, or a picture
 * that was not added; BNC_ERROR_LIMIT and BNC_ERROR_CANCELLED as for ask. */
BNC_API bnc_status bnc_session_append(bnc_session *session, const int32_t *ids, size_t count);
/** Logits behind ids first, first + 1 ... first + count - 1 of a bnc_session_append_each: [vocabulary] each, `stride` elements from one to
 * the next; valid during the call. Not 0: stop. */
typedef int (*bnc_on_logits)(void *user, size_t first, size_t count, const float *logits, size_t stride);
/** Appends ids, none of them a picture, and tells the logits behind each: the bits that appending them one by one gives, at the speed of a
 * prompt. Never cut. The first call on a session makes memory for it. Errors as of bnc_session_append; BNC_ERROR_CANCELLED also where
 * on_logits asked, and the session is then what it was before. */
BNC_API bnc_status bnc_session_append_each(bnc_session *session, const int32_t *ids, size_t count, bnc_on_logits on_logits, void *user);
/** 1 where the last ask or append was cut to the model's prompt_limit, as the reference cuts. */
BNC_API int bnc_session_was_cut(const bnc_session *session);
/** Rows in the KV cache. */
BNC_API size_t bnc_session_rows(const bnc_session *session);

/** Logits [vocabulary] behind the last row; valid until the next call that computes. BNC_ERROR_ARGUMENT: there is no row yet. */
BNC_API bnc_status bnc_session_logits(bnc_session *session, const float **logits, size_t *count);

/** Forgets conversation and pictures; memory and operators stay. */
BNC_API void bnc_session_reset(bnc_session *session);
/** Goes back to before the first prompt: its pictures wait again, without vision, and whatever the next prompt has in common with it from
   the front (the template, the pictures) is not computed again. Answers are those of a new session, bit for bit. Pictures added later are
   dropped. */
BNC_API void bnc_session_restart(bnc_session *session);

/** Writes the session as it stands into a file, complete or not at all: what was said, the pictures' embeddings, keys and values. The file
 * belongs to this model's content and may go to another machine. BNC_ERROR_IO. */
BNC_API bnc_status bnc_session_save(bnc_session *session, const char *path);
/** Goes on where a saved session stood: what follows is what would have followed there, bit for bit. BNC_ERROR_IO; BNC_ERROR_FORMAT:
 * damaged, or of another model; the session then stays as it was. */
BNC_API bnc_status bnc_session_restore(bnc_session *session, const char *path);

/** The stages of vision. */
typedef enum bnc_image_stage {
  BNC_IMAGE_PIXELS = 0,   /**< the normalised square picture */
  BNC_IMAGE_TILES = 1,    /**< the ViT's selected features of each live tile */
  BNC_IMAGE_DEM = 2,      /**< what the dual-perspective enhancement makes of them */
  BNC_IMAGE_PROJECTOR = 3 /**< image embeddings */
} bnc_image_stage;

/** Runs vision as far as a stage: pixels [3,S,S]; tiles [T,rows,C]; dem [rows,C]; projector [rows,H]. Errors as of bnc_session_add_image;
 * BNC_ERROR_UNSUPPORTED also where the model's passes left no such stage. */
BNC_API bnc_status bnc_session_encode(bnc_session *session, const char *image_path, bnc_image_stage stage, bnc_array *array);

/** What a session has done and takes. */
typedef struct bnc_statistics {
  size_t size;                  /**< see binocle.h: set it before the call */
  double load_seconds;          /**< of bnc_session_create */
  double vision_seconds;        /**< wall time of all pictures so far */
  double prefill_seconds;       /**< of all prompts */
  double decode_seconds;        /**< of all answers */
  uint64_t pictures;            /**< that vision was run for */
  uint64_t prefill_rows;        /**< prompt rows that were computed */
  uint64_t decode_tokens;       /**< answer rows that were computed */
  uint64_t arena_bytes;         /**< intermediate results */
  uint64_t kv_bytes;            /**< keys and values */
  uint64_t packed_bytes;        /**< packed weights, mapped or not */
  uint64_t packed_memory_bytes; /**< of them, those held in memory of this process */
  uint32_t threads;             /**< that compute */
  char cpu_level[16];           /**< "avx2", "neon_dotprod" ... */
  uint64_t guessed_tokens;      /**< ahead (bnc_draft) */
  uint64_t guessed_right;       /**< of them, those that came */
  uint64_t pictures_reused;     /**< that were known already: bnc_model_keep_pictures */
  char linear[8];               /**< what runs linear layers: "auto", "own", "xnnpack" (bnc_context_settings.linear) */
  uint64_t kept_rows;           /**< prompt rows that the cache folder held: they were not computed */
} bnc_statistics;
/** Fails with BNC_ERROR_ARGUMENT alone. */
BNC_API bnc_status bnc_session_get_statistics(const bnc_session *session, bnc_statistics *statistics);

#ifdef __cplusplus
}
#endif
#endif
