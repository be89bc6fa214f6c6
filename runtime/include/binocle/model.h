/* SPDX-License-Identifier: Apache-2.0 */
/** @file model.h  Model files: open, describe. A model is mapped once and shared by any number of sessions. */
#ifndef BINOCLE_MODEL_H
#define BINOCLE_MODEL_H

#include <binocle/context.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A mapped, validated model file. */
typedef struct bnc_model bnc_model;

/** Maps and validates a .bnc file. The context must outlive the model. The file may be deleted or replaced by another afterwards.
 * BNC_ERROR_IO: it cannot be read. BNC_ERROR_FORMAT: it is no model file, or a damaged one. BNC_ERROR_UNSUPPORTED: of another version.
 * BNC_ERROR_LIMIT: larger than this machine can map. Close it with bnc_model_close. */
BNC_API bnc_status bnc_model_open(bnc_context *context, const char *path, bnc_model **model);
/** After all its sessions. NULL is allowed. */
BNC_API void bnc_model_close(bnc_model *model);

/** What a model is and needs. */
typedef struct bnc_model_info {
  size_t size;              /**< see binocle.h: set it before the call */
  uint32_t vocabulary;      /**< token ids are 0 .. vocabulary - 1 */
  uint32_t context;         /**< rows that a conversation, pictures and answers included, may have */
  uint32_t prompt_limit;    /**< rows to which a prompt is cut, as the reference cuts it */
  uint32_t image_rows;      /**< rows per picture; 0: a text-only model */
  uint32_t input_side;      /**< pixels per side of what a picture is resized to */
  uint32_t hidden;          /**< columns of image embeddings */
  uint32_t has_tokenizer;   /**< 1: text can be asked; 0: token ids alone */
  uint64_t file_bytes;      /**< of the .bnc file */
  uint64_t predicted_bytes; /**< resident memory while answering: mapped weights, arena, KV cache and a constant */
  uint64_t fingerprint;     /**< equal for equal content, however packed */
  uint64_t weights;         /**< elements of all matrices */
  uint64_t layer_weights;   /**< of those, in the text model's layers */
  uint64_t layer_bytes;     /**< that those take, scales included */
  uint32_t kv_cache;        /**< a bnc_cache_type (compile.h): how keys and values are kept where a session does not say */
  uint32_t rotated;         /**< 1: the text model's rows are rotated (compile.h) */
} bnc_model_info;

/** Fails with BNC_ERROR_ARGUMENT alone. */
BNC_API bnc_status bnc_model_get_info(const bnc_model *model, bnc_model_info *info);

/** How packed weights were found by bnc_model_verify. */
typedef enum bnc_part_state {
  BNC_PART_ABSENT = 0,     /**< there are none */
  BNC_PART_WHOLE = 1,      /**< every byte is right */
  BNC_PART_DAMAGED = 2,    /**< a byte is wrong, or they are another model's */
  BNC_PART_NOT_TRUSTED = 3 /**< another user could have written them: runs pass them over */
} bnc_part_state;

/** What bnc_model_verify found. */
typedef struct bnc_model_check {
  size_t size;             /**< see binocle.h: set it before the call */
  uint64_t data_bytes;     /**< of weights */
  uint64_t blocks;         /**< of 256 KiB that they consist of */
  uint64_t damaged_blocks; /**< of them */
  uint64_t packed_bytes;   /**< of packed weights in the model file */
  uint64_t cache_bytes;    /**< of packed weights in the cache folder, for this machine */
  uint32_t packed;         /**< bnc_part_state of those in the model file */
  uint32_t cache;          /**< and of those in the cache folder */
  char content[72];        /**< BLAKE2b-256 over all sections but packed weights, in hexadecimal: equal for equal models */
} bnc_model_check;

/** Checks every byte of a model file and of its packed weights, on the context's number of threads, against XXH3 and BLAKE2b. The check is
 * filled in also where it fails. BNC_ERROR_FORMAT: something is damaged. BNC_ERROR_UNSUPPORTED: packed weights are not trusted.
 * BNC_ERROR_ARGUMENT, BNC_ERROR_MEMORY, BNC_ERROR_IO, BNC_ERROR_CANCELLED. */
BNC_API bnc_status bnc_model_verify(bnc_model *model, bnc_model_check *check);

/** What a description shows. */
typedef enum bnc_description {
  BNC_DESCRIBE_TEXT = 0,      /**< one screen for people */
  BNC_DESCRIBE_JSON = 1,      /**< the fields of `binocle inspect --json` */
  BNC_DESCRIBE_SCHEDULE = 2,  /**< a line per op */
  BNC_DESCRIBE_MEMORY_SVG = 3 /**< the memory plan as a picture */
} bnc_description;

/** Describes a model; *text is freed with bnc_string_free. */
BNC_API bnc_status bnc_model_describe(bnc_model *model, bnc_description what, char **text);

/** Keeps the embeddings of the last `count` pictures (image_rows * hidden floats each; 0, the default: none), for all sessions of the
 * model: a picture of the same pixels again costs no vision. May be called from any thread. */
BNC_API bnc_status bnc_model_keep_pictures(bnc_model *model, size_t count);

/** What this machine offers, as text for people or as JSON; freed with bnc_string_free. */
BNC_API bnc_status bnc_devices(bnc_context *context, int json, char **text);

#ifdef __cplusplus
}
#endif
#endif
