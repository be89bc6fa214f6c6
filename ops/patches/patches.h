/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file patches.h  From a picture to the rows that the patch embedding reads, tile by tile: crop or stride selection, normalisation,
 * im2row and, for int8 weights, quantisation in one pass. A tile of side x side pixels is given by its source rows y[side] and columns
 * x[side] in the picture; patch g of its (side / patch)^2 patches, row-major, becomes row g: out[g][(c * patch + dy) * patch + dx], the
 * order of a conv weight [C_out, 3, patch, patch].
 */
#ifndef BINOCLE_OPS_PATCHES_PATCHES_H
#define BINOCLE_OPS_PATCHES_PATCHES_H

#include "ops/level.h"
#include "ops/qd8.h"

typedef struct bnc_patches_args {
  size_t side, patch;    /* patch divides side */
  const uint32_t *y, *x; /* [side] rows and columns of the picture */
  const uint8_t *u8;     /* [height, width, 3], the u8 and qd8 kernels */
  /* [3][256] the normalised value of each byte of each channel, the u8 and qd8 kernels; ascending in each channel for qd8 */
  const float (*lut)[256];
  const float *f32; /* the f32 kernel: normalised values; channel c of the pixel (y, x) at y * y_stride + x * x_stride + c * c_stride */
  size_t y_stride, x_stride, c_stride; /* elements; all kernels. u8 interleaved: width * 3, 3, 1; planar: width, 1, height * width */
  float *out;                          /* [patches, 3 * patch * patch] */
  size_t out_stride;                   /* elements from row to row */
  int8_t *q;                           /* [patches, 3 * patch * patch], the qd8 kernel */
  bnc_qd8_params *params;              /* [patches] */
  size_t q_stride;
} bnc_patches_args;

/** Computes the patches [from, to). qd8 is u8 and then ops/quantize, bit for bit. */
#define BNC_PATCHES_KERNEL(name) BNC_KERNEL(name, const bnc_patches_args *args, size_t from, size_t to)
BNC_PATCHES_KERNEL(patches_u8);
BNC_PATCHES_KERNEL(patches_f32);
BNC_PATCHES_KERNEL(patches_qd8);

typedef struct bnc_patches_ops {
  bnc_patches_u8_fn *u8;
  bnc_patches_f32_fn *f32;
  bnc_patches_qd8_fn *qd8;
} bnc_patches_ops;

/** What each byte of a channel becomes: levels[c][v] = (v / 255 - mean[c]) / std[c] as transformers' image processor computes it, the
 * quotient a double product with 1 / 255 rounded to float, the rest in float. std must not be 0. */
void bnc_patches_levels(const float mean[3], const float std[3], float levels[3][256]);

#endif
