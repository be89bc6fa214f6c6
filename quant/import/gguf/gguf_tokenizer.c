/* SPDX-License-Identifier: Apache-2.0 */
#include "quant/import/gguf/gguf_tokenizer.h"

#include <string.h>

#include "platforms/base/mem.h"
#include "quant/import/gguf/gguf_pieces.h"
#include "runtime/text/bpe_builder.h"

#define TRY(call)                                                                                                                          \
  do {                                                                                                                                     \
    bnc_status s_ = (call);                                                                                                                \
    if (s_ != BNC_OK) return s_;                                                                                                           \
  } while (0)

#define GGML "tokenizer.ggml."

/* tokenizer.ggml.token_type */
enum { NORMAL = 1, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE };

/* What the tokenizers of these names split by, as their tokenizer.json says it; those with `whole` take a piece that is a token as it is.
 */
#define GPT2 "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"
#define LLAMA3                                                                                                                             \
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
#define QWEN2                                                                                                                              \
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
#define TEKKEN                                                                                                                             \
  "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+|"                                             \
  "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*|"                                             \
  "\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
#define DIGIT "\\p{N}"
static const struct {
  const char *name, *first, *second; /* second NULL: one split */
  bool whole, bos;
} splits[] = {
    {"gpt-2", GPT2, NULL, false, false},
    {"smollm", DIGIT, GPT2, false, false},
    {"starcoder", DIGIT, GPT2, false, false},
    {"refact", DIGIT, GPT2, false, false},
    {"command-r", DIGIT, GPT2, false, true},
    {"llama-bpe", LLAMA3, NULL, true, true},
    {"llama3", LLAMA3, NULL, true, true},
    {"llama-v3", LLAMA3, NULL, true, true},
    {"falcon3", LLAMA3, NULL, true, true},
    {"dbrx", LLAMA3, NULL, false, false},
    {"smaug-bpe", LLAMA3, NULL, false, false},
    {"qwen2", QWEN2, NULL, false, false},
    {"deepseek-r1-qwen", QWEN2, NULL, false, false},
    {"stablelm2", QWEN2, NULL, false, false},
    {"tekken", TEKKEN, NULL, true, true},
};

typedef struct source {
  const bnc_gguf *gguf;
  const bnc_gguf_key *tokens, *types;
  bnc_bpe_builder *builder;
  bnc_error *err;
} source;

static bool is_text(const char *text, size_t size, const char *other) { return strlen(other) == size && memcmp(text, other, size) == 0; }

static bnc_status add_tokens(const source *s) {
  bnc_gguf_strings strings = bnc_gguf_strings_of(s->tokens);
  const char *text;
  size_t size;
  for (uint32_t id = 0; bnc_gguf_next_string(&strings, &text, &size); id++) {
    const int64_t type = s->types ? bnc_gguf_integer(s->types, id) : NORMAL;
    const bool added = type == CONTROL || type == USER_DEFINED;
    uint8_t flags = added ? BNC_TOKEN_ADDED : BNC_TOKEN_VOCAB;
    if (type == CONTROL) flags |= BNC_TOKEN_SPECIAL;
    if (type == UNKNOWN) flags |= BNC_TOKEN_ADDED | BNC_TOKEN_SPECIAL;
    if (added && size == 0) continue; /* matches nowhere */
    TRY(bnc_bpe_builder_add(s->builder, text, size, id, flags, s->err));
  }
  return BNC_OK;
}

static bnc_status create(source *s) {
  TRY(bnc_gguf_get_array(s->gguf, GGML "tokens", BNC_GGUF_STRING, &s->tokens, s->err));
  TRY(bnc_gguf_get_array(s->gguf, GGML "token_type", BNC_GGUF_I32, &s->types, s->err));
  if (!s->tokens || s->tokens->count == 0 || s->tokens->count > BNC_VOCABULARY_LIMIT)
    return bnc_fail(s->err, BNC_ERROR_FORMAT, "\"" GGML "tokens\": found %zu, expected 1 to %zu", s->tokens ? s->tokens->count : 0,
                    BNC_VOCABULARY_LIMIT);
  if (s->types && s->types->count != s->tokens->count)
    return bnc_fail(s->err, BNC_ERROR_FORMAT, "\"" GGML "token_type\": found %zu, expected one per token (%zu)", s->types->count,
                    s->tokens->count);
  TRY(bnc_bpe_builder_create(s->builder, (uint32_t)s->tokens->count, s->tokens->count, s->err));
  return add_tokens(s);
}

/* A bos in front, where the file asks for it, or says nothing and its kind has one. */
static bnc_status set_bos(const source *s, bool usual) {
  bnc_bpe_header *h = &s->builder->header;
  size_t bos = SIZE_MAX;
  bool add = usual;
  TRY(bnc_gguf_get_bool(s->gguf, GGML "add_bos_token", &add, s->err));
  TRY(bnc_gguf_get_size(s->gguf, GGML "bos_token_id", 0, SIZE_MAX, &bos, s->err));
  if (!add || bos >= h->id_count) return BNC_OK;
  h->prefix_count = 1;
  h->prefix[0] = (uint32_t)bos;
  return BNC_OK;
}

static bnc_status add_split(const source *s, const char *pattern) {
  const bnc_bpe_part part = {.kind = BNC_PRE_SPLIT, .a = pattern, .a_size = (uint32_t)strlen(pattern)};
  return bnc_bpe_builder_part(s->builder, part, s->err);
}

