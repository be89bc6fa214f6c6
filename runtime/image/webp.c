/* SPDX-License-Identifier: Apache-2.0 */
/* WebP through libwebp. The picture is the canvas with its first frame: pixels that the frame leaves out are black, as Pillow (that is,
 * libwebp's animation decoder, which starts from transparent black) has them. Alpha is never decoded into colours, so RGB output equals
 * RGBA output without its A. */
#include <string.h>
#include <webp/decode.h>
#include <webp/demux.h>

#include "platforms/base/mem.h"
#include "runtime/image/decoder.h"

static const char *status_text(VP8StatusCode code) {
  switch (code) {
    case VP8_STATUS_OUT_OF_MEMORY: return "out of memory";
    case VP8_STATUS_BITSTREAM_ERROR: return "its data is damaged";
    case VP8_STATUS_UNSUPPORTED_FEATURE: return "it uses an unknown feature";
    case VP8_STATUS_SUSPENDED:
    case VP8_STATUS_NOT_ENOUGH_DATA: return "its data ends early";
    default: return "it cannot be decoded";
  }
}

static bnc_status fail_code(VP8StatusCode code, bnc_error *err) {
  const bnc_status s = code == VP8_STATUS_OUT_OF_MEMORY         ? BNC_ERROR_MEMORY
                       : code == VP8_STATUS_UNSUPPORTED_FEATURE ? BNC_ERROR_UNSUPPORTED
                                                                : BNC_ERROR_FORMAT;
  return bnc_fail(err, s, "WebP picture: %s", status_text(code));
}

static bnc_status decode_frame(bnc_image *image, const WebPIterator *frame, size_t max_pixels, uint32_t width, uint32_t height,
                               bnc_error *err) {
  WebPDecoderConfig config;
  if (!WebPInitDecoderConfig(&config)) return bnc_fail(err, BNC_ERROR_INTERNAL, "WebP picture: libwebp is another version than its header");
  VP8StatusCode code = WebPGetFeatures(frame->fragment.bytes, frame->fragment.size, &config.input);
  if (code != VP8_STATUS_OK) return fail_code(code, err);
  if (frame->x_offset < 0 || frame->y_offset < 0 || frame->width != config.input.width || frame->height != config.input.height ||
      (uint64_t)frame->x_offset + (uint64_t)frame->width > width || (uint64_t)frame->y_offset + (uint64_t)frame->height > height)
    return bnc_fail(err, BNC_ERROR_FORMAT, "WebP picture: found a frame of %d x %d at %d, %d, expected one inside %u x %u",
                    config.input.width, config.input.height, frame->x_offset, frame->y_offset, (unsigned)width, (unsigned)height);
  bnc_status s = bnc_image_allocate(image, width, height, max_pixels, err);
  if (s != BNC_OK) return s;
  const size_t stride = image->width * 3, bytes = stride * image->height;
  if ((uint32_t)frame->width != width || (uint32_t)frame->height != height) memset(image->rgb, 0, bytes);
  const size_t offset = (size_t)frame->y_offset * stride + (size_t)frame->x_offset * 3;
  config.output.colorspace = MODE_RGB;
  config.output.is_external_memory = 1;
  config.output.u.RGBA.rgba = image->rgb + offset;
  config.output.u.RGBA.stride = (int)stride;
  config.output.u.RGBA.size = bytes - offset;
  code = WebPDecode(frame->fragment.bytes, frame->fragment.size, &config);
  WebPFreeDecBuffer(&config.output);
  return code == VP8_STATUS_OK ? BNC_OK : fail_code(code, err);
}

/* The payload of an EXIF chunk is a TIFF structure; some writers put JPEG's "Exif\0\0" in front. */
static unsigned orientation_of(const WebPDemuxer *demuxer) {
  WebPChunkIterator chunk;
  unsigned orientation = 1;
  if (!(WebPDemuxGetI(demuxer, WEBP_FF_FORMAT_FLAGS) & EXIF_FLAG) || !WebPDemuxGetChunk(demuxer, "EXIF", 1, &chunk)) return 1;
  const size_t skip = chunk.chunk.size >= 6 && memcmp(chunk.chunk.bytes, "Exif\0\0", 6) == 0 ? 6 : 0;
  orientation = bnc_exif_orientation(chunk.chunk.bytes + skip, chunk.chunk.size - skip);
  WebPDemuxReleaseChunkIterator(&chunk);
  return orientation;
}

bnc_status bnc_webp_decode(bnc_image *image, const uint8_t *data, size_t size, size_t max_pixels, bnc_error *err) {
  const WebPData file = {data, size};
  WebPDemuxState state;
  WebPDemuxer *demuxer = WebPDemuxPartial(&file, &state);
  if (!demuxer)
    return bnc_fail(err, BNC_ERROR_FORMAT, "WebP picture: %s",
                    state == WEBP_DEMUX_PARSE_ERROR ? "its structure is damaged" : "its data ends early");
  const uint32_t width = WebPDemuxGetI(demuxer, WEBP_FF_CANVAS_WIDTH), height = WebPDemuxGetI(demuxer, WEBP_FF_CANVAS_HEIGHT);
  bnc_status s = bnc_image_check_size(width, height, max_pixels, err);
  WebPIterator frame;
  if (s != BNC_OK) {
    /* said already */
  } else if (state != WEBP_DEMUX_DONE) {
    s = bnc_fail(err, BNC_ERROR_FORMAT, "WebP picture: its data ends early, after %zu bytes", size);
  } else if (!WebPDemuxGetFrame(demuxer, 1, &frame)) {
    s = bnc_fail(err, BNC_ERROR_FORMAT, "WebP picture: it holds no frame");
  } else {
    s = decode_frame(image, &frame, max_pixels, width, height, err);
    WebPDemuxReleaseIterator(&frame);
    if (s == BNC_OK) s = bnc_image_orient(image, orientation_of(demuxer), err);
  }
  WebPDemuxDelete(demuxer);
  if (s != BNC_OK) bnc_image_free(image);
  return s;
}
