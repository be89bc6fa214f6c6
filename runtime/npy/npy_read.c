/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "platforms/base/mem.h"
#include "platforms/file/file.h"
#include "runtime/npy/npy.h"

#define MAGIC_SIZE 8          /* "\x93NUMPY", major, minor */
#define MAX_HEADER (1u << 20) /* bytes; NumPy's own stay below a few hundred */

/* The header is a Python dict literal. Only the subset that NumPy writes for plain arrays is understood. */
typedef struct cursor {
  const char *at, *end;
} cursor;

static const struct {
  char name[4];
  bnc_npy_type type;
  size_t size;
} types[] = {{"<i4", BNC_NPY_I32, 4}, {"<i8", BNC_NPY_I64, 8}, {"<f4", BNC_NPY_F32, 4}, {"<f8", BNC_NPY_F64, 8}};

static void skip_space(cursor *c) {
  while (c->at < c->end && (*c->at == ' ' || *c->at == '\n' || *c->at == '\t' || *c->at == '\r')) c->at++;
}

static int take(cursor *c, char expected) {
  skip_space(c);
  if (c->at == c->end || *c->at != expected) return 0;
  c->at++;
  return 1;
}

static int take_word(cursor *c, const char *word) {
  const size_t n = strlen(word);
  skip_space(c);
  if ((size_t)(c->end - c->at) < n || memcmp(c->at, word, n) != 0) return 0;
  c->at += n;
  return 1;
}

/* A quoted string without escapes, cut to fit; text gets a NUL. */
static int take_string(cursor *c, char *text, size_t room) {
  skip_space(c);
  if (c->at == c->end || (*c->at != '\'' && *c->at != '"')) return 0;
  const char quote = *c->at++;
  const char *close = memchr(c->at, quote, (size_t)(c->end - c->at));
  if (!close) return 0;
  size_t n = (size_t)(close - c->at);
  if (n >= room) n = room - 1;
  memcpy(text, c->at, n);
  text[n] = 0;
  c->at = close + 1;
  return 1;
}

static int take_size(cursor *c, size_t *value) {
  skip_space(c);
  if (c->at == c->end || *c->at < '0' || *c->at > '9') return 0;
  *value = 0;
  for (; c->at < c->end && *c->at >= '0' && *c->at <= '9'; c->at++)
    if (!bnc_mul_size(*value, 10, value) || !bnc_add_size(*value, (size_t)(*c->at - '0'), value)) return 0;
  if (c->at < c->end && *c->at == 'L') c->at++; /* Python 2 wrote its long integers so */
  return 1;
}

static bnc_status damaged(bnc_error *err, const char *what) { return bnc_fail(err, BNC_ERROR_FORMAT, ".npy header: %s", what); }

static bnc_status read_descr(cursor *c, bnc_npy *array, size_t *item_size, bnc_error *err) {
  char text[32];
  skip_space(c);
  if (c->at < c->end && *c->at == '[')
    return bnc_fail(err, BNC_ERROR_UNSUPPORTED, "found an array of records, expected int32, int64, float32 or float64");
  if (!take_string(c, text, sizeof text)) return damaged(err, "found no type behind 'descr'");
  for (size_t i = 0; i < sizeof types / sizeof *types; i++)
    if (strcmp(text, types[i].name) == 0) {
      array->type = types[i].type;
      *item_size = types[i].size;
      return BNC_OK;
    }
  return bnc_fail(err, BNC_ERROR_UNSUPPORTED, "found items of type '%s', expected '<i4', '<i8', '<f4' or '<f8'", text);
}

static bnc_status read_shape(cursor *c, bnc_npy *array, bnc_error *err) {
  if (!take(c, '(')) return damaged(err, "found no tuple behind 'shape'");
  int comma = 1;
  while (!take(c, ')')) {
    size_t value;
    if (!comma || !take_size(c, &value)) return damaged(err, "found no list of sizes behind 'shape'");
    if (array->rank == BNC_NPY_MAX_RANK) return bnc_fail(err, BNC_ERROR_UNSUPPORTED, "found more than %d dimensions", BNC_NPY_MAX_RANK);
    array->shape[array->rank++] = value;
    comma = take(c, ',');
  }
  /* (3) is a number and no tuple */
  return array->rank == 1 && !comma ? damaged(err, "found a number behind 'shape', expected a tuple") : BNC_OK;
}

