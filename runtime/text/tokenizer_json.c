/* SPDX-License-Identifier: Apache-2.0 */
/* tokenizer.json -> the saved form of bpe.h, which is then loaded as any other: one place checks, one form is used. */
#include "runtime/text/tokenizer_json.h"

#include <string.h>

#include "platforms/base/mem.h"

typedef struct builder {
  yyjson_val *model, *vocab, *merges, *added;
  bnc_bpe_header header;
  const char **content;                              /* [id_count] */
  uint32_t *size;                                    /* [id_count] */
  uint8_t *flags;                                    /* [id_count] */
  uint32_t *token_slots, *merge_slots, *merge_items; /* as in the saved form */
  bnc_json_parts parts;
} builder;

static uint32_t slots_for(size_t entries) {
  uint32_t slots = 2;
  while (slots < entries + entries / 2) slots *= 2;
  return slots;
}

/* Looks content up; BNC_BPE_NONE and the empty slot where it is not there. */
static bnc_status find_slot(const builder *b, const char *content, size_t size, uint32_t *id, uint32_t *slot, bnc_error *err) {
  uint32_t mask = b->header.token_slots - 1;
  *slot = bnc_bpe_hash_text(content, size) & mask;
  *id = BNC_BPE_NONE;
  for (uint32_t probe = 0; b->token_slots[*slot]; probe++, *slot = (*slot + 1) & mask) {
    uint32_t there = b->token_slots[*slot] - 1;
    if (probe + 1 >= BNC_BPE_PROBES) return bnc_fail(err, BNC_ERROR_LIMIT, "vocabulary: too many tokens fall together in the table");
    if (b->size[there] == size && memcmp(b->content[there], content, size) == 0) {
      *id = there;
      return BNC_OK;
    }
  }
  return BNC_OK;
}

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
  uint32_t id;
  yyjson_val *key, *value;
  bnc_status status = BNC_OK;
  yyjson_obj_foreach(b->vocab, i, count, key, value) {
    status = read_id(value, yyjson_get_str(key), &id, err);
    if (status != BNC_OK) return status;
    if (id >= b->header.id_count) b->header.id_count = id + 1;
  }
  yyjson_arr_foreach(b->added, i, count, value) {
    const char *content = added_content(value, &size);
    if (!content) return bnc_fail(err, BNC_ERROR_FORMAT, "added token %zu has no \"content\"", i);
    status = read_id(yyjson_obj_get(value, "id"), content, &id, err);
    if (status != BNC_OK) return status;
    if (id >= b->header.id_count) b->header.id_count = id + 1;
  }
  if (b->header.id_count > 4 * tokens + 65536)
    return bnc_fail(err, BNC_ERROR_FORMAT, "vocabulary: highest id is %u, expected about %zu (so many tokens there are)",
                    b->header.id_count - 1, tokens);
  b->header.token_slots = slots_for(tokens);
  b->header.merge_count = (uint32_t)yyjson_arr_size(b->merges);
  b->header.merge_slots = slots_for(b->header.merge_count);
  b->content = bnc_mem_array(b->header.id_count, sizeof *b->content);
  b->size = bnc_mem_array(b->header.id_count, sizeof *b->size);
  b->flags = bnc_mem_array(b->header.id_count, 1);
  b->token_slots = bnc_mem_array(b->header.token_slots, 4);
  b->merge_slots = bnc_mem_array(b->header.merge_slots, 4);
  b->merge_items = bnc_mem_array(b->header.merge_count, 12);
  if (b->content && b->size && b->flags && b->token_slots && b->merge_slots && b->merge_items) return BNC_OK;
  return bnc_fail_memory(err, (unsigned long long)b->header.id_count * 16);
}

static bnc_status add_token(builder *b, const char *content, size_t size, uint32_t id, uint8_t flags, bnc_error *err) {
  uint32_t known, slot;
  bnc_status status = find_slot(b, content, size, &known, &slot, err);
  if (status != BNC_OK) return status;
  if (known != BNC_BPE_NONE && (known != id || !(flags & BNC_TOKEN_ADDED) || (b->flags[id] & BNC_TOKEN_ADDED)))
    return bnc_fail(err, BNC_ERROR_FORMAT, "token '%.100s' is there twice, with ids %u and %u", content, known, id);
  if (known == BNC_BPE_NONE && b->flags[id])
    return bnc_fail(err, BNC_ERROR_FORMAT, "id %u belongs to two tokens: '%.100s' and '%.100s'", id, b->content[id], content);
  if (size > UINT32_MAX - b->header.text_bytes || b->header.text_bytes + size > ((size_t)1 << 28))
    return bnc_fail(err, BNC_ERROR_LIMIT, "vocabulary: the tokens' text is too long");
  b->flags[id] |= flags;
  if (known != BNC_BPE_NONE) return BNC_OK;
  b->content[id] = content;
  b->size[id] = (uint32_t)size;
  b->token_slots[slot] = id + 1;
  b->header.text_bytes += (uint32_t)size;
  return BNC_OK;
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
  return add_token(b, content, size, id, flags, err);
}

