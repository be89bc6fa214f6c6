/* SPDX-License-Identifier: Apache-2.0 */
/* Normalizers, pre-tokenizers and decoders of tokenizer.json. What is not known is refused by its name. */
#include <string.h>

#include "runtime/text/tokenizer_json.h"
#include "runtime/text/utf8.h"

typedef bnc_status (*read_part)(yyjson_val *value, bnc_bpe_builder *builder, bnc_error *err);

static bnc_bpe_kind last_kind(const bnc_bpe_builder *builder) {
  return builder->header.part_count ? builder->parts[builder->header.part_count - 1].kind : 0;
}

static bool is(yyjson_val *value, const char *type) { return strcmp(bnc_json_type(value), type) == 0; }

static bnc_status wrong(bnc_error *err, yyjson_val *value, const char *key, const char *expected) {
  return bnc_fail(err, BNC_ERROR_UNSUPPORTED, "%s: \"%s\" is not supported as it is, expected %s", bnc_json_type(value), key, expected);
}

static bnc_status unknown(bnc_error *err, yyjson_val *value, const char *what) {
  return bnc_fail(err, BNC_ERROR_UNSUPPORTED, "%s of type '%.100s' is not supported", what, bnc_json_type(value));
}

/* A Sequence is flattened, to a small depth. */
static bnc_status walk(yyjson_val *value, const char *members, read_part read, int depth, bnc_bpe_builder *builder, bnc_error *err) {
  if (!value || yyjson_is_null(value)) return BNC_OK;
  if (!yyjson_is_obj(value))
    return bnc_fail(err, BNC_ERROR_FORMAT, "a tokenizer component is %s, expected an object", yyjson_get_type_desc(value));
  if (!is(value, "Sequence")) return read(value, builder, err);
  yyjson_val *list = yyjson_obj_get(value, members);
  if (!yyjson_is_arr(list) || depth > 4)
    return bnc_fail(err, BNC_ERROR_FORMAT, "Sequence: \"%s\" is missing, no list, or nested too deeply", members);
  size_t i, count;
  yyjson_val *item;
  yyjson_arr_foreach(list, i, count, item) {
    bnc_status status = walk(item, members, read, depth + 1, builder, err);
    if (status != BNC_OK) return status;
  }
  return BNC_OK;
}

static bnc_status read_replace(yyjson_val *value, bnc_bpe_kind kind, bnc_bpe_builder *builder, bnc_error *err) {
  size_t a_size, b_size;
  const char *a = bnc_json_string(yyjson_obj_get(value, "pattern"), "String", &a_size), *b = bnc_json_string(value, "content", &b_size);
  if (!a) return wrong(err, value, "pattern", "{\"String\": TEXT}");
  if (!b) return wrong(err, value, "content", "a string");
  if (!a_size) return BNC_OK; /* the library finds an empty pattern nowhere */
  return bnc_bpe_builder_part(builder, (bnc_bpe_part){.kind = kind, .a = a, .a_size = (uint32_t)a_size, .b = b, .b_size = (uint32_t)b_size},
                              err);
}

static bnc_status read_normalizer(yyjson_val *value, bnc_bpe_builder *builder, bnc_error *err) {
  if (is(value, "Replace")) return read_replace(value, BNC_NORM_REPLACE, builder, err);
  if (is(value, "NFC")) return bnc_bpe_builder_part(builder, (bnc_bpe_part){.kind = BNC_NORM_NFC}, err);
  if (!is(value, "Prepend")) return unknown(err, value, "normalizer");
  size_t size;
  const char *text = bnc_json_string(value, "prepend", &size);
  if (!text) return wrong(err, value, "prepend", "a string");
  return size ? bnc_bpe_builder_part(builder, (bnc_bpe_part){.kind = BNC_NORM_PREPEND, .a = text, .a_size = (uint32_t)size}, err) : BNC_OK;
}

