/* SPDX-License-Identifier: Apache-2.0 */
/** @file nfc.h  Unicode's canonical composition (UAX 15, form NFC), as Qwen's tokenizers want their text. */
#ifndef BINOCLE_RUNTIME_TEXT_NFC_H
#define BINOCLE_RUNTIME_TEXT_NFC_H

#include "runtime/text/growable.h"

/** Appends the composed form of a well-formed UTF-8 text. */
bnc_status bnc_nfc_append(const char *text, size_t size, bnc_text *out, bnc_error *err);

#endif
