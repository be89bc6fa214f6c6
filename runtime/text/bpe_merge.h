/* SPDX-License-Identifier: Apache-2.0 */
/** @file bpe_merge.h  Byte-pair merging of one piece of text in O(n log n). */
#ifndef BINOCLE_RUNTIME_TEXT_BPE_MERGE_H
#define BINOCLE_RUNTIME_TEXT_BPE_MERGE_H

#include "runtime/text/bpe.h"

/** Working memory of one encode call. Zero-initialised is empty; it grows to the longest piece. */
typedef struct bnc_bpe_merger {
  struct bnc_bpe_symbol *symbols; /* [symbol_capacity] */
  struct bnc_bpe_candidate *heap; /* [heap_capacity] */
  size_t symbol_count, symbol_capacity, heap_count, heap_capacity;
} bnc_bpe_merger;

/** Appends the ids of one piece (as the model sees it: mapped to byte characters, spaces replaced). */
bnc_status bnc_bpe_merge(const bnc_bpe *bpe, bnc_bpe_merger *merger, const char *piece, size_t size, bnc_ids *ids, bnc_error *err);
void bnc_bpe_merger_free(bnc_bpe_merger *merger);

#endif
