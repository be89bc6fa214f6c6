/* SPDX-License-Identifier: Apache-2.0 */
/** @file regex.h  Regular expressions of tokenizers: written for Oniguruma (Ruby syntax, Unicode), run by PCRE2. */
#ifndef BINOCLE_RUNTIME_TEXT_REGEX_H
#define BINOCLE_RUNTIME_TEXT_REGEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "platforms/base/error.h"

typedef struct bnc_regex bnc_regex;

/** Compiles a pattern of size bytes. Const afterwards: any number of scans may use it at a time. */
bnc_status bnc_regex_compile(bnc_regex **regex, const char *pattern, size_t size, bnc_error *err);
void bnc_regex_free(bnc_regex *regex);

/** What one thread needs to match; made once per encode call. Bounds the total work, so that no pattern can hang on any text. */
typedef struct bnc_regex_matcher bnc_regex_matcher;
/** work: the text that will be scanned with it, in bytes (the bound on backtracking grows with it). */
bnc_status bnc_regex_matcher_create(bnc_regex_matcher **matcher, size_t work, bnc_error *err);
void bnc_regex_matcher_free(bnc_regex_matcher *matcher);

/** A walk over the matches of a regex in a well-formed UTF-8 text, in Oniguruma's find_iter order (empty matches included). */
typedef struct bnc_regex_scan {
  const bnc_regex *regex;
  bnc_regex_matcher *matcher;
  const char *text;            /* [size] */
  size_t size, next, last_end; /* next: where to look; last_end: end of the last match, SIZE_MAX before the first */
} bnc_regex_scan;

/** Finds the next match, [*start, *end); *found is false behind the last one. */
bnc_status bnc_regex_next(bnc_regex_scan *scan, bool *found, size_t *start, size_t *end, bnc_error *err);

#endif
