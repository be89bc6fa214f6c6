/* SPDX-License-Identifier: Apache-2.0 */
/** @file bpe.h  Inside of a tokenizer: the saved form, which is also the form in memory, and what is derived from it at load.
 *
 *  Saved form: bnc_bpe_header, then without gaps
 *    text_offsets u32[id_count + 1]     token id's content is text[text_offsets[id] .. text_offsets[id + 1]), UTF-8
 *    token_slots  u32[token_slots]      hash table content -> id + 1 (0: empty), linear probing
 *    merges       u32[merge_count][3]   left id, right id, merged id; the index is the rank
 *    merge_slots  u32[merge_slots]      hash table (left, right) -> index + 1
 *    flags        u8[id_count]          BNC_TOKEN_*, zeros up to a multiple of 4
 *    text         u8[text_bytes]        zeros up to a multiple of 4
 *    parts                              part_count times: kind, arg, a_size, b_size u32, then a and b, zeros up to a multiple of 4
 *  Numbers are little-endian; both tables have a power of two of slots and at least one empty one. */
#ifndef BINOCLE_RUNTIME_TEXT_BPE_H
#define BINOCLE_RUNTIME_TEXT_BPE_H

#include "runtime/text/regex.h"
#include "runtime/text/tokenizer.h"

#define BNC_BPE_MAGIC 0x54434E42u /* "BNCT" */
#define BNC_BPE_VERSION 1u
#define BNC_BPE_PREFIX 4     /* ids that add_bos may put in front */
#define BNC_BPE_PARTS 16     /* components */
#define BNC_BPE_PROBES 1024u /* a look-up ends after as many slots; what builds a table keeps every entry within */
#define BNC_BPE_SHORT 1024u  /* code points with an id table of their own */
#define BNC_BPE_NONE UINT32_MAX

enum { /* bnc_bpe_header.model */
       BNC_BPE_FUSE_UNK = 1,
       BNC_BPE_BYTE_FALLBACK = 2,
       BNC_BPE_IGNORE_MERGES = 4
};

enum { /* flags of a token; VOCAB: the BPE model knows it, not only the list of added tokens */
       BNC_TOKEN_VOCAB = 1,
       BNC_TOKEN_ADDED = 2,
       BNC_TOKEN_SPECIAL = 4,
       BNC_TOKEN_NORMALIZED = 8,
       BNC_TOKEN_LSTRIP = 16,
       BNC_TOKEN_RSTRIP = 32
};

typedef enum bnc_bpe_kind {
  BNC_NORM_PREPEND = 1, /* a: text */
  BNC_NORM_REPLACE,     /* a -> b */
  BNC_PRE_SPLIT,        /* a: regular expression; arg: a bnc_split_kind, BNC_SPLIT_INVERT */
  BNC_PRE_BYTE_LEVEL,   /* arg: 1 add_prefix_space, 2 use_regex */
  BNC_PRE_METASPACE,    /* a: replacement; arg: 1 prepend at the text's start, 2 prepend always, 4 split */
  BNC_DEC_BYTE_LEVEL,
  BNC_DEC_REPLACE, /* a -> b */
  BNC_DEC_BYTE_FALLBACK,
  BNC_DEC_FUSE,
  BNC_DEC_STRIP,     /* a: one character; arg: how many at the start */
  BNC_DEC_METASPACE, /* a: replacement; arg: 1 drop it in the first token */
  BNC_NORM_NFC,
  BNC_PART_END
} bnc_bpe_kind;
/** What becomes of the matches of a Split: pieces of their own, nothing, the end of what stands before them, the beginning of what follows,
 * one piece with the matches beside them. */
typedef enum bnc_split_kind {
  BNC_SPLIT_ISOLATED,
  BNC_SPLIT_REMOVED,
  BNC_SPLIT_PREVIOUS,
  BNC_SPLIT_NEXT,
  BNC_SPLIT_CONTIGUOUS
} bnc_split_kind;
#define BNC_SPLIT_INVERT 8u /* added to it: matches and what lies between them change roles */

enum { BNC_PREFIX_SPACE = 1, BNC_USE_REGEX = 2 };
enum { BNC_PREPEND_FIRST = 1, BNC_PREPEND_ALWAYS = 2, BNC_META_SPLIT = 4 };

/** The stages of a tokenizer, which its list of parts goes through in this order. */
typedef enum bnc_bpe_stage { BNC_STAGE_NORMALIZE, BNC_STAGE_SPLIT, BNC_STAGE_DECODE } bnc_bpe_stage;
static inline bnc_bpe_stage bnc_bpe_stage_of(bnc_bpe_kind kind) {
  if (kind <= BNC_NORM_REPLACE || kind == BNC_NORM_NFC) return BNC_STAGE_NORMALIZE;
  return kind <= BNC_PRE_METASPACE ? BNC_STAGE_SPLIT : BNC_STAGE_DECODE;
}

#define BNC_PART_TEXT 256u /* bytes of a and b, but for regular expressions */

typedef struct bnc_bpe_header {
  uint32_t magic, version, total_size, id_count, text_bytes, merge_count, token_slots, merge_slots;
  uint32_t part_count, model, unk, prefix_count, prefix[BNC_BPE_PREFIX];
} bnc_bpe_header;

typedef struct bnc_bpe_part {
  bnc_bpe_kind kind;
  uint32_t arg;
  const char *a, *b; /* [a_size], [b_size] */
  uint32_t a_size, b_size;
  bnc_regex *regex; /* of BNC_PRE_SPLIT, and of BNC_PRE_BYTE_LEVEL with use_regex */
} bnc_bpe_part;

/** Added tokens to look for, sorted by content. Two sets: those matched before and after normalisation. */
typedef struct bnc_added {
  const char *content; /* [size]; normalised in the second set */
  uint32_t size, id;
} bnc_added;
typedef struct bnc_added_set {
  bnc_added *tokens; /* [count] */
  size_t count;
  bool begins[256]; /* some token begins with this byte */
} bnc_added_set;

struct bnc_bpe {
  uint8_t *owned; /* the blob where it is our own, else NULL */
  const bnc_bpe_header *header;
  const uint32_t *text_offsets, *token_slots, *merges, *merge_slots;
  const uint8_t *flags;
  const char *text;
  bnc_bpe_part parts[BNC_BPE_PARTS];
  size_t part_count, longest_token;
  bnc_added_set added[2];
  bnc_text added_text;              /* normalised contents */
  int32_t short_ids[BNC_BPE_SHORT]; /* id of the token that is this one character, or -1 */
  int32_t byte_ids[256];            /* id of <0x..>, or -1 */
};

/** Hashes of the two tables. */
uint32_t bnc_bpe_hash_text(const char *text, size_t size);
uint32_t bnc_bpe_hash_pair(uint32_t left, uint32_t right);
/** Id of a token of the BPE model (not of added tokens alone), or -1. */
int32_t bnc_bpe_model_id(const bnc_bpe *bpe, const char *text, size_t size);
/** Index of the merge of two ids, or BNC_BPE_NONE. */
uint32_t bnc_bpe_merge_rank(const bnc_bpe *bpe, uint32_t left, uint32_t right);

/** Runs the normalizers over text into out (which is overwritten). */
bnc_status bnc_bpe_normalize(const bnc_bpe *bpe, const char *text, size_t size, bnc_text *out, bnc_error *err);
bool bnc_bpe_normalizes(const bnc_bpe *bpe);

#endif