static bnc_status read_tokens(builder *b, bnc_error *err) {
  size_t i, count;
  yyjson_val *key, *value;
  bnc_status status = BNC_OK;
  yyjson_obj_foreach(b->vocab, i, count, key, value) {
    status = add_token(b, yyjson_get_str(key), yyjson_get_len(key), (uint32_t)yyjson_get_uint(value), BNC_TOKEN_VOCAB, err);
    if (status != BNC_OK) return status;
  }
  yyjson_arr_foreach(b->added, i, count, value) {
    status = read_added(b, value, err);
    if (status != BNC_OK) return status;
  }
  return BNC_OK;
}

static bnc_status model_token(const builder *b, const char *content, size_t size, uint32_t *id, const char *what, bnc_error *err) {
  uint32_t slot;
  bnc_status status = find_slot(b, content, size, id, &slot, err);
  if (status == BNC_OK && (*id == BNC_BPE_NONE || !(b->flags[*id] & BNC_TOKEN_VOCAB)))
    status = bnc_fail(err, BNC_ERROR_FORMAT, "%s '%.*s' is not in the vocabulary", what, (int)(size < 100 ? size : 100), content);
  return status;
}

static bnc_status read_merge(builder *b, size_t index, yyjson_val *value, bnc_text *joined, bnc_error *err) {
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
  uint32_t ids[3];
  bnc_status status = BNC_OK;
  joined->size = 0;
  for (int i = 0; i < 2 && status == BNC_OK; i++) {
    status = model_token(b, half[i], size[i], &ids[i], "merge: token", err);
    if (status == BNC_OK) status = bnc_text_append(joined, half[i], size[i], err);
  }
  if (status == BNC_OK) status = model_token(b, joined->data, joined->size, &ids[2], "merge: joined token", err);
  if (status != BNC_OK) return status;
  memcpy(b->merge_items + 3 * index, ids, sizeof ids);
  uint32_t mask = b->header.merge_slots - 1, slot = bnc_bpe_hash_pair(ids[0], ids[1]) & mask;
  for (uint32_t probe = 0; b->merge_slots[slot]; probe++, slot = (slot + 1) & mask) {
    const uint32_t *there = b->merge_items + 3 * (size_t)(b->merge_slots[slot] - 1);
    if (there[0] == ids[0] && there[1] == ids[1]) break; /* as in the library, the last of equal merges counts */
    if (probe + 1 >= BNC_BPE_PROBES) return bnc_fail(err, BNC_ERROR_LIMIT, "merges: too many fall together in the table");
  }
  b->merge_slots[slot] = (uint32_t)index + 1;
  return BNC_OK;
}

