/* SPDX-License-Identifier: Apache-2.0 */
/* JPEG through libjpeg(-turbo) with its default, accurate settings, which are Pillow's too: integer "islow" DCT, smooth chroma upsampling.
 */
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <jpeglib.h>

#include <jerror.h> /* needs the types of jpeglib.h */

#include "platforms/base/mem.h"
#include "runtime/image/decoder.h"

#define MAX_SCANS 200                 /* of a progressive picture; encoders write about 10. Each costs a walk over the whole picture */
#define MAX_WORKING_MEMORY (1l << 30) /* bytes that libjpeg may take; a progressive picture keeps all coefficients, 2 bytes each */

typedef struct decoder {
  struct jpeg_error_mgr manager; /* first: libjpeg hands back its address */
  struct jpeg_decompress_struct jpeg;
  struct jpeg_progress_mgr progress;
  jmp_buf escape;
  bnc_status status;
  bnc_error *err;
  bnc_image *image;
  JSAMPROW row;
} decoder;

static _Noreturn void leave(decoder *d, bnc_status status) {
  d->status = status;
  longjmp(d->escape, 1);
}

static _Noreturn void leave_with_message(j_common_ptr jpeg, bnc_status status) {
  decoder *d = (decoder *)jpeg->err;
  char text[JMSG_LENGTH_MAX];
  jpeg->err->format_message(jpeg, text);
  leave(d, bnc_fail(d->err, status, "JPEG picture: %s", text));
}

static void on_error(j_common_ptr jpeg) {
  decoder *d = (decoder *)jpeg->err;
  bnc_status status = BNC_ERROR_FORMAT;
  switch (jpeg->err->msg_code) {
    case JERR_EMPTY_IMAGE: /* of no pixels or of no channels */
      if (d->jpeg.num_components > 0) leave(d, bnc_image_check_size(d->jpeg.image_width, d->jpeg.image_height, 0, d->err));
      break;
    case JERR_OUT_OF_MEMORY: status = BNC_ERROR_MEMORY; break;
    case JERR_NO_BACKING_STORE: status = BNC_ERROR_LIMIT; break;
    case JERR_ARITH_NOTIMPL:
    case JERR_BAD_PRECISION:
    case JERR_CONVERSION_NOTIMPL:
    case JERR_FRACT_SAMPLE_NOTIMPL:
    case JERR_CCIR601_NOTIMPL:
    case JERR_SOF_UNSUPPORTED: status = BNC_ERROR_UNSUPPORTED; break;
    default: break;
  }
  leave_with_message(jpeg, status);
}

/* libjpeg goes on after damage and fills with gray; a picture that is not what the camera saw is an error here. Warnings about harmless
 * oddities (unknown versions, stray bytes between markers) pass. */
static void on_message(j_common_ptr jpeg, int level) {
  if (level >= 0) return;
  decoder *d = (decoder *)jpeg->err;
  switch (jpeg->err->msg_code) {
    case JWRN_JPEG_EOF:
    case JWRN_HIT_MARKER: leave(d, bnc_fail(d->err, BNC_ERROR_FORMAT, "JPEG picture: its data ends early"));
    case JWRN_HUFF_BAD_CODE:
    case JWRN_ARITH_BAD_CODE:
    case JWRN_MUST_RESYNC:
    case JWRN_BOGUS_PROGRESSION: leave_with_message(jpeg, BNC_ERROR_FORMAT);
    default: break;
  }
}

static void on_output(j_common_ptr jpeg) { (void)jpeg; }

static void on_progress(j_common_ptr jpeg) {
  decoder *d = (decoder *)jpeg->err;
  if (d->jpeg.input_scan_number > MAX_SCANS)
    leave(d, bnc_fail(d->err, BNC_ERROR_LIMIT, "JPEG picture: found more than %d scans", MAX_SCANS));
}

