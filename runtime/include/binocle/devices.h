/* SPDX-License-Identifier: Apache-2.0 */
/** @file devices.h  Whether a model fits a machine, and how fast it will be there, before it is downloaded or run. */
#ifndef BINOCLE_DEVICES_H
#define BINOCLE_DEVICES_H

#include <binocle/model.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What a model asks of a machine: work, weights and memory. */
typedef struct bnc_demand bnc_demand;

/** Of a model; bnc_synth_demand (compile.h) tells it of a preset. */
BNC_API bnc_status bnc_model_demand(const bnc_model *model, bnc_demand **demand);
/** NULL is allowed. */
BNC_API void bnc_demand_free(bnc_demand *demand);

/** Name of board `index` ("pi5") and, description not NULL, a line about it; NULL behind the last. */
BNC_API const char *bnc_board_name(unsigned index, const char **description);

/** What is asked of bnc_fit. */
typedef struct bnc_fit_request {
  size_t size;                     /**< see binocle.h: set it before the call */
  const char *board;               /**< a board of bnc_board_name, whose speed is estimated; NULL: this machine, which is measured */
  const bnc_demand *const *demand; /**< [count], the most wanted first */
  size_t count;                    /**< of demand */
  size_t asked;                    /**< the first so many are told of; the others are only what else may be suggested */
  int json;                        /**< 1: one JSON object; 0: text for people */
} bnc_fit_request;

/** Tells whether models fit, their seconds and joules per picture and tokens per second, what slows this machine down (the storage that the
 * first of the models told of lies on, or the working folder), and which of the demands is the first that fits; *text is freed with
 * bnc_string_free. This machine is measured on the context's number of threads, which takes less than 5 seconds. BNC_ERROR_ARGUMENT: there
 * is no such board, or an unknown BINOCLE_CPU; BNC_ERROR_CANCELLED: the progress callback asked. */
BNC_API bnc_status bnc_fit(bnc_context *context, const bnc_fit_request *request, char **text);

#ifdef __cplusplus
}
#endif
#endif