static bnc_status read_merges(builder *b, bnc_error *err) {
  bnc_text joined = {0};
  bnc_status status = BNC_OK;
  size_t i, count;
  yyjson_val *value;
  yyjson_arr_foreach(b->merges, i, count, value) {
    status = read_merge(b, i, value, &joined, err);
    if (status != BNC_OK) break;
  }
  bnc_text_free(&joined);
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
  if (yyjson_arr_size(b->merges) > BNC_VOCABULARY_LIMIT)
    return bnc_fail(err, BNC_ERROR_LIMIT, "model: found %zu merges, at most %zu are read", yyjson_arr_size(b->merges),
                    BNC_VOCABULARY_LIMIT);
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
  b->header.model = (fuse ? BNC_BPE_FUSE_UNK : 0) | (fallback ? BNC_BPE_BYTE_FALLBACK : 0) | (ignore ? BNC_BPE_IGNORE_MERGES : 0);
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
      if (!yyjson_is_uint(id) || yyjson_get_uint(id) >= b->header.id_count || !b->flags[yyjson_get_uint(id)])
        return bnc_fail(err, BNC_ERROR_FORMAT, "TemplateProcessing: '%.100s' has an id that does not exist", name);
      if (b->header.prefix_count == BNC_BPE_PREFIX)
        return bnc_fail(err, BNC_ERROR_UNSUPPORTED, "TemplateProcessing: more than %d tokens in front", BNC_BPE_PREFIX);
      b->header.prefix[b->header.prefix_count++] = (uint32_t)yyjson_get_uint(id);
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

static size_t padded(size_t size) { return (size + 3) / 4 * 4; }

static uint8_t *put(uint8_t *at, const void *data, size_t size) {
  if (size) memcpy(at, data, size);
  return at + padded(size); /* the block is zeroed */
}

static bnc_status assemble(builder *b, uint8_t **blob, bnc_error *err) {
  bnc_bpe_header *h = &b->header;
  h->magic = BNC_BPE_MAGIC;
  h->version = BNC_BPE_VERSION;
  h->part_count = b->parts.count;
  size_t total = sizeof *h + 4 * ((size_t)h->id_count + 1) + 4 * (size_t)h->token_slots + 12 * (size_t)h->merge_count +
                 4 * (size_t)h->merge_slots + padded(h->id_count) + padded(h->text_bytes);
  for (uint32_t i = 0; i < h->part_count; i++) total += 16 + padded((size_t)b->parts.parts[i].a_size + b->parts.parts[i].b_size);
  if (total > UINT32_MAX) return bnc_fail(err, BNC_ERROR_LIMIT, "tokenizer is too large");
  h->total_size = (uint32_t)total;
  uint8_t *at = *blob = bnc_mem_zalloc(total);
  if (!at) return bnc_fail_memory(err, total);
  at = put(at, h, sizeof *h);
  uint32_t *offsets = (void *)at;
  at += 4 * ((size_t)h->id_count + 1);
  at = put(at, b->token_slots, 4 * (size_t)h->token_slots);
  at = put(at, b->merge_items, 12 * (size_t)h->merge_count);
  at = put(at, b->merge_slots, 4 * (size_t)h->merge_slots);
  at = put(at, b->flags, h->id_count);
  for (uint32_t id = 0; id < h->id_count; id++) {
    offsets[id + 1] = offsets[id] + b->size[id];
    if (b->size[id]) memcpy(at + offsets[id], b->content[id], b->size[id]);
  }
  at += padded(h->text_bytes);
  for (uint32_t i = 0; i < h->part_count; i++) {
    const bnc_bpe_part *part = &b->parts.parts[i];
    const uint32_t head[4] = {part->kind, part->arg, part->a_size, part->b_size};
    at = put(at, head, sizeof head);
    if (part->a_size) memcpy(at, part->a, part->a_size);
    if (part->b_size) memcpy(at + part->a_size, part->b, part->b_size);
    at += padded((size_t)part->a_size + part->b_size);
  }
  return BNC_OK;
}

static bnc_status build(builder *b, yyjson_val *root, bnc_error *err) {
  b->header.unk = BNC_BPE_NONE;
  b->model = yyjson_obj_get(root, "model");
  b->added = yyjson_obj_get(root, "added_tokens");
  if (b->added && !yyjson_is_null(b->added) && !yyjson_is_arr(b->added))
    return bnc_fail(err, BNC_ERROR_FORMAT, "\"added_tokens\" is no list");
  bnc_status status = read_model(b, err);
  if (status == BNC_OK) status = bnc_json_read_parts(root, &b->parts, err);
  if (status == BNC_OK) status = measure(b, err);
  if (status == BNC_OK) status = read_tokens(b, err);
  if (status == BNC_OK) status = read_merges(b, err);
  size_t size;
  const char *unk = bnc_json_string(b->model, "unk_token", &size);
  if (status == BNC_OK && unk) status = model_token(b, unk, size, &b->header.unk, "unk_token", err);
  return status == BNC_OK ? read_post_processor(b, yyjson_obj_get(root, "post_processor"), 0, err) : status;
}

bnc_status bnc_bpe_from_json(bnc_bpe **bpe, const char *json, size_t size, bnc_error *err) {
  *bpe = NULL;
  yyjson_doc *document;
  bnc_status status = bnc_json_parse(&document, json, size, err);
  if (status != BNC_OK) return status;
  builder b = {0};
  uint8_t *blob = NULL;
  status = build(&b, yyjson_doc_get_root(document), err);
  if (status == BNC_OK) status = assemble(&b, &blob, err);
  if (status == BNC_OK) status = bnc_bpe_load(bpe, blob, b.header.total_size, err);
  bnc_mem_free(b.content);
  bnc_mem_free(b.size);
  bnc_mem_free(b.flags);
  bnc_mem_free(b.token_slots);
  bnc_mem_free(b.merge_slots);
  bnc_mem_free(b.merge_items);
  yyjson_doc_free(document);
  if (status == BNC_OK)
    (*bpe)->owned = blob;
  else
    bnc_mem_free(blob);
  return status;
}
