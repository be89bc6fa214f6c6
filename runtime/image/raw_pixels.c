/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/image/raw_pixels.h"

#include <string.h>

#include "platforms/base/mem.h"
#include "platforms/base/sized.h"

/* A packed format: bytes per pixel, and where red, green and blue stand among them. bytes 0: planes of Y'CbCr. */
typedef struct layout {
  size_t bytes, red, green, blue;
  size_t planes;
} layout;

static const layout layouts[] = {
    [BNC_PIXELS_RGB8] = {3, 0, 1, 2, 1},  [BNC_PIXELS_RGBA8] = {4, 0, 1, 2, 1}, [BNC_PIXELS_BGR8] = {3, 2, 1, 0, 1},
    [BNC_PIXELS_GRAY8] = {1, 0, 0, 0, 1}, [BNC_PIXELS_NV12] = {0, 0, 0, 0, 2},  [BNC_PIXELS_I420] = {0, 0, 0, 0, 3},
    [BNC_PIXELS_BGRA8] = {4, 2, 1, 0, 1}, [BNC_PIXELS_NV21] = {0, 0, 0, 0, 2},
};

/* R = y (Y - black) + r_v V, and so on, U and V counted from 128: scaled to 8-bit values, in 2^20ths. */
typedef struct matrix {
  int64_t black, y, r_v, g_u, g_v, b_u;
} matrix;

/* From the luma weights of red and blue: BT.601 0.299 and 0.114, BT.709 0.2126 and 0.0722. */
static matrix matrix_of(bnc_yuv yuv) {
  const bool hd = yuv == BNC_YUV_BT709 || yuv == BNC_YUV_BT709_FULL, full = yuv == BNC_YUV_BT601_FULL || yuv == BNC_YUV_BT709_FULL;
  const double red = hd ? 0.2126 : 0.299, blue = hd ? 0.0722 : 0.114, green = 1.0 - red - blue, one = 1 << 20;
  const double chroma = one * 2.0 * (full ? 1.0 : 255.0 / 224.0);
  return (matrix){.black = full ? 0 : 16,
                  .y = (int64_t)(one * (full ? 1.0 : 255.0 / 219.0) + 0.5),
                  .r_v = (int64_t)(chroma * (1.0 - red) + 0.5),
                  .g_u = (int64_t)(chroma * (1.0 - blue) * blue / green + 0.5),
                  .g_v = (int64_t)(chroma * (1.0 - red) * red / green + 0.5),
                  .b_u = (int64_t)(chroma * (1.0 - blue) + 0.5)};
}

static uint8_t to_byte(int64_t value) {
  const int64_t rounded = value + (1 << 19);
  if (rounded < 0) return 0;
  return rounded >> 20 > 255 ? 255 : (uint8_t)(rounded >> 20);
}

/* The planes with all strides known: a picture's rows, without what the caller left open. */
typedef struct planes {
  const uint8_t *plane[3];
  size_t stride[3];
} planes;

/* Bytes of a row of plane p. */
static size_t row_bytes(const bnc_pixels *p, size_t plane) {
  const layout *l = &layouts[p->format];
  if (l->bytes) return l->bytes * p->width;
  if (plane == 0) return p->width;
  return ((size_t)p->width + 1) / 2 * (l->planes == 2 ? 2 : 1);
}

static size_t plane_rows(const bnc_pixels *p, size_t plane) { return plane == 0 ? p->height : ((size_t)p->height + 1) / 2; }

static bnc_status find_planes(const bnc_pixels *p, planes *found, bnc_error *err) {
  for (size_t i = 0; i < layouts[p->format].planes; i++) {
    const size_t row = row_bytes(p, i);
    found->stride[i] = p->stride[i] ? p->stride[i] : row;
    if (found->stride[i] < row)
      return bnc_fail(err, BNC_ERROR_ARGUMENT, "plane %zu of the picture has a stride of %zu bytes, expected at least %zu", i, p->stride[i],
                      row);
    found->plane[i] = p->plane[i];
    if (!found->plane[i] && i > 0) found->plane[i] = found->plane[i - 1] + plane_rows(p, i - 1) * found->stride[i - 1];
    if (!found->plane[i]) return bnc_fail(err, BNC_ERROR_ARGUMENT, "the picture has no pixels: plane[0] is NULL");
  }
  return BNC_OK;
}