static bnc_status read_metaspace(yyjson_val *value, bnc_bpe_part *part, bool *prepends, bnc_error *err) {
  size_t size, scheme_size;
  const char *text = bnc_json_string(value, "replacement", &size), *scheme = bnc_json_string(value, "prepend_scheme", &scheme_size);
  if (!text || !size || bnc_utf8_next(text, size) != (int)size) return wrong(err, value, "replacement", "one character");
  /* add_prefix_space is what older files have in place of prepend_scheme. */
  if (!scheme) scheme = yyjson_is_false(yyjson_obj_get(value, "add_prefix_space")) ? "never" : "always";
  bool first = strcmp(scheme, "first") == 0, always = strcmp(scheme, "always") == 0;
  if (!first && !always && strcmp(scheme, "never") != 0) return wrong(err, value, "prepend_scheme", "first, always or never");
  bool split = !yyjson_is_false(yyjson_obj_get(value, "split"));
  *prepends = first || always;
  part->arg = (first ? BNC_PREPEND_FIRST : 0) | (always ? BNC_PREPEND_ALWAYS : 0) | (split ? BNC_META_SPLIT : 0);
  part->a = text;
  part->a_size = (uint32_t)size;
  return BNC_OK;
}

/* A Split by what Rust calls numeric: each such character, or each run of them, is a piece. */
static bnc_status read_digits(yyjson_val *value, bnc_bpe_builder *builder, bnc_error *err) {
  bool individual = false;
  bnc_status status = bnc_json_get_bool(value, "individual_digits", &individual, err);
  if (status != BNC_OK) return status;
  return bnc_bpe_builder_part(
      builder, (bnc_bpe_part){.kind = BNC_PRE_SPLIT, .a = individual ? "\\p{N}" : "\\p{N}+", .a_size = individual ? 5 : 6}, err);
}

static bnc_status read_split(yyjson_val *value, bnc_bpe_builder *builder, bnc_error *err) {
  static const char *const behaviours[] = {"Isolated", "Removed", "MergedWithPrevious", "MergedWithNext", "Contiguous"};
  bnc_bpe_part part = {.kind = BNC_PRE_SPLIT};
  yyjson_val *pattern = yyjson_obj_get(value, "pattern");
  size_t size, length;
  bool invert = false;
  const char *behaviour = bnc_json_string(value, "behavior", &length);
  const char *regex = bnc_json_string(pattern, "Regex", &size);
  while (part.arg < 5 && (!behaviour || strcmp(behaviour, behaviours[part.arg]) != 0)) part.arg++;
  if (part.arg == 5) return wrong(err, value, "behavior", "Isolated, Removed, MergedWithPrevious, MergedWithNext or Contiguous");
  bnc_status status = bnc_json_get_bool(value, "invert", &invert, err);
  if (status != BNC_OK) return status;
  if (invert) part.arg |= BNC_SPLIT_INVERT;
  if (!regex) { /* a text: the only ones in use are a space and a space's stand-in, which mean themselves to a regular expression */
    regex = bnc_json_string(pattern, "String", &size);
    if (!regex || bnc_utf8_next(regex, size) != (int)size || (size == 1 && strchr("\\^$.[|()?*+{}#", regex[0])))
      return wrong(err, value, "pattern", "{\"Regex\": TEXT} or {\"String\": CHARACTER}");
  }
  if (!size) return wrong(err, value, "pattern", "{\"Regex\": TEXT}");
  if (size > UINT32_MAX) return bnc_fail(err, BNC_ERROR_LIMIT, "Split: the regular expression is too long");
  part.a = regex;
  part.a_size = (uint32_t)size;
  return bnc_bpe_builder_part(builder, part, err);
}

static bnc_status read_pre_tokenizer(yyjson_val *value, bnc_bpe_builder *builder, bnc_error *err) {
  bnc_bpe_kind last = last_kind(builder);
  if (last == BNC_PRE_BYTE_LEVEL || last == BNC_PRE_METASPACE)
    return bnc_fail(err, BNC_ERROR_UNSUPPORTED, "pre_tokenizer '%.100s' behind %s is not supported", bnc_json_type(value),
                    last == BNC_PRE_METASPACE ? "Metaspace" : "ByteLevel");
  if (is(value, "ByteLevel")) {
    yyjson_val *space = yyjson_obj_get(value, "add_prefix_space"), *regex = yyjson_obj_get(value, "use_regex");
    uint32_t arg = (yyjson_is_false(space) ? 0 : BNC_PREFIX_SPACE) | (yyjson_is_false(regex) ? 0 : BNC_USE_REGEX);
    return bnc_bpe_builder_part(builder, (bnc_bpe_part){.kind = BNC_PRE_BYTE_LEVEL, .arg = arg}, err);
  }
  if (is(value, "Metaspace")) {
    bnc_bpe_part part = {.kind = BNC_PRE_METASPACE};
    bool prepends;
    bnc_status status = read_metaspace(value, &part, &prepends, err);
    return status == BNC_OK ? bnc_bpe_builder_part(builder, part, err) : status;
  }
  if (is(value, "Digits")) return read_digits(value, builder, err);
  if (!is(value, "Split")) return unknown(err, value, "pre_tokenizer");
  return read_split(value, builder, err);
}

