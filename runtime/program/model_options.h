/* SPDX-License-Identifier: Apache-2.0 */
/** @file model_options.h  The options that compile and synth share: how a model file is to be made. */
#ifndef BINOCLE_RUNTIME_PROGRAM_MODEL_OPTIONS_H
#define BINOCLE_RUNTIME_PROGRAM_MODEL_OPTIONS_H

#include "runtime/program/work.h"

typedef struct bnc_model_options {
  const char *output, *report;
  unsigned vision, text, head, embedding, group, cache, rotation; /* indices of the choices */
  uint64_t context, input_size;
  double bits;
  bnc_text_list disabled;
  const char *target;
  bool packed;
} bnc_model_options;

#define BNC_MODEL_OPTIONS_DEFAULT ((bnc_model_options){.vision = BNC_WEIGHTS_INT8, .text = BNC_WEIGHTS_INT8})

extern const char *const bnc_vision_choices[], *const bnc_text_choices[], *const bnc_head_choices[], *const bnc_group_choices[],
                                                                                                         *const bnc_cache_choices[],
                                                                                                             *const bnc_rotation_choices[];

/** Rows of a command's table of options that set fields of a bnc_model_options. */
#define BNC_MODEL_OPTIONS(m)                                                                                                               \
  {.name = "o",                                                                                                                            \
   .output = true,                                                                                                                         \
   .value = "MODEL.bnc",                                                                                                                   \
   .help = "the model file to write; it appears complete or not at all",                                                                   \
   .required = true,                                                                                                                       \
   .text = &(m).output},                                                                                                                   \
      {.name = "vision-weights",                                                                                                           \
       .value = "TYPE",                                                                                                                    \
       .help = "f32, bf16 or int8 (the default), of attention's operands too",                                                             \
       .choice = &(m).vision,                                                                                                              \
       .choices = bnc_vision_choices},                                                                                                     \
      {.name = "text-weights",                                                                                                             \
       .value = "TYPE",                                                                                                                    \
       .help = "f32, bf16 (half of its bytes), int8 (the default) or int4",                                                                \
       .choice = &(m).text,                                                                                                                \
       .choices = bnc_text_choices},                                                                                                       \
      {.name = "head-weights",                                                                                                             \
       .value = "TYPE",                                                                                                                    \
       .help = "int4: of the matrix behind the last layer, and of embeddings tied to it: int8 (the default) or int4",                      \
       .choice = &(m).head,                                                                                                                \
       .choices = bnc_head_choices},                                                                                                       \
      {.name = "embedding-weights",                                                                                                        \
       .value = "TYPE",                                                                                                                    \
       .help = "int4: of embeddings that are not tied to the head: int8 (the default) or int4",                                            \
       .choice = &(m).embedding,                                                                                                           \
       .choices = bnc_head_choices},                                                                                                       \
      {.name = "bits-per-weight",                                                                                                          \
       .value = "X",                                                                                                                       \
       .help = "int4: choose type and group of each matrix so that the text layers take at most so many bits a weight",                    \
       .real = &(m).bits,                                                                                                                  \
       .low = 4,                                                                                                                           \
       .high = 16},                                                                                                                        \
      {.name = "group",                                                                                                                    \
       .value = "N",                                                                                                                       \
       .help = "int4: weights per scale: 32, 64, 128, or 16 with 4-bit steps; default: 16 if calibrated, else 32",                         \
       .choice = &(m).group,                                                                                                               \
       .needs = "text-weights int4",                                                                                                       \
       .choices = bnc_group_choices},                                                                                                      \
      {.name = "context",                                                                                                                  \
       .value = "N",                                                                                                                       \
       .help = "rows to which a prompt with its pictures is cut; default: the config's, at most 4096",                                     \
       .count = &(m).context,                                                                                                              \
       .least = 1,                                                                                                                         \
       .most = 1u << 24},                                                                                                                  \
      {.name = "kv",                                                                                                                       \
       .value = "TYPE",                                                                                                                    \
       .help = "type of the KV cache: f32, f16 or int8; default: f32 under f32 text weights, else f16",                                    \
       .choice = &(m).cache,                                                                                                               \
       .choices = bnc_cache_choices},                                                                                                      \
      {.name = "rotate",                                                                                                                   \
       .value = "WHEN",                                                                                                                    \
       .help = "turn text weights so that they lose less: on, off, or auto: int8 and int4 of large models",                                \
       .choice = &(m).rotation,                                                                                                            \
       .choices = bnc_rotation_choices},                                                                                                   \
      {.name = "input-size",                                                                                                               \
       .value = "N",                                                                                                                       \
       .help = "side of the resized picture in pixels; default: all tiles side by side",                                                   \
       .count = &(m).input_size,                                                                                                           \
       .least = 1,                                                                                                                         \
       .most = 1u << 16},                                                                                                                  \
      {.name = "packed",                                                                                                                   \
       .help = "also hold the weights as this machine packs them: twice as large, needs no cache folder",                                  \
       .flag = &(m).packed},                                                                                                               \
      {.name = "target",                                                                                                                   \
       .value = "NAME",                                                                                                                    \
       .help = "machine for whose caches matrices are cut, such as pi5 or x86-avx2; default: this one",                                    \
       .text = &(m).target},                                                                                                               \
      {.name = "disable-pass", .value = "NAME", .help = "leave out a pass of the optimiser", .list = &(m).disabled}, {                     \
    .name = "report", .output = true, .value = "FILE.json", .help = "write what each pass saved", .text = &(m).report                      \
  }

/** What an index of bnc_vision_choices stands for; those of bnc_text_choices are the values of bnc_weights. */
bnc_weights bnc_vision_weights(unsigned choice);
/** The library's options. BNC_PARSED, or the exit code of wrong usage. */
int bnc_model_options_take(const bnc_command *command, const bnc_model_options *m, bnc_compile_options *options);
/** Fails early where an output surely cannot be written. */
int bnc_model_options_check(bnc_work *work, const bnc_model_options *m);

#endif
