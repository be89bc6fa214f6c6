/* SPDX-License-Identifier: Apache-2.0 */
/* What a picture's EXIF and XMP say about how it is held. The sources, their order and every rule about damage are those of Pillow's
 * ImageOps.exif_transpose (version 13), so that a picture stands as it does there; two spellings that Pillow does not know are read on
 * top: single quotes or blanks around the number in XMP, and the profiles "APP1" and "xmp" that ImageMagick writes into PNG text. */
#include <string.h>

#include "platforms/base/mem.h"
#include "runtime/image/decoder.h"

#define TAG_ORIENTATION 0x0112u
#define UPRIGHT 1u

static uint64_t number(const uint8_t *p, size_t bytes, int big) {
  uint64_t value = 0;
  for (size_t i = 0; i < bytes; i++) value = value << 8 | p[big ? i : bytes - 1 - i];
  return value;
}

/* The types of TIFF 6.0 (and its later IFD, 13, and LONG8, 16) by their number: what one value takes, and how it is read. */
typedef enum kind { NOT_A_TYPE, NO_NUMBER, UNSIGNED, SIGNED, RATIONAL, SIGNED_RATIONAL, FLOAT } kind;
static const struct {
  uint8_t bytes, kind;
} types[17] = {[1] = {1, NO_NUMBER}, [2] = {1, NO_NUMBER}, [3] = {2, UNSIGNED},  [4] = {4, UNSIGNED}, [5] = {8, RATIONAL},
               [6] = {1, SIGNED},    [7] = {1, NO_NUMBER}, [8] = {2, SIGNED},    [9] = {4, SIGNED},   [10] = {8, SIGNED_RATIONAL},
               [11] = {4, FLOAT},    [12] = {8, FLOAT},    [13] = {4, UNSIGNED}, [16] = {8, UNSIGNED}};

static double signed_value(uint64_t bits, size_t bytes) {
  const uint64_t sign = (uint64_t)1 << (8 * bytes - 1);
  return bits & sign ? -(double)((sign - 1 - (bits & (sign - 1))) + 1) : (double)bits;
}

static double float_value(uint64_t bits, size_t bytes) {
  const uint32_t low = (uint32_t)bits;
  float single;
  double value;
  memcpy(&single, &low, sizeof single);
  memcpy(&value, &bits, sizeof value);
  return bytes == 4 ? (double)single : value;
}

/* The first value of an entry as an orientation; anything else than 1 .. 8 leaves the picture as it is. */
static unsigned orientation_value(const uint8_t *p, unsigned type, int big) {
  const size_t bytes = types[type].bytes;
  double value = 0;
  switch ((kind)types[type].kind) {
    case UNSIGNED: value = (double)number(p, bytes, big); break;
    case SIGNED: value = signed_value(number(p, bytes, big), bytes); break;
    case FLOAT: value = float_value(number(p, bytes, big), bytes); break;
    case RATIONAL:
    case SIGNED_RATIONAL: {
      const uint64_t above = number(p, 4, big), below = number(p + 4, 4, big);
      if (below == 0) return UPRIGHT;
      value = types[type].kind == RATIONAL ? (double)above / (double)below : signed_value(above, 4) / signed_value(below, 4);
      break;
    }
    case NOT_A_TYPE:
    case NO_NUMBER: break;
  }
  for (unsigned o = 1; o <= 8; o++)
    if (value >= o && value <= o) return o;
  return UPRIGHT;
}

unsigned bnc_exif_orientation(const uint8_t *exif, size_t size) {
  while (size >= 6 && memcmp(exif, "Exif\0\0", 6) == 0) exif += 6, size -= 6;
  if (size < 8 || exif[0] != exif[1] || (exif[0] != 'I' && exif[0] != 'M')) return 0;
  const int big = exif[0] == 'M';
  const size_t directory = (size_t)number(exif + 4, 4, big);
  if (number(exif + 2, 2, 0) != 42 && number(exif + 2, 2, 1) != 42) return 0;
  if (directory > size - 2) return 0;
  const size_t room = (size - directory - 2) / 12, listed = (size_t)number(exif + directory, 2, big);
  uint64_t elsewhere = 0; /* bytes of values outside the directory; damaged directories claim more than there is */
  for (size_t i = 0; i < listed && i < room; i++) {
    const uint8_t *entry = exif + directory + 2 + 12 * i; /* tag u16, type u16, count u32, value or offset u32 */
    const unsigned tag = (unsigned)number(entry, 2, big), type = (unsigned)number(entry + 2, 2, big);
    if (type >= sizeof types / sizeof *types || types[type].kind == NOT_A_TYPE) continue;
    const uint64_t bytes = types[type].bytes * number(entry + 4, 4, big), offset = number(entry + 8, 4, big);
    if (bytes == 0) continue;
    const uint8_t *value = entry + 8;
    if (bytes > 4) {
      elsewhere += bytes;
      if (elsewhere > size) continue;
      if (offset > size || bytes > size - offset) return 0; /* the rest of the directory is not trusted */
      value = exif + offset;
    }
    if (tag == TAG_ORIENTATION) return orientation_value(value, type, big);
  }
  return 0;
}

