/* SPDX-License-Identifier: Apache-2.0 */
/** @file status.h  What a call of the library can come to. */
#ifndef BINOCLE_STATUS_H
#define BINOCLE_STATUS_H

#ifdef __cplusplus
extern "C" {
#endif

/** Outcome of a call. The values are frozen: new ones are only ever appended. */
typedef enum bnc_status {
  BNC_OK = 0,
  BNC_ERROR_ARGUMENT = 1,    /**< a parameter is out of its range, or a handle is in the wrong state */
  BNC_ERROR_MEMORY = 2,      /**< memory could not be had */
  BNC_ERROR_IO = 3,          /**< the system refused to open, read, write or map a file */
  BNC_ERROR_FORMAT = 4,      /**< a file's content is not what its format promises */
  BNC_ERROR_UNSUPPORTED = 5, /**< valid, but not something that this build, model or machine does */
  BNC_ERROR_LIMIT = 6,       /**< a stated limit (size, context, count) would be exceeded */
  BNC_ERROR_CANCELLED = 7,   /**< the caller's cancel callback asked to stop */
  BNC_ERROR_INTERNAL = 8     /**< a mistake of ours; please report it */
} bnc_status;

#ifdef __cplusplus
}
#endif
#endif
