/* SPDX-License-Identifier: Apache-2.0 */
/* tokenizer.json -> the builder of the saved form. */
#include "runtime/text/tokenizer_json.h"

#include <string.h>

#include "platforms/base/mem.h"

typedef struct builder {
  yyjson_val *model, *vocab, *merges, *added;
  bnc_bpe_builder made;
} builder;

static bnc_status read_id(yyjson_val *value, const char *content, uint32_t *id, bnc_error *err) {
  if (!yyjson_is_uint(value))
    return bnc_fail(err, BNC_ERROR_FORMAT, "token '%.100s' has an id of type %s, expected a whole number", content,
                    yyjson_get_type_desc(value));
  uint64_t found = yyjson_get_uint(value);
  if (found >= BNC_VOCABULARY_LIMIT)
    return bnc_fail(err, BNC_ERROR_LIMIT, "token '%.100s' has id %llu, expected less than %zu", content, (unsigned long long)found,
                    BNC_VOCABULARY_LIMIT);
  *id = (uint32_t)found;
  return BNC_OK;
}

static const char *added_content(yyjson_val *token, size_t *size) { return bnc_json_string(token, "content", size); }

/* Highest id first: the tables are made to measure. */
static bnc_status measure(builder *b, bnc_error *err) {
  size_t i, count, tokens = yyjson_obj_size(b->vocab) + yyjson_arr_size(b->added), size;
  uint32_t id, id_count = 0;
  yyjson_val *key, *value;
  bnc_status status = BNC_OK;
  yyjson_obj_foreach(b->vocab, i, count, key, value) {
    status = read_id(value, yyjson_get_str(key), &id, err);
    if (status != BNC_OK) return status;
    if (id >= id_count) id_count = id + 1;
  }
  yyjson_arr_foreach(b->added, i, count, value) {
    const char *content = added_content(value, &size);
    if (!content) return bnc_fail(err, BNC_ERROR_FORMAT, "added token %zu has no \"content\"", i);
    status = read_id(yyjson_obj_get(value, "id"), content, &id, err);
    if (status != BNC_OK) return status;
    if (id >= id_count) id_count = id + 1;
  }
  if (id_count > 4 * tokens + 65536)
    return bnc_fail(err, BNC_ERROR_FORMAT, "vocabulary: highest id is %u, expected about %zu (so many tokens there are)", id_count - 1,
                    tokens);
  return bnc_bpe_builder_create(&b->made, id_count, tokens, err);
}

static bnc_status read_added(builder *b, yyjson_val *token, bnc_error *err) {
  static const struct {
    const char *key;
    uint8_t flag;
  } keys[] = {{"special", BNC_TOKEN_SPECIAL},
              {"normalized", BNC_TOKEN_NORMALIZED},
              {"lstrip", BNC_TOKEN_LSTRIP},
              {"rstrip", BNC_TOKEN_RSTRIP},
              {"single_word", 0}};
  uint8_t flags = BNC_TOKEN_ADDED;
  size_t size;
  uint32_t id;
  const char *content = added_content(token, &size);
  bnc_status status = read_id(yyjson_obj_get(token, "id"), content, &id, err);
  for (size_t i = 0; i < sizeof keys / sizeof *keys && status == BNC_OK; i++) {
    bool set = false;
    status = bnc_json_get_bool(token, keys[i].key, &set, err);
    if (set && !keys[i].flag && status == BNC_OK)
      status = bnc_fail(err, BNC_ERROR_UNSUPPORTED, "added token '%.100s': single_word is not supported", content);
    if (set) flags |= keys[i].flag;
  }
  if (status != BNC_OK || !size) return status; /* the library ignores an empty one */
  return bnc_bpe_builder_add(&b->made, content, size, id, flags, err);
}

static bnc_status read_tokens(builder *b, bnc_error *err) {
  size_t i, count;
  yyjson_val *key, *value;
  bnc_status status = BNC_OK;
  yyjson_obj_foreach(b->vocab, i, count, key, value) {
    status =
        bnc_bpe_builder_add(&b->made, yyjson_get_str(key), yyjson_get_len(key), (uint32_t)yyjson_get_uint(value), BNC_TOKEN_VOCAB, err);
    if (status != BNC_OK) return status;
  }
  yyjson_arr_foreach(b->added, i, count, value) {
    status = read_added(b, value, err);
    if (status != BNC_OK) return status;
  }
  return BNC_OK;
}