static bnc_status read_header(cursor c, bnc_npy *array, size_t *item_size, bnc_error *err) {
  enum { DESCR = 1, ORDER = 2, SHAPE = 4, ALL = 7 };
  int seen = 0, fortran = 0, comma = 1;
  if (!take(&c, '{')) return damaged(err, "found no '{' at its begin");
  while (!take(&c, '}')) {
    char key[16];
    bnc_status s = BNC_OK;
    if (!comma || !take_string(&c, key, sizeof key) || !take(&c, ':')) return damaged(err, "found something other than 'key': value");
    const int which = strcmp(key, "descr") == 0 ? DESCR : strcmp(key, "fortran_order") == 0 ? ORDER : strcmp(key, "shape") == 0 ? SHAPE : 0;
    if (!which || seen & which)
      return bnc_fail(err, BNC_ERROR_FORMAT, ".npy header: found %s key '%s'", which ? "a second" : "the unknown", key);
    seen |= which;
    if (which == DESCR) s = read_descr(&c, array, item_size, err);
    if (which == SHAPE) s = read_shape(&c, array, err);
    if (which == ORDER && !take_word(&c, "False") && !(fortran = take_word(&c, "True")))
      s = damaged(err, "found neither True nor False behind 'fortran_order'");
    if (s != BNC_OK) return s;
    comma = take(&c, ',');
  }
  skip_space(&c);
  if (c.at != c.end) return damaged(err, "found more behind its '}'");
  if (seen != ALL) return damaged(err, "expected the keys 'descr', 'fortran_order' and 'shape'");
  if (fortran && array->rank > 1) return bnc_fail(err, BNC_ERROR_UNSUPPORTED, "found an array in Fortran order, expected C order");
  return BNC_OK;
}

bnc_status bnc_npy_parse(bnc_npy *array, const uint8_t *data, size_t size, bnc_error *err) {
  size_t item_size = 0, bytes = 0, at = MAGIC_SIZE, length = 0;
  *array = (bnc_npy){.count = 1};
  if (size < MAGIC_SIZE + 2 || memcmp(data, "\x93NUMPY", 6) != 0)
    return bnc_fail(err, BNC_ERROR_FORMAT, "found something other than a .npy file");
  const unsigned major = data[6], minor = data[7];
  if (major < 1 || major > 3 || minor != 0)
    return bnc_fail(err, BNC_ERROR_UNSUPPORTED, "found .npy version %u.%u, expected 1.0, 2.0 or 3.0", major, minor);
  const size_t length_bytes = major == 1 ? 2 : 4;
  if (size < MAGIC_SIZE + length_bytes) return damaged(err, "it ends early");
  for (size_t i = 0; i < length_bytes; i++) length |= (size_t)data[at + i] << (8 * i);
  at += length_bytes;
  if (length > size - at) return bnc_fail(err, BNC_ERROR_FORMAT, ".npy header: found %zu bytes, expected %zu", size - at, length);
  if (length > MAX_HEADER) return bnc_fail(err, BNC_ERROR_LIMIT, ".npy header: found %zu bytes, expected at most %u", length, MAX_HEADER);
  const cursor header = {(const char *)data + at, (const char *)data + at + length};
  bnc_status s = read_header(header, array, &item_size, err);
  if (s != BNC_OK) return s;
  int fits = 1;
  for (size_t i = 0; i < array->rank; i++)
    if (array->shape[i] == 0) array->count = 0;
  for (size_t i = 0; i < array->rank; i++) fits = fits && bnc_mul_size(array->count, array->shape[i], &array->count);
  at += length;
  if (!fits || !bnc_mul_size(array->count, item_size, &bytes)) return damaged(err, "its shape is larger than any memory");
  if (bytes != size - at) return bnc_fail(err, BNC_ERROR_FORMAT, "found %zu bytes of items, expected %zu", size - at, bytes);
  array->data = data + at;
  return BNC_OK;
}

bnc_status bnc_npy_parse_ids(const uint8_t *data, size_t size, int64_t **ids, size_t *count, bnc_error *err) {
  *ids = NULL;
  *count = 0;
  bnc_npy array;
  bnc_status s = bnc_npy_parse(&array, data, size, err);
  if (s != BNC_OK) return s;
  if (array.type != BNC_NPY_I32 && array.type != BNC_NPY_I64)
    return bnc_fail(err, BNC_ERROR_FORMAT, "found items of type %s, expected int32 or int64 ids",
                    array.type == BNC_NPY_F32 ? "float32" : "float64");
  if (array.rank != 1) return bnc_fail(err, BNC_ERROR_FORMAT, "found an array of %zu dimensions, expected ids in 1", array.rank);
  if (array.count > BNC_NPY_MAX_IDS)
    return bnc_fail(err, BNC_ERROR_LIMIT, "found %zu ids, expected at most %u", array.count, BNC_NPY_MAX_IDS);
  int64_t *out = bnc_mem_array(array.count, sizeof *out);
  if (!out) return bnc_fail_memory(err, (unsigned long long)array.count * sizeof *out);
  for (size_t i = 0; i < array.count; i++) {
    int32_t narrow;
    if (array.type == BNC_NPY_I64) {
      memcpy(&out[i], array.data + 8 * i, 8);
    } else {
      memcpy(&narrow, array.data + 4 * i, 4);
      out[i] = narrow;
    }
  }
  *ids = out;
  *count = array.count;
  return BNC_OK;
}

bnc_status bnc_npy_load_ids(const char *path, int64_t **ids, size_t *count, bnc_error *err) {
  char *data;
  size_t size;
  *ids = NULL;
  *count = 0;
  bnc_status s = bnc_file_read(path, (size_t)BNC_NPY_MAX_IDS * 8 + MAX_HEADER, &data, &size, err);
  if (s != BNC_OK) return s;
  s = bnc_npy_parse_ids((const uint8_t *)data, size, ids, count, err);
  bnc_mem_free(data);
  return s == BNC_OK ? s : (bnc_error_prefix(err, "%s", path), s);
}
