/* SPDX-License-Identifier: Apache-2.0 */
/* JPEG through libjpeg(-turbo) with its default, accurate settings, which are Pillow's too: integer "islow" DCT, smooth chroma upsampling.
 * Four channels are taken as Adobe's programs write them, inverted, whether their marker is there or not, as Pillow does. */
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
  bnc_image_watch *watch;
  JSAMPROW row;
  uint8_t *cmyk;       /* [width, 4] a row, or NULL */
  uint8_t *exif;       /* the joined EXIF blocks, where there are several */
  unsigned components; /* bit i: a scan with component i has begun */
  bool ended;          /* libjpeg wanted more bytes than there are, and goes on with an end marker of its own */
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

static _Noreturn void leave_at_the_end(decoder *d) { leave(d, bnc_fail(d->err, BNC_ERROR_FORMAT, "JPEG picture: its data ends early")); }

/* libjpeg goes on after damage, and so do we, as Pillow; only pixels that the file does not hold are an error. Warnings about harmless
 * oddities (unknown versions, stray bytes between markers) say nothing. */
static void on_message(j_common_ptr jpeg, int level) {
  if (level >= 0) return;
  decoder *d = (decoder *)jpeg->err;
  switch (jpeg->err->msg_code) {
    case JWRN_JPEG_EOF:
      d->ended = true;
      /* arithmetic decoding takes zeros for what is missing, without a word */
      if (d->jpeg.arith_code && d->jpeg.output_scanline < d->jpeg.output_height) leave_at_the_end(d);
      d->image->damage = "JPEG picture: its end marker is missing";
      break;
    case JWRN_HIT_MARKER:
      if (d->ended) leave_at_the_end(d);
      d->image->damage = "JPEG picture: a part of its data is lost, which may show";
      break;
    case JWRN_HUFF_BAD_CODE:
    case JWRN_ARITH_BAD_CODE:
    case JWRN_MUST_RESYNC:
    case JWRN_BOGUS_PROGRESSION: d->image->damage = "JPEG picture: a part of its data is damaged, which may show"; break;
    default: break;
  }
}

static void on_output(j_common_ptr jpeg) { (void)jpeg; }

/* Called for every row of blocks that is read, and every row that is given out. */
static void on_progress(j_common_ptr jpeg) {
  decoder *d = (decoder *)jpeg->err;
  if (d->jpeg.input_scan_number > MAX_SCANS)
    leave(d, bnc_fail(d->err, BNC_ERROR_LIMIT, "JPEG picture: found more than %d scans", MAX_SCANS));
  for (int i = 0; i < d->jpeg.comps_in_scan && d->jpeg.cur_comp_info[i]; i++)
    d->components |= 1u << d->jpeg.cur_comp_info[i]->component_index;
  const struct jpeg_progress_mgr *p = &d->progress;
  const double part = p->pass_limit > 0 ? (double)p->pass_counter / (double)p->pass_limit : 0;
  const bnc_status s = bnc_image_ask(d->watch, p->total_passes > 0 ? (p->completed_passes + part) / p->total_passes : 0, d->err);
  if (s != BNC_OK) leave(d, s);
}

/* Whether a picture in several scans, all read by now, has all of them: each component, and in a progressive one each bit. */
static bool has_all_scans(const decoder *d) {
  for (int i = 0; i < d->jpeg.num_components; i++) {
    if (!(d->components >> i & 1)) return false;
    for (int k = 0; d->jpeg.coef_bits && k < DCTSIZE2; k++)
      if (d->jpeg.coef_bits[i][k] != 0) return false;
  }
  return true;
}

static bool is_app1(jpeg_saved_marker_ptr m, const char *name, size_t length) {
  return m->marker == JPEG_APP0 + 1 && m->data_length >= length && memcmp(m->data, name, length) == 0;
}

/* EXIF that is too long for one marker goes on in the next. */
static void join_exif(decoder *d, bnc_note *note) {
  size_t total = 0, parts = 0;
  for (jpeg_saved_marker_ptr m = d->jpeg.marker_list; m; m = m->next)
    if (is_app1(m, "Exif\0\0", 6)) {
      *note = (bnc_note){m->data + 6, m->data_length - 6};
      total += note->size;
      parts++;
    }
  if (parts < 2) return;
  d->exif = bnc_mem_alloc(total + 1);
  if (!d->exif) leave(d, bnc_fail_memory(d->err, total + 1));
  *note = (bnc_note){d->exif, 0};
  for (jpeg_saved_marker_ptr m = d->jpeg.marker_list; m; m = m->next)
    if (is_app1(m, "Exif\0\0", 6)) {
      memcpy(d->exif + note->size, m->data + 6, m->data_length - 6);
      note->size += m->data_length - 6;
    }
}