static bnc_status read_merge(builder *b, size_t index, yyjson_val *value, bnc_error *err) {
  const char *half[2] = {0};
  size_t size[2] = {0};
  if (yyjson_is_str(value)) {
    half[0] = yyjson_get_str(value);
    size_t whole = yyjson_get_len(value);
    const char *space = memchr(half[0], ' ', whole);
    if (space) {
      half[1] = space + 1;
      size[0] = (size_t)(space - half[0]);
      size[1] = whole - size[0] - 1;
      if (memchr(half[1], ' ', size[1])) half[1] = NULL;
    }
  } else if (yyjson_arr_size(value) == 2) {
    for (size_t i = 0; i < 2; i++) {
      half[i] = yyjson_get_str(yyjson_arr_get(value, i));
      size[i] = yyjson_get_len(yyjson_arr_get(value, i));
    }
  }
  if (!half[0] || !half[1])
    return bnc_fail(err, BNC_ERROR_FORMAT, "merge %zu is not two tokens, expected \"a b\" or [\"a\", \"b\"]", index);
  return bnc_bpe_builder_merge(&b->made, index, half[0], size[0], half[1], size[1], err);
}

static bnc_status read_merges(builder *b, bnc_error *err) {
  bnc_status status = bnc_bpe_builder_reserve(&b->made, yyjson_arr_size(b->merges), err);
  size_t i, count;
  yyjson_val *value;
  yyjson_arr_foreach(b->merges, i, count, value) {
    if (status == BNC_OK) status = read_merge(b, i, value, err);
  }
  return status;
}

static bnc_status read_model(builder *b, bnc_error *err) {
  static const char *const affixes[] = {"continuing_subword_prefix", "end_of_word_suffix"};
  if (!yyjson_is_obj(b->model)) return bnc_fail(err, BNC_ERROR_FORMAT, "\"model\" is missing or no object");
  yyjson_val *type = yyjson_obj_get(b->model, "type");
  if (type && !yyjson_equals_str(type, "BPE"))
    return bnc_fail(err, BNC_ERROR_UNSUPPORTED, "model of type '%.100s' is not supported, expected BPE", bnc_json_type(b->model));
  b->vocab = yyjson_obj_get(b->model, "vocab");
  b->merges = yyjson_obj_get(b->model, "merges");
  if (!yyjson_is_obj(b->vocab)) return bnc_fail(err, BNC_ERROR_FORMAT, "model: \"vocab\" is missing or no object");
  if (!yyjson_is_arr(b->merges)) return bnc_fail(err, BNC_ERROR_FORMAT, "model: \"merges\" is missing or no list");
  for (int i = 0; i < 2; i++)
    if (yyjson_get_len(yyjson_obj_get(b->model, affixes[i])))
      return bnc_fail(err, BNC_ERROR_UNSUPPORTED, "model: %s is not supported", affixes[i]);
  yyjson_val *dropout = yyjson_obj_get(b->model, "dropout");
  if (dropout && !yyjson_is_null(dropout) && !(yyjson_is_num(dropout) && yyjson_get_num(dropout) == 0))
    return bnc_fail(err, BNC_ERROR_UNSUPPORTED, "model: dropout is not supported");
  bool fuse = false, fallback = false, ignore = false;
  bnc_status status = bnc_json_get_bool(b->model, "fuse_unk", &fuse, err);
  if (status == BNC_OK) status = bnc_json_get_bool(b->model, "byte_fallback", &fallback, err);
  if (status == BNC_OK) status = bnc_json_get_bool(b->model, "ignore_merges", &ignore, err);
  if (status != BNC_OK) return status;
  b->made.header.model = (fuse ? BNC_BPE_FUSE_UNK : 0) | (fallback ? BNC_BPE_BYTE_FALLBACK : 0) | (ignore ? BNC_BPE_IGNORE_MERGES : 0);
  return BNC_OK;
}

