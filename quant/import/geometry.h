/* SPDX-License-Identifier: Apache-2.0 */
/** @file geometry.h  The sizes and settings of a model, read from its checkpoint: all that a graph builder needs besides the weights. */
#ifndef BINOCLE_QUANT_IMPORT_GEOMETRY_H
#define BINOCLE_QUANT_IMPORT_GEOMETRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BNC_GEOMETRY_EOS_MAX 16
#define BNC_GEOMETRY_NO_TOKEN (-1)

/** How config.json's rope_scaling changes the rotary frequencies. */
typedef enum bnc_rope_kind { BNC_ROPE_PLAIN, BNC_ROPE_LINEAR, BNC_ROPE_LLAMA3 } bnc_rope_kind;

typedef struct bnc_rope_scaling {
  bnc_rope_kind kind;
  double factor;             /* linear, llama3 */
  double low_freq_factor;    /* llama3 */
  double high_freq_factor;   /* llama3 */
  double original_positions; /* llama3: original_max_position_embeddings */
  const float *factors;      /* [head_dim / 2], or NULL: each frequency is divided by its own (GGUF); the checkpoint's */
} bnc_rope_scaling;

typedef enum bnc_vision_activation { BNC_VISION_QUICK_GELU, BNC_VISION_GELU } bnc_vision_activation;

/** The language model: LLaMA (RMSNorm, rotary positions, grouped-query attention, SwiGLU). */
typedef struct bnc_text_geometry {
  size_t vocab;  /* V: rows of embed_tokens and lm_head; may be odd */
  size_t hidden; /* H */
  size_t layers;
  size_t heads;    /* query heads; q_proj is [heads * head_dim, H] */
  size_t kv_heads; /* divides heads; k_proj and v_proj are [kv_heads * head_dim, H] */
  size_t head_dim; /* even */
  size_t ffn;      /* F: gate_proj and up_proj are [F, H], down_proj [H, F] */
  float rms_eps;
  double rope_theta;
  bnc_rope_scaling rope;
  bool attention_bias;      /* q_proj, k_proj and v_proj have biases */
  bool output_bias;         /* o_proj has one */
  bool tie_word_embeddings; /* the head is embed_tokens; there is no lm_head tensor to read */
  size_t max_positions;     /* max_position_embeddings */
  size_t window;            /* a row sees so many rows up to itself (Mistral); 0: all */
  size_t context;           /* the joined sequence is cut to so many rows: min(tokenizer_model_max_length, max_positions) */
  int32_t bos, pad;         /* BNC_GEOMETRY_NO_TOKEN where there is none */
  size_t eos_count;
  int32_t eos[BNC_GEOMETRY_EOS_MAX]; /* those of config.json and generation_config.json; any of them ends an answer */
} bnc_text_geometry;

/** CLIP vision tower, DEM ("spatial_embed") and projector. */
typedef struct bnc_vision_geometry {
  size_t width;       /* C */
  size_t layers;      /* in the checkpoint */
  size_t layers_used; /* the features are the hidden state after so many layers (mm_vision_select_layer; -2: layers - 1) */
  bool select_cls;    /* mm_vision_select_feature: false "patch" (class row dropped), true "cls_patch" (kept, first) */
  size_t heads;       /* divides C */
  bool heads_assumed; /* no config says how many, and no known name: heads of 64 columns, as all of CLIP's are */
  size_t mlp;         /* fc1 is [mlp, C] */
  size_t patch;       /* pixels per side of a patch */
  size_t grid;        /* patches per side of a tile; position embeddings are [grid * grid + 1, C] */
  size_t tile;        /* pixels per side of a tile: grid * patch */
  size_t views;       /* n: the picture is n x n tiles; 1 without DEM */
  size_t input_side;  /* S = n * tile */
  float ln_eps;
  bnc_vision_activation activation;
  float mean[3], std[3];  /* of RGB values in 0 .. 1 */
  uint8_t pad_colour[3];  /* int(mean * 255): what image_aspect_ratio "pad" pads to a square with */
  bool has_dem;           /* spatial_embed */
  size_t dem_heads;       /* divides C */
  size_t dem_mid;         /* rows of ffn_crop.0 and ffn_stride.0; C / 16 as released */
  size_t dem_out;         /* rows of ffn_crop.2 and ffn_stride.2: C / 2, their outputs are joined to C */
  float dem_ln_eps;       /* attention.ln and ln_fuse */
  size_t projector_depth; /* linears with erf GELU between: mm_projector.0, .2, .4 ...; 0: identity (C == H) */
} bnc_vision_geometry;

typedef struct bnc_geometry {
  bnc_text_geometry text;
  bool has_vision;
  bnc_vision_geometry vision; /* all zero without vision */
} bnc_geometry;

/**
 * The rotary frequencies, rounded as PyTorch's float32 code rounds them (transformers' modeling_rope_utils): position p turns pair
 * (i, i + head_dim / 2) of a head by p * out[i] radians. Positions are those of the joined sequence, from 0; for LINEAR the factor is
 * in the frequencies already.
 * @param out [head_dim / 2]
 */
void bnc_geometry_rope_frequencies(const bnc_text_geometry *text, float *out);

#endif