static void copy_packed(const bnc_pixels *p, const planes *from, uint8_t *rgb /* [height, width, 3] */) {
  const layout *l = &layouts[p->format];
  for (size_t y = 0; y < p->height; y++) {
    const uint8_t *in = from->plane[0] + y * from->stride[0];
    uint8_t *out = rgb + y * p->width * 3;
    if (p->format == BNC_PIXELS_RGB8) {
      memcpy(out, in, (size_t)p->width * 3);
      continue;
    }
    for (size_t x = 0; x < p->width; x++) {
      out[3 * x] = in[l->bytes * x + l->red];
      out[3 * x + 1] = in[l->bytes * x + l->green];
      out[3 * x + 2] = in[l->bytes * x + l->blue];
    }
  }
}

static void copy_yuv(const bnc_pixels *p, const planes *from, uint8_t *rgb /* [height, width, 3] */) {
  const matrix m = matrix_of(p->yuv);
  const bool pairs = layouts[p->format].planes == 2;
  const size_t u_at = p->format == BNC_PIXELS_NV21 ? 1 : 0, v_at = p->format == BNC_PIXELS_NV12 ? 1 : 0, step = pairs ? 2 : 1;
  for (size_t y = 0; y < p->height; y++) {
    const uint8_t *luma = from->plane[0] + y * from->stride[0];
    const uint8_t *u = from->plane[1] + y / 2 * from->stride[1] + (pairs ? u_at : 0);
    const uint8_t *v = pairs ? from->plane[1] + y / 2 * from->stride[1] + v_at : from->plane[2] + y / 2 * from->stride[2];
    uint8_t *out = rgb + y * p->width * 3;
    for (size_t x = 0; x < p->width; x++) {
      const int64_t grey = m.y * (luma[x] - m.black), cb = u[x / 2 * step] - 128, cr = v[x / 2 * step] - 128;
      out[3 * x] = to_byte(grey + m.r_v * cr);
      out[3 * x + 1] = to_byte(grey - m.g_u * cb - m.g_v * cr);
      out[3 * x + 2] = to_byte(grey + m.b_u * cb);
    }
  }
}

bnc_status bnc_image_from_pixels(bnc_image *image, const bnc_pixels *pixels, bnc_error *err) {
  bnc_pixels p;
  planes from = {{NULL}, {0}};
  *image = (bnc_image){0};
  bnc_pixels_init(&p);
  if (!bnc_sized_is_set(pixels)) return bnc_fail(err, BNC_ERROR_ARGUMENT, "the picture has no size: bnc_pixels_init sets it");
  bnc_sized_read(&p, sizeof p, pixels);
  if ((unsigned)p.format >= sizeof layouts / sizeof *layouts)
    return bnc_fail(err, BNC_ERROR_ARGUMENT, "the picture has the pixel format %d, expected 0 to %zu", (int)p.format,
                    sizeof layouts / sizeof *layouts - 1);
  if ((unsigned)p.yuv > BNC_YUV_BT709_FULL) return bnc_fail(err, BNC_ERROR_ARGUMENT, "the picture has colours of kind %d", (int)p.yuv);
  if (p.width == 0 || p.height == 0) return bnc_fail(err, BNC_ERROR_ARGUMENT, "the picture has %u x %u pixels", p.width, p.height);
  if (p.width > BNC_IMAGE_MAX_SIDE || p.height > BNC_IMAGE_MAX_SIDE || (uint64_t)p.width * p.height > BNC_IMAGE_MAX_PIXELS)
    return bnc_fail(err, BNC_ERROR_LIMIT, "the picture has %u x %u pixels, expected sides up to %u and %u pixels", p.width, p.height,
                    BNC_IMAGE_MAX_SIDE, BNC_IMAGE_MAX_PIXELS);
  bnc_status s = find_planes(&p, &from, err);
  if (s != BNC_OK) return s;
  uint8_t *rgb = bnc_mem_alloc((size_t)p.width * p.height * 3);
  if (!rgb) return bnc_fail_memory(err, (unsigned long long)p.width * p.height * 3);
  if (layouts[p.format].bytes)
    copy_packed(&p, &from, rgb);
  else
    copy_yuv(&p, &from, rgb);
  *image = (bnc_image){.width = p.width, .height = p.height, .rgb = rgb};
  return BNC_OK;
}
