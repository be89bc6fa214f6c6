/* SPDX-License-Identifier: Apache-2.0 */
/* Normalizers of tokenizer.json: Prepend, Replace (of a string), NFC. */
#include <string.h>

#include "runtime/text/bpe.h"
#include "runtime/text/nfc.h"

bool bnc_bpe_normalizes(const bnc_bpe *bpe) { return bpe->part_count > 0 && bnc_bpe_stage_of(bpe->parts[0].kind) == BNC_STAGE_NORMALIZE; }

static bnc_status replace(const bnc_bpe_part *part, const bnc_text *from, bnc_text *out, bnc_error *err) {
  const char *at = from->data, *end = from->data + from->size;
  bnc_status status = BNC_OK;
  while (status == BNC_OK && at < end) {
    const char *hit = memmem(at, (size_t)(end - at), part->a, part->a_size);
    status = bnc_text_append(out, at, (size_t)((hit ? hit : end) - at), err);
    if (!hit || status != BNC_OK) break;
    status = bnc_text_append(out, part->b, part->b_size, err);
    if (out->size > BNC_TEXT_LIMIT) break;
    at = hit + part->a_size;
  }
  return status;
}

bnc_status bnc_bpe_normalize(const bnc_bpe *bpe, const char *text, size_t size, bnc_text *out, bnc_error *err) {
  bnc_text other = {0};
  out->size = 0;
  bnc_status status = bnc_text_append(out, text, size, err);
  for (size_t i = 0; i < bpe->part_count && bnc_bpe_stage_of(bpe->parts[i].kind) == BNC_STAGE_NORMALIZE && status == BNC_OK; i++) {
    const bnc_bpe_part *part = &bpe->parts[i];
    if (out->size == 0) break; /* also Prepend leaves an empty text empty */
    other.size = 0;
    if (part->kind == BNC_NORM_PREPEND) {
      status = bnc_text_append(&other, part->a, part->a_size, err);
      if (status == BNC_OK) status = bnc_text_append(&other, out->data, out->size, err);
    } else if (part->kind == BNC_NORM_NFC) {
      status = bnc_nfc_append(out->data, out->size, &other, err);
    } else {
      status = replace(part, out, &other, err);
    }
    bnc_text swap = *out;
    *out = other;
    other = swap;
    if (status == BNC_OK && out->size > BNC_TEXT_LIMIT)
      status = bnc_fail(err, BNC_ERROR_LIMIT, "text grows beyond %zu bytes in the tokenizer's normalizer", BNC_TEXT_LIMIT);
  }
  bnc_text_free(&other);
  return status;
}