static size_t skip_blanks(const uint8_t *text, size_t size, size_t at) {
  while (at < size && (text[at] == ' ' || text[at] == '\t' || text[at] == '\r' || text[at] == '\n')) at++;
  return at;
}

unsigned bnc_xmp_orientation(const uint8_t *xmp, size_t size) {
  static const char name[] = "tiff:Orientation";
  enum { NAME = sizeof name - 1 };
  for (size_t i = 0; i + NAME < size; i++) {
    if (xmp[i] != 't' || memcmp(xmp + i, name, NAME) != 0) continue;
    size_t at = skip_blanks(xmp, size, i + NAME);
    if (at < size && xmp[at] == '=') {
      at = skip_blanks(xmp, size, at + 1);
      if (at == size || (xmp[at] != '"' && xmp[at] != '\'')) continue;
    } else if (at == size || xmp[at] != '>') {
      continue;
    }
    at = skip_blanks(xmp, size, at + 1);
    if (at == size || xmp[at] < '0' || xmp[at] > '9') continue;
    return xmp[at] >= '1' && xmp[at] <= '8' ? (unsigned)(xmp[at] - '0') : UPRIGHT;
  }
  return 0;
}

static int hex_digit(uint8_t c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* A raw profile is three lines (the first empty, then its name and its length) and hexadecimal digits with line breaks between them.
 * *bytes is empty where it is not that. */
static bnc_status from_hex(bnc_note text, uint8_t **bytes, size_t *size, bnc_error *err) {
  size_t at = 0, lines = 0;
  *bytes = NULL;
  *size = 0;
  while (at < text.size && lines < 3) lines += text.data[at++] == '\n';
  if (at == text.size) return BNC_OK;
  uint8_t *out = bnc_mem_alloc((text.size - at) / 2 + 1);
  if (!out) return bnc_fail_memory(err, (text.size - at) / 2 + 1);
  while ((at = skip_blanks(text.data, text.size, at)) < text.size) {
    const int high = hex_digit(text.data[at]), low = at + 1 < text.size ? hex_digit(text.data[at + 1]) : -1;
    if (high < 0 || low < 0) {
      bnc_mem_free(out);
      *size = 0;
      return BNC_OK;
    }
    out[(*size)++] = (uint8_t)(high << 4 | low);
    at += 2;
  }
  *bytes = out;
  return BNC_OK;
}

/* In the order of their weight. Of EXIF and of XMP only the first that is there counts, and XMP only where EXIF says nothing. */
static const struct {
  bnc_note_source source;
  bool is_xmp, is_hex;
} sources[] = {
    {BNC_NOTE_EXIF, false, false}, {BNC_NOTE_EXIF_PROFILE, false, true}, {BNC_NOTE_APP1_PROFILE, false, true},
    {BNC_NOTE_XMP, true, false},   {BNC_NOTE_XMP_PROFILE, true, true},
};

bnc_status bnc_notes_orientation(const bnc_notes *notes, unsigned *orientation, bnc_error *err) {
  bool had_exif = false;
  *orientation = 0;
  for (size_t i = 0; i < sizeof sources / sizeof *sources && *orientation == 0; i++) {
    bnc_note note = notes->of[sources[i].source];
    if (!note.data || (had_exif && !sources[i].is_xmp)) continue;
    uint8_t *bytes = NULL;
    if (sources[i].is_hex) {
      bnc_status s = from_hex(note, &bytes, &note.size, err);
      if (s != BNC_OK) return s;
      note.data = bytes;
    }
    *orientation = sources[i].is_xmp ? bnc_xmp_orientation(note.data, note.size) : bnc_exif_orientation(note.data, note.size);
    bnc_mem_free(bytes);
    had_exif = had_exif || !sources[i].is_xmp;
  }
  if (*orientation == 0) *orientation = UPRIGHT;
  return BNC_OK;
}