static bnc_status add_merges(const source *s) {
  const bnc_gguf_key *merges;
  const char *text;
  size_t size, index = 0;
  TRY(bnc_gguf_get_array(s->gguf, GGML "merges", BNC_GGUF_STRING, &merges, s->err));
  if (!merges) return bnc_fail(s->err, BNC_ERROR_FORMAT, "\"" GGML "merges\": found no such key");
  TRY(bnc_bpe_builder_reserve(s->builder, merges->count, s->err));
  bnc_gguf_strings strings = bnc_gguf_strings_of(merges);
  for (; index < merges->count && bnc_gguf_next_string(&strings, &text, &size); index++) {
    const char *space = memchr(text, ' ', size);
    const size_t left = space ? (size_t)(space - text) : size;
    if (!space || memchr(space + 1, ' ', size - left - 1))
      return bnc_fail(s->err, BNC_ERROR_FORMAT, "\"" GGML "merges\": item %zu is not two tokens", index);
    TRY(bnc_bpe_builder_merge(s->builder, index, text, left, space + 1, size - left - 1, s->err));
  }
  return index == merges->count ? BNC_OK : bnc_fail(s->err, BNC_ERROR_FORMAT, "\"" GGML "merges\": found %zu", index);
}

static bnc_status build_bytes(source *s) {
  const char *name = "gpt-2";
  size_t size = strlen(name), i = 0;
  TRY(bnc_gguf_get_text(s->gguf, GGML "pre", &name, &size, s->err));
  while (i < sizeof splits / sizeof *splits && !is_text(name, size, splits[i].name)) i++;
  if (i == sizeof splits / sizeof *splits)
    return bnc_fail(s->err, BNC_ERROR_UNSUPPORTED,
                    "\"" GGML "pre\": found \"%.*s\", expected gpt-2, smollm, llama-bpe, qwen2, tekken or one of their kin",
                    (int)(size < 60 ? size : 60), name);
  TRY(create(s));
  if (splits[i].whole) s->builder->header.model = BNC_BPE_IGNORE_MERGES;
  TRY(add_split(s, splits[i].first));
  if (splits[i].second) TRY(add_split(s, splits[i].second));
  TRY(bnc_bpe_builder_part(s->builder, (bnc_bpe_part){.kind = BNC_PRE_BYTE_LEVEL}, s->err));
  TRY(bnc_bpe_builder_part(s->builder, (bnc_bpe_part){.kind = BNC_DEC_BYTE_LEVEL}, s->err));
  TRY(add_merges(s));
  return set_bos(s, splits[i].bos);
}

static bnc_status build_pieces(source *s) {
  static const char space[] = "\xE2\x96\x81"; /* U+2581, sentencepiece's space */
  const bnc_gguf_key *scores;
  bool prefix = true;
  size_t unknown = SIZE_MAX;
  TRY(create(s));
  TRY(bnc_gguf_get_array(s->gguf, GGML "scores", BNC_GGUF_F32, &scores, s->err));
  TRY(bnc_gguf_get_bool(s->gguf, GGML "add_space_prefix", &prefix, s->err));
  TRY(bnc_gguf_get_size(s->gguf, GGML "unknown_token_id", 0, SIZE_MAX, &unknown, s->err));
  if (!scores || scores->count != s->tokens->count)
    return bnc_fail(s->err, BNC_ERROR_FORMAT, "\"" GGML "scores\": found %zu, expected one per token (%zu)", scores ? scores->count : 0,
                    s->tokens->count);
  bnc_bpe_builder *b = s->builder;
  b->header.model = BNC_BPE_FUSE_UNK | BNC_BPE_BYTE_FALLBACK;
  if (unknown < b->header.id_count) b->header.unk = (uint32_t)unknown;
  const bnc_bpe_part parts[] = {{.kind = BNC_NORM_PREPEND, .a = space, .a_size = 3},
                                {.kind = BNC_NORM_REPLACE, .a = " ", .a_size = 1, .b = space, .b_size = 3},
                                {.kind = BNC_DEC_REPLACE, .a = space, .a_size = 3, .b = " ", .b_size = 1},
                                {.kind = BNC_DEC_BYTE_FALLBACK},
                                {.kind = BNC_DEC_FUSE},
                                {.kind = BNC_DEC_STRIP, .a = " ", .a_size = 1, .arg = 1}};
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
    if (prefix || (parts[i].kind != BNC_NORM_PREPEND && parts[i].kind != BNC_DEC_STRIP)) TRY(bnc_bpe_builder_part(b, parts[i], s->err));
  TRY(bnc_gguf_piece_merges(b, scores, s->err));
  return set_bos(s, true);
}

bnc_status bnc_gguf_tokenizer(bnc_bpe **bpe, const bnc_gguf *gguf, bnc_error *err) {
  const char *model = "";
  size_t size = 0;
  bnc_bpe_builder builder = {0};
  source s = {.gguf = gguf, .builder = &builder, .err = err};
  *bpe = NULL;
  if (!bnc_gguf_find(gguf, GGML "model")) return BNC_OK;
  bnc_status status = bnc_gguf_get_text(gguf, GGML "model", &model, &size, err);
  if (status != BNC_OK) return status;
  if (is_text(model, size, "gpt2"))
    status = build_bytes(&s);
  else if (is_text(model, size, "llama"))
    status = build_pieces(&s);
  else
    status = bnc_fail(err, BNC_ERROR_UNSUPPORTED, "\"" GGML "model\": found \"%.*s\", expected \"gpt2\" or \"llama\"",
                      (int)(size < 60 ? size : 60), model);
  if (status == BNC_OK) status = bnc_bpe_builder_finish(&builder, bpe, err);
  bnc_bpe_builder_free(&builder);
  return status;
}
