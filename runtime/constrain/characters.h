/* SPDX-License-Identifier: Apache-2.0 */
/** @file characters.h  Sets of Unicode characters, as ranges of code points. */
#ifndef BINOCLE_RUNTIME_CONSTRAIN_CHARACTERS_H
#define BINOCLE_RUNTIME_CONSTRAIN_CHARACTERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BNC_CHARACTERS_RANGES 256
#define BNC_CHARACTER_LAST 0x10FFFFu

/** Sorted, apart from each other, once bnc_characters_settle was called. */
typedef struct bnc_characters {
  struct {
    uint32_t low, high;
  } range[BNC_CHARACTERS_RANGES];
  size_t count;
} bnc_characters;

/** Every character. */
bnc_characters bnc_characters_all(void);
/** False where the set has as many ranges as it may. */
bool bnc_characters_add(bnc_characters *set, uint32_t low, uint32_t high);
/** Sorts and joins the ranges. */
void bnc_characters_settle(bnc_characters *set);
/** What is not in a settled set; false as of add. */
bool bnc_characters_invert(bnc_characters *set);
bool bnc_characters_has(const bnc_characters *set, uint32_t code);

#endif
