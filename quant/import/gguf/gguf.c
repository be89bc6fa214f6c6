/* SPDX-License-Identifier: Apache-2.0 */
#include "quant/import/gguf/gguf.h"

#include <stdlib.h>
#include <string.h>

#include "platforms/base/mem.h"
#include "quant/import/gguf/gguf_blocks.h"

enum { DEFAULT_ALIGNMENT = 32, MAX_ALIGNMENT = 1 << 20, MAX_KEYS = 1 << 16, MAX_TENSORS = 1 << 18 };
enum { LEAST_KEY = 8 + 4 + 1, LEAST_TENSOR = 8 + 4 + 4 + 8 }; /* bytes, without the name */

static const uint8_t type_bytes[BNC_GGUF_TYPES] = {
    [BNC_GGUF_U8] = 1,  [BNC_GGUF_I8] = 1,   [BNC_GGUF_U16] = 2, [BNC_GGUF_I16] = 2, [BNC_GGUF_U32] = 4, [BNC_GGUF_I32] = 4,
    [BNC_GGUF_F32] = 4, [BNC_GGUF_BOOL] = 1, [BNC_GGUF_U64] = 8, [BNC_GGUF_I64] = 8, [BNC_GGUF_F64] = 8};

typedef struct reader {
  const uint8_t *data;
  size_t size, at;
  char *names; /* [at most the header's bytes] what has been read of names */
  size_t names_size;
  bnc_error *err;
} reader;

static bnc_status cut_off(const reader *r, const char *what) {
  return bnc_fail(r->err, BNC_ERROR_FORMAT, "%s: ends behind byte %zu, where the file has %zu: is it truncated?", what, r->at, r->size);
}

static bool take_u32(reader *r, uint32_t *out) {
  if (r->size - r->at < 4) return false;
  memcpy(out, r->data + r->at, 4);
  r->at += 4;
  return true;
}

static bool take_u64(reader *r, uint64_t *out) {
  if (r->size - r->at < 8) return false;
  memcpy(out, r->data + r->at, 8);
  r->at += 8;
  return true;
}

static bool skip_string(reader *r) {
  uint64_t length;
  if (!take_u64(r, &length) || length > r->size - r->at) return false;
  r->at += (size_t)length;
  return true;
}

/* A name of at most BNC_GGUF_MAX_NAME bytes, copied behind the others. */
static bnc_status take_name(reader *r, const char *what, const char **name) {
  uint64_t length;
  if (!take_u64(r, &length)) return cut_off(r, what);
  if (length == 0 || length > BNC_GGUF_MAX_NAME)
    return bnc_fail(r->err, BNC_ERROR_FORMAT, "%s: found a name of %llu bytes, expected 1 to %u", what, (unsigned long long)length,
                    BNC_GGUF_MAX_NAME);
  if (length > r->size - r->at) return cut_off(r, what);
  char *copy = memcpy(r->names + r->names_size, r->data + r->at, (size_t)length);
  copy[length] = 0;
  if (strlen(copy) != length) return bnc_fail(r->err, BNC_ERROR_FORMAT, "%s: found a name with NUL inside", what);
  r->names_size += (size_t)length + 1;
  r->at += (size_t)length;
  *name = copy;
  return BNC_OK;
}

static bnc_status parse_value(reader *r, bnc_gguf_key *key) {
  uint32_t type, item;
  uint64_t count = 1;
  if (!take_u32(r, &type)) return cut_off(r, key->name);
  item = type;
  if (type == BNC_GGUF_ARRAY && (!take_u32(r, &item) || !take_u64(r, &count))) return cut_off(r, key->name);
  if (type >= BNC_GGUF_TYPES || item >= BNC_GGUF_TYPES)
    return bnc_fail(r->err, BNC_ERROR_FORMAT, "\"%s\": found a value of type %u, expected 0 to %d", key->name,
                    type >= BNC_GGUF_TYPES ? type : item, BNC_GGUF_TYPES - 1);
  if (item == BNC_GGUF_ARRAY) return bnc_fail(r->err, BNC_ERROR_UNSUPPORTED, "\"%s\": found an array of arrays", key->name);
  const size_t least = item == BNC_GGUF_STRING ? 8 : type_bytes[item];
  if (count > (r->size - r->at) / least)
    return bnc_fail(r->err, BNC_ERROR_FORMAT, "\"%s\": found %llu items, more than the file has room for", key->name,
                    (unsigned long long)count);
  *key = (bnc_gguf_key){key->name, (bnc_gguf_type)item, type == BNC_GGUF_ARRAY, (size_t)count, r->data + r->at, 0};
  const size_t begin = r->at;
  if (item != BNC_GGUF_STRING)
    r->at += (size_t)count * least;
  else
    for (size_t i = 0; i < count; i++)
      if (!skip_string(r)) return cut_off(r, key->name);
  key->bytes = r->at - begin;
  return BNC_OK;
}

static int by_key(const void *a, const void *b) { return strcmp(((const bnc_gguf_key *)a)->name, ((const bnc_gguf_key *)b)->name); }