static unsigned orientation_of(decoder *d) {
  static const char xmp[] = "http://ns.adobe.com/xap/1.0/"; /* its NUL is a part of it */
  bnc_notes notes = {0};
  unsigned orientation;
  join_exif(d, &notes.of[BNC_NOTE_EXIF]);
  for (jpeg_saved_marker_ptr m = d->jpeg.marker_list; m; m = m->next)
    if (is_app1(m, xmp, sizeof xmp)) notes.of[BNC_NOTE_XMP] = (bnc_note){m->data + sizeof xmp, m->data_length - sizeof xmp};
  const bnc_status s = bnc_notes_orientation(&notes, &orientation, d->err);
  if (s != BNC_OK) leave(d, s);
  return orientation;
}

static void choose_colours(decoder *d) {
  switch (d->jpeg.jpeg_color_space) {
    case JCS_GRAYSCALE:
    case JCS_RGB:
    case JCS_YCbCr: d->jpeg.out_color_space = JCS_RGB; return;
    case JCS_CMYK:
    case JCS_YCCK: d->jpeg.out_color_space = JCS_CMYK; return;
    default:
      leave(d, bnc_fail(d->err, BNC_ERROR_UNSUPPORTED,
                        "JPEG picture: found %d channels of an unknown kind, expected grayscale, RGB or CMYK", d->jpeg.num_components));
  }
}

/* a * b / 255 to the nearest, a and b 0 .. 255. */
static unsigned scaled(unsigned a, unsigned b) {
  const unsigned t = a * b + 128;
  return ((t >> 8) + t) >> 8;
}

/* Ink is stored inverted: light is what paper reflects, black, less its part that the colour takes away. */
static void cmyk_to_rgb(const uint8_t *cmyk /* [width, 4] */, uint8_t *rgb /* [width, 3] */, size_t width) {
  for (size_t x = 0; x < width; x++)
    for (size_t c = 0; c < 3; c++) rgb[3 * x + c] = (uint8_t)(cmyk[4 * x + 3] - scaled(255u - cmyk[4 * x + c], cmyk[4 * x + 3]));
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

static void read_rows(decoder *d) {
  struct jpeg_decompress_struct *jpeg = &d->jpeg;
  if (jpeg->out_color_space == JCS_CMYK) {
    d->cmyk = bnc_mem_array(d->image->width, 4);
    if (!d->cmyk) leave(d, bnc_fail_memory(d->err, d->image->width * 4));
  }
  while (jpeg->output_scanline < jpeg->output_height) {
    uint8_t *rgb = d->image->rgb + (size_t)jpeg->output_scanline * d->image->width * 3;
    d->row = d->cmyk ? d->cmyk : rgb;
    jpeg_read_scanlines(jpeg, &d->row, 1);
    if (d->cmyk) cmyk_to_rgb(d->cmyk, rgb, d->image->width);
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
  choose_colours(d);
  check_plausible(d, size);
  const unsigned orientation = orientation_of(d); /* what stands behind the first scan's header does not count */
  jpeg->scale_num = 1;
  jpeg->scale_denom = bnc_image_reduction(jpeg->image_width, jpeg->image_height, max_pixels);
  jpeg_start_decompress(jpeg);
  if (d->ended && jpeg_has_multiple_scans(jpeg) && !has_all_scans(d)) leave_at_the_end(d);
  d->status = bnc_image_allocate(d->image, jpeg->output_width, jpeg->output_height, max_pixels, d->err);
  if (d->status != BNC_OK) return;
  read_rows(d);
  jpeg_finish_decompress(jpeg);
  d->status = bnc_image_orient(d->image, orientation, d->err);
}

bnc_status bnc_jpeg_decode(bnc_image *image, const uint8_t *data, size_t size, size_t max_pixels, bnc_image_watch *watch, bnc_error *err) {
  decoder *d = bnc_mem_zalloc(sizeof *d);
  if (!d) return bnc_fail_memory(err, sizeof *d);
  d->err = err;
  d->image = image;
  d->watch = watch;
  d->jpeg.err = jpeg_std_error(&d->manager);
  d->manager.error_exit = on_error;
  d->manager.emit_message = on_message;
  d->manager.output_message = on_output;
  d->progress.progress_monitor = on_progress;
  if (setjmp(d->escape) == 0) decode(d, data, size, max_pixels);
  jpeg_destroy_decompress(&d->jpeg);
  const bnc_status s = d->status;
  if (s != BNC_OK) bnc_image_free(image);
  bnc_mem_free(d->cmyk);
  bnc_mem_free(d->exif);
  bnc_mem_free(d);
  return s;
}
