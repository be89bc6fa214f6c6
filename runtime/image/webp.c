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

static bnc_status check_frame(const WebPIterator *frame, const WebPBitstreamFeatures *input, uint32_t width, uint32_t height,
                              bnc_error *err) {
  if (frame->x_offset < 0 || frame->y_offset < 0 || frame->width != input->width || frame->height != input->height ||
      (uint64_t)frame->x_offset + (uint64_t)frame->width > width || (uint64_t)frame->y_offset + (uint64_t)frame->height > height)
    return bnc_fail(err, BNC_ERROR_FORMAT, "WebP picture: found a frame of %d x %d at %d, %d, expected one inside %u x %u", input->width,
                    input->height, frame->x_offset, frame->y_offset, (unsigned)width, (unsigned)height);
  return BNC_OK;
}

/* libwebp decodes what it has of a file; it is shown more and more, and between the parts the watch is asked. */
static bnc_status decode_parts(WebPDecoderConfig *config, const WebPData *file, bnc_image_watch *watch, bnc_error *err) {
  const size_t step = file->size / 128 > 1024 ? file->size / 128 : 1024;
  WebPIDecoder *decoder = WebPIDecode(NULL, 0, config);
  if (!decoder) return fail_code(VP8_STATUS_OUT_OF_MEMORY, err);
  VP8StatusCode code = VP8_STATUS_SUSPENDED;
  bnc_status s = BNC_OK;
  for (size_t shown = 0; s == BNC_OK && code == VP8_STATUS_SUSPENDED && shown < file->size;) {
    shown = file->size - shown > step ? shown + step : file->size;
    code = WebPIUpdate(decoder, file->bytes, shown);
    s = bnc_image_ask(watch, (double)shown / (double)file->size, err);
  }
  WebPIDelete(decoder);
  return s != BNC_OK || code == VP8_STATUS_OK ? s : fail_code(code, err);
}

/* A reduced picture is scaled by libwebp; its frame stands on the reduced canvas where the whole one's corner would fall. */
static bnc_status decode_frame(bnc_image *image, const WebPIterator *frame, size_t max_pixels, uint32_t width, uint32_t height,
                               bnc_image_watch *watch, bnc_error *err) {
  WebPDecoderConfig config;
  if (!WebPInitDecoderConfig(&config)) return bnc_fail(err, BNC_ERROR_INTERNAL, "WebP picture: libwebp is another version than its header");
  VP8StatusCode code = WebPGetFeatures(frame->fragment.bytes, frame->fragment.size, &config.input);
  if (code != VP8_STATUS_OK) return fail_code(code, err);
  const unsigned factor = bnc_image_reduction(width, height, max_pixels);
  bnc_status s = check_frame(frame, &config.input, width, height, err);
  if (s == BNC_OK) s = bnc_image_allocate(image, (width + factor - 1) / factor, (height + factor - 1) / factor, max_pixels, err);
  if (s != BNC_OK) return s;
  const size_t stride = image->width * 3, bytes = stride * image->height;
  if ((uint32_t)frame->width != width || (uint32_t)frame->height != height) memset(image->rgb, 0, bytes);
  const size_t left = (size_t)frame->x_offset / factor, top = (size_t)frame->y_offset / factor, offset = top * stride + left * 3;
  if (factor > 1) {
    config.options.use_scaling = 1;
    config.options.scaled_width = (int)(((size_t)frame->x_offset + (size_t)frame->width + factor - 1) / factor - left);
    config.options.scaled_height = (int)(((size_t)frame->y_offset + (size_t)frame->height + factor - 1) / factor - top);
  }
  config.output.colorspace = MODE_RGB;
  config.output.is_external_memory = 1;
  config.output.u.RGBA.rgba = image->rgb + offset;
  config.output.u.RGBA.stride = (int)stride;
  config.output.u.RGBA.size = bytes - offset;
  s = decode_parts(&config, &frame->fragment, watch, err);
  WebPFreeDecBuffer(&config.output);
  return s;
}

/* The demuxer keeps these chunks only where the header's flags announce them, and so Pillow sees them then only, too. */
static bnc_status find_orientation(const WebPDemuxer *demuxer, unsigned *orientation, bnc_error *err) {
  WebPChunkIterator exif, xmp;
  bnc_notes notes = {0};
  const bool has_exif = WebPDemuxGetChunk(demuxer, "EXIF", 1, &exif), has_xmp = WebPDemuxGetChunk(demuxer, "XMP ", 1, &xmp);
  if (has_exif) notes.of[BNC_NOTE_EXIF] = (bnc_note){exif.chunk.bytes, exif.chunk.size};
  if (has_xmp) notes.of[BNC_NOTE_XMP] = (bnc_note){xmp.chunk.bytes, xmp.chunk.size};
  const bnc_status s = bnc_notes_orientation(&notes, orientation, err);
  if (has_exif) WebPDemuxReleaseChunkIterator(&exif);
  if (has_xmp) WebPDemuxReleaseChunkIterator(&xmp);
  return s;
}

bnc_status bnc_webp_decode(bnc_image *image, const uint8_t *data, size_t size, size_t max_pixels, bnc_image_watch *watch, bnc_error *err) {
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
    s = decode_frame(image, &frame, max_pixels, width, height, watch, err);
    WebPDemuxReleaseIterator(&frame);
    unsigned orientation = 1;
    if (s == BNC_OK) s = find_orientation(demuxer, &orientation, err);
    if (s == BNC_OK) s = bnc_image_orient(image, orientation, err);
  }
  WebPDemuxDelete(demuxer);
  if (s != BNC_OK) bnc_image_free(image);
  return s;
}
