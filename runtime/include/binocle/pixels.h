/* SPDX-License-Identifier: Apache-2.0 */
/** @file pixels.h  Pictures as raw pixels: what cameras, video decoders and image libraries hand over. */
#ifndef BINOCLE_PIXELS_H
#define BINOCLE_PIXELS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The picture files that are read, as messages and help texts name them. */
#define BNC_IMAGE_FORMATS "WebP, JPEG or PNG"

/** How a pixel's values lie in memory, 8 bits each. Alpha is dropped, the colour stays as stored. */
typedef enum bnc_pixel_format {
  BNC_PIXELS_RGB8 = 0,  /**< R G B */
  BNC_PIXELS_RGBA8 = 1, /**< R G B A: Android's ARGB_8888 bitmaps lie so */
  BNC_PIXELS_BGR8 = 2,  /**< B G R: OpenCV */
  BNC_PIXELS_GRAY8 = 3, /**< one value for all three */
  BNC_PIXELS_NV12 = 4,  /**< a plane of Y, then one of U V pairs, each for 2 x 2 pixels */
  BNC_PIXELS_I420 = 5,  /**< a plane of Y, then one of U and one of V, likewise */
  BNC_PIXELS_BGRA8 = 6, /**< B G R A: libcamera's XRGB8888 */
  BNC_PIXELS_NV21 = 7   /**< as NV12, but V U pairs: Android's cameras */
} bnc_pixel_format;

/** What Y, U and V mean. */
typedef enum bnc_yuv {
  BNC_YUV_BT601 = 0,      /**< ITU-R BT.601, Y 16 to 235: cameras and OpenCV, if nothing else is said */
  BNC_YUV_BT601_FULL = 1, /**< the same, all values 0 to 255: JPEG */
  BNC_YUV_BT709 = 2,      /**< ITU-R BT.709, Y 16 to 235: HD video */
  BNC_YUV_BT709_FULL = 3  /**< the same, all values 0 to 255 */
} bnc_yuv;

/** A picture in the caller's memory, read during the call alone. */
typedef struct bnc_pixels {
  size_t size;             /**< see binocle.h; set by bnc_pixels_init */
  bnc_pixel_format format; /**< of all planes */
  uint32_t width;          /**< pixels per row; odd ones round chroma planes up */
  uint32_t height;         /**< rows */
  /** First rows of the planes. Only NV12, NV21 and I420 have more than one; where plane[1] or plane[2] is NULL, it follows the one before.
   */
  const void *plane[3];
  size_t stride[3]; /**< bytes from row to row; 0: rows without a gap */
  bnc_yuv yuv;      /**< NV12, NV21 and I420 */
} bnc_pixels;

/** Sets size, and everything else to 0. */
static inline void bnc_pixels_init(bnc_pixels *pixels) {
  const bnc_pixels none = {sizeof(bnc_pixels), BNC_PIXELS_RGB8, 0, 0, {NULL, NULL, NULL}, {0, 0, 0}, BNC_YUV_BT601};
  *pixels = none;
}

#ifdef __cplusplus
}
#endif
#endif