/* TemplateProcessing: what stands in front of the text. A template that appends tokens is not for prompts. */
static bnc_status read_template(builder *b, yyjson_val *value, bnc_error *err) {
  size_t i, count, size;
  yyjson_val *piece, *specials = yyjson_obj_get(value, "special_tokens");
  bool behind = false;
  if (yyjson_arr_size(yyjson_obj_get(value, "single")) > 16)
    return bnc_fail(err, BNC_ERROR_UNSUPPORTED, "TemplateProcessing: more than 16 pieces");
  yyjson_arr_foreach(yyjson_obj_get(value, "single"), i, count, piece) {
    if (yyjson_obj_get(piece, "Sequence")) {
      behind = true;
      continue;
    }
    const char *name = bnc_json_string(yyjson_obj_get(piece, "SpecialToken"), "id", &size);
    yyjson_val *ids = name ? yyjson_obj_get(yyjson_obj_getn(specials, name, size), "ids") : NULL;
    if (!yyjson_is_arr(ids)) return bnc_fail(err, BNC_ERROR_FORMAT, "TemplateProcessing: piece %zu names no known special token", i);
    if (behind) return bnc_fail(err, BNC_ERROR_UNSUPPORTED, "TemplateProcessing: '%.100s' behind the text is not supported", name);
    size_t k, id_count;
    yyjson_val *id;
    yyjson_arr_foreach(ids, k, id_count, id) {
      if (!yyjson_is_uint(id) || yyjson_get_uint(id) >= b->made.header.id_count || !b->made.flags[yyjson_get_uint(id)])
        return bnc_fail(err, BNC_ERROR_FORMAT, "TemplateProcessing: '%.100s' has an id that does not exist", name);
      if (b->made.header.prefix_count == BNC_BPE_PREFIX)
        return bnc_fail(err, BNC_ERROR_UNSUPPORTED, "TemplateProcessing: more than %d tokens in front", BNC_BPE_PREFIX);
      b->made.header.prefix[b->made.header.prefix_count++] = (uint32_t)yyjson_get_uint(id);
    }
  }
  return BNC_OK;
}

static bnc_status read_post_processor(builder *b, yyjson_val *value, int depth, bnc_error *err) {
  if (!value || yyjson_is_null(value)) return BNC_OK;
  const char *type = bnc_json_type(value);
  if (strcmp(type, "TemplateProcessing") == 0) return read_template(b, value, err);
  if (strcmp(type, "ByteLevel") == 0) return BNC_OK; /* moves offsets only */
  if (strcmp(type, "Sequence") != 0 || depth > 4)
    return bnc_fail(err, BNC_ERROR_UNSUPPORTED, "post_processor of type '%.100s' is not supported", type);
  size_t i, count;
  yyjson_val *item;
  yyjson_arr_foreach(yyjson_obj_get(value, "processors"), i, count, item) {
    bnc_status status = read_post_processor(b, item, depth + 1, err);
    if (status != BNC_OK) return status;
  }
  return BNC_OK;
}

static bnc_status build(builder *b, yyjson_val *root, bnc_error *err) {
  b->model = yyjson_obj_get(root, "model");
  b->added = yyjson_obj_get(root, "added_tokens");
  if (b->added && !yyjson_is_null(b->added) && !yyjson_is_arr(b->added))
    return bnc_fail(err, BNC_ERROR_FORMAT, "\"added_tokens\" is no list");
  bnc_status status = read_model(b, err);
  if (status == BNC_OK) status = bnc_json_read_parts(root, &b->made, err);
  if (status == BNC_OK) status = measure(b, err);
  if (status == BNC_OK) status = read_tokens(b, err);
  if (status == BNC_OK) status = read_merges(b, err);
  size_t size;
  const char *unk = bnc_json_string(b->model, "unk_token", &size);
  if (status == BNC_OK && unk) status = bnc_bpe_builder_need(&b->made, unk, size, &b->made.header.unk, "unk_token", err);
  return status == BNC_OK ? read_post_processor(b, yyjson_obj_get(root, "post_processor"), 0, err) : status;
}

bnc_status bnc_bpe_from_json(bnc_bpe **bpe, const char *json, size_t size, bnc_error *err) {
  *bpe = NULL;
  yyjson_doc *document;
  bnc_status status = bnc_json_parse(&document, json, size, err);
  if (status != BNC_OK) return status;
  builder b = {0};
  status = build(&b, yyjson_doc_get_root(document), err);
  if (status == BNC_OK) status = bnc_bpe_builder_finish(&b.made, bpe, err);
  bnc_bpe_builder_free(&b.made);
  yyjson_doc_free(document);
  return status;
}