static unsigned orientation_of(const struct jpeg_decompress_struct *jpeg) {
  for (jpeg_saved_marker_ptr m = jpeg->marker_list; m; m = m->next)
    if (m->marker == JPEG_APP0 + 1 && m->data_length >= 6 && memcmp(m->data, "Exif\0\0", 6) == 0)
      return bnc_exif_orientation(m->data + 6, m->data_length - 6);
  return 1;
}

static void check_colours(decoder *d) {
  switch (d->jpeg.jpeg_color_space) {
    case JCS_GRAYSCALE:
    case JCS_RGB:
    case JCS_YCbCr: return;
    case JCS_CMYK:
    case JCS_YCCK:
      leave(d, bnc_fail(d->err, BNC_ERROR_UNSUPPORTED,
                        "JPEG picture: found CMYK colours (a picture made for print), expected RGB or grayscale"));
    default:
      leave(d, bnc_fail(d->err, BNC_ERROR_UNSUPPORTED, "JPEG picture: found %d channels of an unknown kind, expected RGB or grayscale",
                        d->jpeg.num_components));
  }
}

/* Huffman codes have a bit or more, and each 8 x 8 block has a code or more: a short file that claims a large picture is found out before
 * memory is taken for it. */
static void check_plausible(decoder *d, size_t size) {
  for (int i = 0; !d->jpeg.arith_code && i < d->jpeg.num_components; i++) {
    const jpeg_component_info *c = &d->jpeg.comp_info[i];
    const unsigned long long least = (unsigned long long)c->width_in_blocks * c->height_in_blocks / 8;
    if (least > size)
      leave(d, bnc_fail(d->err, BNC_ERROR_FORMAT,
                        "JPEG picture: its data ends early: found %zu bytes, expected at least %llu for %u x %u pixels", size, least,
                        d->jpeg.image_width, d->jpeg.image_height));
  }
}

/* Runs under setjmp: whatever must outlive an error is in *d. */
static void decode(decoder *d, const uint8_t *data, size_t size, size_t max_pixels) {
  struct jpeg_decompress_struct *jpeg = &d->jpeg;
  jpeg_create_decompress(jpeg);
  jpeg->progress = &d->progress;
  jpeg->mem->max_memory_to_use = MAX_WORKING_MEMORY;
  jpeg_mem_src(jpeg, data, size);
  jpeg_save_markers(jpeg, JPEG_APP0 + 1, 0xffff);
  jpeg_read_header(jpeg, TRUE);
  d->status = bnc_image_check_size(jpeg->image_width, jpeg->image_height, max_pixels, d->err);
  if (d->status != BNC_OK) return;
  check_colours(d);
  check_plausible(d, size);
  jpeg->out_color_space = JCS_RGB;
  jpeg_start_decompress(jpeg);
  d->status = bnc_image_allocate(d->image, jpeg->output_width, jpeg->output_height, max_pixels, d->err);
  if (d->status != BNC_OK) return;
  while (jpeg->output_scanline < jpeg->output_height) {
    d->row = d->image->rgb + (size_t)jpeg->output_scanline * d->image->width * 3;
    jpeg_read_scanlines(jpeg, &d->row, 1);
  }
  const unsigned orientation = orientation_of(jpeg); /* finishing forgets the markers */
  jpeg_finish_decompress(jpeg);
  d->status = bnc_image_orient(d->image, orientation, d->err);
}

bnc_status bnc_jpeg_decode(bnc_image *image, const uint8_t *data, size_t size, size_t max_pixels, bnc_error *err) {
  decoder *d = bnc_mem_zalloc(sizeof *d);
  if (!d) return bnc_fail_memory(err, sizeof *d);
  d->err = err;
  d->image = image;
  d->jpeg.err = jpeg_std_error(&d->manager);
  d->manager.error_exit = on_error;
  d->manager.emit_message = on_message;
  d->manager.output_message = on_output;
  d->progress.progress_monitor = on_progress;
  if (setjmp(d->escape) == 0) decode(d, data, size, max_pixels);
  jpeg_destroy_decompress(&d->jpeg);
  const bnc_status s = d->status;
  if (s != BNC_OK) bnc_image_free(image);
  bnc_mem_free(d);
  return s;
}
