/* SPDX-License-Identifier: Apache-2.0 */
/** @file compile.h  From a checkpoint to a model file. */
#ifndef BINOCLE_COMPILE_H
#define BINOCLE_COMPILE_H

#include <stddef.h>

#include <binocle/context.h>

#ifdef __cplusplus
extern "C" {
#endif

/** How weights are kept. */
typedef enum bnc_weights {
  BNC_WEIGHTS_F32 = 0,  /**< as the checkpoint has them, in float32: agrees with the PyTorch reference */
  BNC_WEIGHTS_INT8 = 1, /**< int8, a scale per output; activations int8, a scale per row */
  BNC_WEIGHTS_INT4 = 2, /**< int4 in groups, a scale per group; text only */
  BNC_WEIGHTS_BF16 = 3  /**< bfloat16, half of float32's bytes; activations float32, rounded where the CPU multiplies bfloat16 */
} bnc_weights;

/** How a conversation's keys and values are kept. */
typedef enum bnc_cache_type {
  BNC_CACHE_DEFAULT = 0, /**< f32 under f32 text weights, else f16 */
  BNC_CACHE_F32 = 1,
  BNC_CACHE_F16 = 2,
  BNC_CACHE_INT8 = 3 /**< a scale per head and row */
} bnc_cache_type;

/** Whether the text weights are rotated, so that no columns of their inputs stand out: int8 and int4 lose less. A token takes some 1 %
 * longer by the count of its operations; that is not measured. */
typedef enum bnc_rotation_choice {
  BNC_ROTATION_AUTO =
      0, /**< int8 and calibrated int4 text weights of models of 512 hidden columns or more, where their sizes allow for it */
  BNC_ROTATION_ON = 1,
  BNC_ROTATION_OFF = 2
} bnc_rotation_choice;

/** How many rows a calibration takes at most. */
#define BNC_CALIBRATION_ROWS 8192

/** Prompts to calibrate on, instead of a text: what bnc_session_prompt_rows made of questions and pictures with a model of the same
 * checkpoint, such as one of a single text layer. */
typedef struct bnc_calibration_prompts {
  const float *rows;    /**< [the sum of length, hidden]: of all prompts, one behind the other */
  const size_t *length; /**< [count]: rows of each */
  size_t count;         /**< of prompts; those are taken whose rows fit into BNC_CALIBRATION_ROWS, the last one in part */
  size_t hidden;        /**< columns */
} bnc_calibration_prompts;

/** What is compiled, into what. */
typedef struct bnc_compile_options {
  size_t size;                /**< see binocle.h; set by bnc_compile_options_init */
  const char *checkpoint;     /**< folder with config.json and safetensors, or a GGUF file */
  const char *vision_tower;   /**< folder of a CLIP tower; NULL: the checkpoint's own */
  const char *output;         /**< the .bnc file; appears complete or not at all */
  bnc_weights vision_weights; /**< f32, bf16 or int8; default int8 */
  bnc_weights text_weights;   /**< default int8 */
  /** int4: weights per scale, 32, 64 or 128; 16: per integer step under a scale per output, 4.25 bits; 0, the default: 16 with a
     calibration, which makes it the best of them, else 32. */
  unsigned group;
  unsigned context;         /**< rows to which a prompt, pictures included, is cut; 0: as the checkpoint's config says, at most 4096 */
  unsigned input_size;      /**< side of the resized picture: 0 for n tiles side by side, or less */
  unsigned disabled_passes; /**< bit i: pass i of bnc_compile_pass_name is left out */
  const char *report;       /**< JSON file to write; NULL: none */
  /** 1: the file also holds the weights packed for this machine, so that no cache is needed on it; about twice as large. */
  unsigned packed;
  bnc_cache_type kv_cache; /**< how keys and values are kept */
  const char *target; /**< machine for whose caches matrices are cut into slabs (bnc_compile_target_name); NULL: this one. Results do not
                         depend on it */
  /** int8 and int4 text weights: file of text, UTF-8, for whose activations the weights are balanced and, int4, rounded (GPTQ); NULL: each
     by itself; "default": a text that comes along (questions with pictures: prompts). Needs the checkpoint's tokenizer. What is done is
     kept beside the output, in a folder of its name and ".calibration", until the model is written: interrupted, it goes on. */
  const char *calibration;
  const char *mmproj;                     /**< with a GGUF checkpoint: the GGUF file of its vision side; NULL: text alone */
  const bnc_calibration_prompts *prompts; /**< int8 and int4 text weights: what `calibration` says of a text, of prompts; NULL: none */
  size_t text_layers;                     /**< the first so many layers of the text model, for what it takes less than the model; 0: all */
  /** int4 text weights: how the matrix that makes the logits is kept (and the embeddings, where the model ties them to it): int4, in groups
     of 16; anything else: int8, the default. */
  bnc_weights head_weights;
  /** int4 text weights: so many bits per weight of the text layers at most, scales included: types and groups are chosen for each matrix so
     that what rounding loses is least; 0: all are alike, in groups of `group`. */
  float bits_per_weight;
  bnc_rotation_choice rotation; /**< default: auto */
  /** int4 text weights: how embeddings are kept that are no part of the head: int4, in groups of 16; anything else: int8, the default. */
  bnc_weights embedding_weights;
  /** int8 vision weights: what the matrices of a model of the same options read (moments.h): the weights are rounded for that, and inputs
     are moved around zero; NULL: each row by itself. */
  const struct bnc_moments *moments;
  void *reserved[1]; /**< NULL */
} bnc_compile_options;

/** Fills in the defaults. Always call it first. */
BNC_API void bnc_compile_options_init(bnc_compile_options *options);

/** Compiles. Messages name the file, what was found and what was expected. BNC_ERROR_IO: a file cannot be read or written;
 * BNC_ERROR_FORMAT: it is damaged or contradicts another; BNC_ERROR_UNSUPPORTED: a model that Binocle does not know; BNC_ERROR_CANCELLED:
 * the progress callback asked. */
BNC_API bnc_status bnc_compile(bnc_context *context, const bnc_compile_options *options);

/** A model of random weights in a real geometry, for timing a size without its checkpoint. options' checkpoint and vision_tower are not
   used. The file depends on preset, options and target alone. It has no tokenizer: prompts are token ids. */
BNC_API bnc_status bnc_synth(bnc_context *context, const char *preset, const bnc_compile_options *options);

struct bnc_demand; /* devices.h */
/** What a model of random weights in a preset's geometry would ask of a machine: for bnc_fit, before there is any file. options as for
 * bnc_synth; output is not used. Free it with bnc_demand_free. */
BNC_API bnc_status bnc_synth_demand(bnc_context *context, const char *preset, const bnc_compile_options *options,
                                    struct bnc_demand **demand);

/** Name of preset `index` ("inf-llava-8b") and, description not NULL, a line about it; NULL behind the last. */
BNC_API const char *bnc_synth_preset_name(unsigned index, const char **description);

/** Name of pass `index` ("prune-rows"), or NULL behind the last. */
BNC_API const char *bnc_compile_pass_name(unsigned index);

/** Name of target `index` ("pi5"), or NULL behind the last. */
BNC_API const char *bnc_compile_target_name(unsigned index);

#ifdef __cplusplus
}
#endif
#endif
