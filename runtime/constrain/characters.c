/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/constrain/characters.h"

bnc_characters bnc_characters_all(void) {
  bnc_characters all = {.count = 0};
  bnc_characters_add(&all, 0, BNC_CHARACTER_LAST);
  return all;
}

bool bnc_characters_add(bnc_characters *set, uint32_t low, uint32_t high) {
  if (set->count == BNC_CHARACTERS_RANGES) return false;
  set->range[set->count].low = low;
  set->range[set->count++].high = high;
  return true;
}

void bnc_characters_settle(bnc_characters *set) {
  for (size_t i = 1; i < set->count; i++)
    for (size_t k = i; k > 0 && set->range[k].low < set->range[k - 1].low; k--) {
      const uint32_t low = set->range[k].low, high = set->range[k].high;
      set->range[k] = set->range[k - 1];
      set->range[k - 1].low = low;
      set->range[k - 1].high = high;
    }
  size_t kept = 0;
  for (size_t i = 0; i < set->count; i++) {
    if (kept && set->range[i].low <= set->range[kept - 1].high + 1) {
      if (set->range[i].high > set->range[kept - 1].high) set->range[kept - 1].high = set->range[i].high;
    } else {
      set->range[kept++] = set->range[i];
    }
  }
  set->count = kept;
}

bool bnc_characters_invert(bnc_characters *set) {
  bnc_characters out = {.count = 0};
  uint32_t low = 0;
  bool room = true;
  for (size_t i = 0; i < set->count; i++) {
    if (set->range[i].low > low) room = bnc_characters_add(&out, low, set->range[i].low - 1) && room;
    low = set->range[i].high + 1;
  }
  if (low <= BNC_CHARACTER_LAST) room = bnc_characters_add(&out, low, BNC_CHARACTER_LAST) && room;
  *set = out;
  return room;
}

bool bnc_characters_has(const bnc_characters *set, uint32_t code) {
  for (size_t i = 0; i < set->count; i++)
    if (set->range[i].low <= code && code <= set->range[i].high) return true;
  return false;
}