/* The decoder streams, so only orders that a stream can follow are taken: Replace..., ByteFallback, Fuse, Strip. */
static bnc_status read_decoder(yyjson_val *value, bnc_bpe_builder *builder, bnc_error *err) {
  bnc_bpe_kind last = last_kind(builder);
  bnc_bpe_part part = {0};
  if (is(value, "ByteLevel")) part.kind = BNC_DEC_BYTE_LEVEL;
  if (is(value, "Replace")) part.kind = BNC_DEC_REPLACE;
  if (is(value, "ByteFallback")) part.kind = BNC_DEC_BYTE_FALLBACK;
  if (is(value, "Fuse")) part.kind = BNC_DEC_FUSE;
  if (is(value, "Strip")) part.kind = BNC_DEC_STRIP;
  if (is(value, "Metaspace")) part.kind = BNC_DEC_METASPACE;
  if (!part.kind) return unknown(err, value, "decoder");
  bool first = bnc_bpe_stage_of(last) != BNC_STAGE_DECODE;
  bool alone = part.kind == BNC_DEC_BYTE_LEVEL || part.kind == BNC_DEC_METASPACE;
  bool follows = first || (part.kind == BNC_DEC_REPLACE && last == BNC_DEC_REPLACE) ||
                 (part.kind > BNC_DEC_REPLACE && part.kind > last && last >= BNC_DEC_REPLACE);
  if (part.kind == BNC_DEC_STRIP && last != BNC_DEC_FUSE) follows = false;
  if (alone ? !first : !follows)
    return bnc_fail(err, BNC_ERROR_UNSUPPORTED, "decoder '%s' is not supported in this place of the Sequence", bnc_json_type(value));
  if (part.kind == BNC_DEC_REPLACE) return read_replace(value, part.kind, builder, err);
  if (part.kind == BNC_DEC_METASPACE) {
    bool prepends;
    bnc_status status = read_metaspace(value, &part, &prepends, err);
    if (status != BNC_OK) return status;
    part.arg = prepends;
  }
  if (part.kind == BNC_DEC_STRIP) {
    size_t size;
    yyjson_val *start = yyjson_obj_get(value, "start"), *stop = yyjson_obj_get(value, "stop");
    part.a = bnc_json_string(value, "content", &size);
    if (!part.a || !size || bnc_utf8_next(part.a, size) != (int)size) return wrong(err, value, "content", "one character");
    if (!yyjson_is_uint(start) || yyjson_get_uint(start) > UINT32_MAX) return wrong(err, value, "start", "a count");
    if (!yyjson_is_uint(stop) || yyjson_get_uint(stop) != 0) return wrong(err, value, "stop", "0");
    part.a_size = (uint32_t)size;
    part.arg = (uint32_t)yyjson_get_uint(start);
  }
  return bnc_bpe_builder_part(builder, part, err);
}

bnc_status bnc_json_read_parts(yyjson_val *root, bnc_bpe_builder *builder, bnc_error *err) {
  bnc_status status = walk(yyjson_obj_get(root, "normalizer"), "normalizers", read_normalizer, 0, builder, err);
  if (status == BNC_OK) status = walk(yyjson_obj_get(root, "pre_tokenizer"), "pretokenizers", read_pre_tokenizer, 0, builder, err);
  return status == BNC_OK ? walk(yyjson_obj_get(root, "decoder"), "decoders", read_decoder, 0, builder, err) : status;
}