static bnc_status parse_keys(reader *r, bnc_gguf *g, size_t count) {
  g->keys = bnc_mem_array(count, sizeof *g->keys);
  if (!g->keys) return bnc_fail_memory(r->err, count * sizeof *g->keys);
  for (; g->count < count; g->count++) {
    bnc_gguf_key *key = &g->keys[g->count];
    bnc_status s = take_name(r, "a key", &key->name);
    if (s == BNC_OK) s = parse_value(r, key);
    if (s != BNC_OK) return s;
  }
  if (count) qsort(g->keys, count, sizeof *g->keys, by_key);
  for (size_t i = 1; i < count; i++)
    if (strcmp(g->keys[i - 1].name, g->keys[i].name) == 0)
      return bnc_fail(r->err, BNC_ERROR_FORMAT, "\"%s\": found this key twice", g->keys[i].name);
  return BNC_OK;
}

/* Type, shape and place; *bytes is what the tensor takes. */
static bnc_status parse_layout(reader *r, bnc_source_tensor *t, uint64_t *offset, size_t *bytes) {
  uint32_t rank, type;
  uint64_t dims[BNC_GGUF_MAX_RANK];
  if (!take_u32(r, &rank)) return cut_off(r, t->stored);
  if (rank > BNC_GGUF_MAX_RANK)
    return bnc_fail(r->err, BNC_ERROR_FORMAT, "\"%s\": found %u dimensions, expected at most %u", t->stored, rank, BNC_GGUF_MAX_RANK);
  for (uint32_t i = 0; i < rank; i++)
    if (!take_u64(r, &dims[i])) return cut_off(r, t->stored);
  if (!take_u32(r, &type) || !take_u64(r, offset)) return cut_off(r, t->stored);
  t->rank = rank;
  t->elements = 1;
  for (uint32_t i = 0; i < rank; i++) {
    if (dims[i] == 0 || dims[i] > SIZE_MAX || !bnc_mul_size(t->elements, (size_t)dims[i], &t->elements))
      return bnc_fail(r->err, BNC_ERROR_FORMAT, "\"%s\": the product of its sizes is zero or overflows", t->stored);
    t->shape[rank - 1 - i] = (size_t)dims[i];
  }
  t->block = bnc_gguf_block_type(type);
  if (!t->block) return bnc_fail(r->err, BNC_ERROR_UNSUPPORTED, "\"%s\": found tensors of type %u, which is not known", t->stored, type);
  t->dtype = t->block->dtype;
  t->dtype_name = t->block->name;
  const size_t columns = rank ? t->shape[rank - 1] : 1;
  if (columns % t->block->elements)
    return bnc_fail(r->err, BNC_ERROR_FORMAT, "\"%s\": found rows of %zu elements, expected whole blocks of %zu of %s", t->stored, columns,
                    t->block->elements, t->dtype_name);
  if (!bnc_mul_size(t->elements / t->block->elements, t->block->bytes, bytes))
    return bnc_fail(r->err, BNC_ERROR_FORMAT, "\"%s\": the product of its sizes is zero or overflows", t->stored);
  return BNC_OK;
}

/* begin and end are counted from the data's begin until all is known. */
static bnc_status parse_tensor(reader *r, bnc_source_tensor *t, size_t alignment) {
  uint64_t offset = 0;
  size_t bytes = 0;
  bnc_status s = take_name(r, "a tensor", &t->stored);
  if (s == BNC_OK) s = parse_layout(r, t, &offset, &bytes);
  if (s != BNC_OK) return s;
  if (offset % alignment)
    return bnc_fail(r->err, BNC_ERROR_FORMAT, "\"%s\": begins at byte %llu of the data, expected a multiple of general.alignment (%zu)",
                    t->stored, (unsigned long long)offset, alignment);
  if (offset > r->size || bytes > r->size - (size_t)offset)
    return bnc_fail(r->err, BNC_ERROR_FORMAT, "\"%s\": needs %zu bytes from byte %llu of the data on, the file has %zu: is it truncated?",
                    t->stored, bytes, (unsigned long long)offset, r->size);
  t->begin = (size_t)offset;
  t->end = (size_t)offset + bytes;
  return BNC_OK;
}

static int by_place(const void *a, const void *b) {
  const bnc_source_tensor *x = a, *y = b;
  if (x->begin != y->begin) return x->begin < y->begin ? -1 : 1;
  return x->end < y->end ? -1 : x->end > y->end;
}

static int by_stored(const void *a, const void *b) {
  return strcmp(((const bnc_source_tensor *)a)->stored, ((const bnc_source_tensor *)b)->stored);
}

