/* SPDX-License-Identifier: Apache-2.0 */
/** @file byte_characters.h  Byte-level BPE writes each byte as one printable character (GPT-2): printable Latin-1 bytes as
 *  themselves, the other 68 as U+0100, U+0101, ... in the order of their values. */
#ifndef BINOCLE_RUNTIME_TEXT_BYTE_CHARACTERS_H
#define BINOCLE_RUNTIME_TEXT_BYTE_CHARACTERS_H

#include <stdint.h>

/** Code point that stands for a byte. */
static inline uint32_t bnc_byte_character(uint8_t byte) {
  if ((byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte != 0xAD)) return byte;
  if (byte <= 0x20) return 0x100u + byte;
  if (byte <= 0xA0) return 0x121u + (byte - 0x7Fu);
  return 0x143u;
}

/** The byte that a code point stands for, or -1. */
static inline int bnc_character_byte(uint32_t code) {
  if (code >= 0x100) return code <= 0x120 ? (int)(code - 0x100) : code <= 0x142 ? (int)(code - 0x121 + 0x7F) : code == 0x143 ? 0xAD : -1;
  return bnc_byte_character((uint8_t)code) == code ? (int)code : -1;
}

#endif
