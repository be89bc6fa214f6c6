/* SPDX-License-Identifier: Apache-2.0 */
/** @file nfc_table.h  What Unicode says of canonical composition (made by make_nfc_table.py). Hangul syllables follow by arithmetic. */
#ifndef BINOCLE_RUNTIME_TEXT_NFC_TABLE_H
#define BINOCLE_RUNTIME_TEXT_NFC_TABLE_H

#include <stddef.h>
#include <stdint.h>

typedef struct bnc_nfc_parts {
  uint32_t code, first, second; /* second 0: none */
} bnc_nfc_parts;

/** A range of code points with a canonical combining class other than 0. */
typedef struct bnc_nfc_class {
  uint32_t first, last, combining;
} bnc_nfc_class;

extern const bnc_nfc_parts bnc_nfc_decompositions[]; /* by code */
extern const size_t bnc_nfc_decomposition_count;
extern const uint16_t bnc_nfc_compositions[]; /* indices of those that compose again, by first and second */
extern const size_t bnc_nfc_composition_count;
extern const bnc_nfc_class bnc_nfc_classes[]; /* by code */
extern const size_t bnc_nfc_class_count;

#endif