static bnc_status place_tensors(const reader *r, bnc_source_list *list, size_t alignment) {
  const size_t data_begin = r->at + (alignment - r->at % alignment) % alignment;
  if (list->count) qsort(list->tensors, list->count, sizeof *list->tensors, by_place);
  for (size_t i = 0; i < list->count; i++) {
    bnc_source_tensor *t = &list->tensors[i];
    if (i && t->begin < list->tensors[i - 1].end - data_begin)
      return bnc_fail(r->err, BNC_ERROR_FORMAT, "\"%s\" and \"%s\" overlap", list->tensors[i - 1].stored, t->stored);
    if (data_begin > r->size || t->end > r->size - data_begin)
      return bnc_fail(r->err, BNC_ERROR_FORMAT, "\"%s\": ends at byte %zu of the data, the file has %zu: is it truncated?", t->stored,
                      t->end, data_begin > r->size ? 0 : r->size - data_begin);
    t->begin += data_begin;
    t->end += data_begin;
  }
  if (list->count) qsort(list->tensors, list->count, sizeof *list->tensors, by_stored);
  for (size_t i = 1; i < list->count; i++)
    if (strcmp(list->tensors[i - 1].stored, list->tensors[i].stored) == 0)
      return bnc_fail(r->err, BNC_ERROR_FORMAT, "\"%s\": found this tensor twice", list->tensors[i].stored);
  return BNC_OK;
}

static bnc_status parse_tensors(reader *r, const bnc_gguf *g, bnc_source_list *list, size_t count) {
  size_t alignment = DEFAULT_ALIGNMENT;
  bnc_status s = bnc_gguf_get_size(g, "general.alignment", 1, MAX_ALIGNMENT, &alignment, r->err);
  if (s == BNC_OK && (alignment & (alignment - 1)))
    s = bnc_fail(r->err, BNC_ERROR_FORMAT, "\"general.alignment\": found %zu, expected a power of two", alignment);
  if (s != BNC_OK) return s;
  list->tensors = bnc_mem_array(count, sizeof *list->tensors);
  if (!list->tensors) return bnc_fail_memory(r->err, count * sizeof *list->tensors);
  for (; s == BNC_OK && list->count < count; list->count += s == BNC_OK) s = parse_tensor(r, &list->tensors[list->count], alignment);
  return s == BNC_OK ? place_tensors(r, list, alignment) : s;
}

static bnc_status parse_front(reader *r, uint64_t *tensors, uint64_t *keys) {
  uint32_t version;
  if (r->size < 4 || memcmp(r->data, "GGUF", 4) != 0) return bnc_fail(r->err, BNC_ERROR_FORMAT, "found no GGUF file");
  r->at = 4;
  if (!take_u32(r, &version)) return cut_off(r, "the header");
  if (version != 2 && version != 3)
    return bnc_fail(r->err, BNC_ERROR_UNSUPPORTED, "found GGUF version %u, expected 2 or 3%s", version,
                    version && version % 65536 == 0 ? ", little-endian" : "");
  if (!take_u64(r, tensors) || !take_u64(r, keys)) return cut_off(r, "the header");
  if (*keys > MAX_KEYS || *tensors > MAX_TENSORS)
    return bnc_fail(r->err, BNC_ERROR_LIMIT, "found %llu keys and %llu tensors, expected at most %d and %d", (unsigned long long)*keys,
                    (unsigned long long)*tensors, MAX_KEYS, MAX_TENSORS);
  if (*keys > (r->size - r->at) / LEAST_KEY || *tensors > (r->size - r->at) / LEAST_TENSOR)
    return bnc_fail(r->err, BNC_ERROR_FORMAT, "found %llu keys and %llu tensors, more than the file has room for: is it truncated?",
                    (unsigned long long)*keys, (unsigned long long)*tensors);
  return BNC_OK;
}

/* Room for the names of so many things: each has a length of 8 bytes before it, so that all of them with their NULs fit into the file's
   size, too. */
static bnc_status reserve_names(reader *r, uint64_t count, char **names) {
  const uint64_t most = count * (BNC_GGUF_MAX_NAME + 1);
  const size_t bytes = most < r->size ? (size_t)most : r->size;
  *names = r->names = bnc_mem_alloc(bytes);
  r->names_size = 0;
  return r->names ? BNC_OK : bnc_fail_memory(r->err, bytes);
}

bnc_status bnc_gguf_parse(bnc_gguf *out, bnc_source_list *list, const uint8_t *data, size_t size, bnc_error *err) {
  reader r = {.data = data, .size = size, .err = err};
  uint64_t tensors = 0, keys = 0;
  *out = (bnc_gguf){0};
  *list = (bnc_source_list){0};
  bnc_status s = parse_front(&r, &tensors, &keys);
  if (s == BNC_OK) s = reserve_names(&r, keys, &out->names);
  if (s == BNC_OK) s = parse_keys(&r, out, (size_t)keys);
  if (s == BNC_OK) s = reserve_names(&r, tensors, &list->names);
  if (s == BNC_OK) s = parse_tensors(&r, out, list, (size_t)tensors);
  if (s != BNC_OK) {
    bnc_gguf_free(out);
    bnc_source_list_free(list);
  }
  return s;
}

void bnc_gguf_free(bnc_gguf *g) {
  bnc_mem_free(g->keys);
  bnc_mem_free(g->names);
  *g = (bnc_gguf){0};
}
