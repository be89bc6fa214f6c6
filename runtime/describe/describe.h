/* SPDX-License-Identifier: Apache-2.0 */
/** @file describe.h  What an opened model file holds and what it will need, for people and for programs. All of it follows from the file
   alone: the same file gives the same bytes on every machine. Strings are the caller's, freed with bnc_mem_free. */
#ifndef BINOCLE_RUNTIME_DESCRIBE_DESCRIBE_H
#define BINOCLE_RUNTIME_DESCRIBE_DESCRIBE_H

#include "runtime/model/model_file.h"
#include "runtime/model/predict_memory.h"

/** The object of `binocle inspect --json`. */
bnc_status bnc_describe_json(const bnc_model_file *file, char **json, bnc_error *err);
/** One screen for people. */
bnc_status bnc_describe_text(const bnc_model_file *file, char **text, bnc_error *err);
/** A line per op: what it computes from what, and where that lies. */
bnc_status bnc_describe_schedule(const bnc_model_file *file, char **text, bnc_error *err);
/** The memory plan of each program as an SVG picture: ops from left to right, the arena from bottom to top, a block per value. */
bnc_status bnc_describe_memory_svg(const bnc_model_file *file, char **svg, bnc_error *err);

#endif
