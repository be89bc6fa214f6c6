/* SPDX-License-Identifier: Apache-2.0 */
/** @file precision.h  How finely each matrix of the text layers is kept where that is chosen for each of them: matrices that read one input
   are one matrix of the schedule (fuse-projections), and share a type. */
#ifndef BINOCLE_QUANT_GRAPH_PRECISION_H
#define BINOCLE_QUANT_GRAPH_PRECISION_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef enum bnc_text_site {
  BNC_SITE_QKV,     /* q_proj, k_proj, v_proj */
  BNC_SITE_OUT,     /* o_proj */
  BNC_SITE_GATE_UP, /* gate_proj, up_proj */
  BNC_SITE_DOWN,    /* down_proj */
  BNC_TEXT_SITES
} bnc_text_site;

/** Of a layer and site: int4 in groups of so many (16: QC4; they divide the site's inputs); 0: int8. */
typedef struct bnc_text_precision {
  size_t layers;
  uint16_t (*group)[BNC_TEXT_SITES]; /* [layers] */
  double bits, loss;                 /* a weight of the layers as the file holds them, scales included; the sum that was made least */
} bnc_text_precision;

/** The site of a tensor, by its name in a layer ("self_attn.q_proj"). */
static inline bnc_text_site bnc_text_site_of(const char *name) {
  if (strcmp(name, "self_attn.o_proj") == 0) return BNC_SITE_OUT;
  if (strcmp(name, "mlp.down_proj") == 0) return BNC_SITE_DOWN;
  return strncmp(name, "mlp.", 4) == 0 ? BNC_SITE_GATE_UP : BNC_SITE_QKV;
}

/** The group of a tensor; precision NULL: the one that is asked for everywhere. */
static inline size_t bnc_text_group(const bnc_text_precision *precision, size_t layer, bnc_text_site site, size_t group) {
  return precision ? precision->group[layer][site] : group;
}

#endif
