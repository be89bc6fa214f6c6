/* SPDX-License-Identifier: Apache-2.0 */
/** @file json_text.h  Parts of JSON text as languages. */
#ifndef BINOCLE_RUNTIME_CONSTRAIN_JSON_TEXT_H
#define BINOCLE_RUNTIME_CONSTRAIN_JSON_TEXT_H

#include "runtime/constrain/nfa.h"

#define BNC_JSON_DIGITS 15 /* of a number in front of its point, and behind it: as many as a double always keeps */
#define BNC_JSON_LARGEST INT64_C(999999999999999)
#define BNC_JSON_ENDLESS UINT32_MAX

/** One character of a set within a JSON string: as itself where JSON allows that, else as its shortest escape. */
void bnc_json_write_characters(bnc_nfa *nfa, uint32_t from, const bnc_characters *set, uint32_t to);
/** A string, quotes included, of least to most characters, or without end; any escape but lone surrogates. */
uint32_t bnc_json_write_string(bnc_nfa *nfa, uint32_t from, uint32_t least, uint32_t most);

/** A side of an interval. */
typedef struct bnc_json_bound {
  int64_t value;    /* within the largest number */
  bool given, open; /* open: the value itself is outside */
} bnc_json_bound;
/** Whole numbers from low to high, both of them given and closed, low <= high. */
uint32_t bnc_json_write_integer(bnc_nfa *nfa, uint32_t from, int64_t low, int64_t high);
/** Numbers: with an exponent of up to two digits where no bound is given. */
uint32_t bnc_json_write_number(bnc_nfa *nfa, uint32_t from, bnc_json_bound low, bnc_json_bound high);

#endif
