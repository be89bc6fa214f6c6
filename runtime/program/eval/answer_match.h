/* SPDX-License-Identifier: Apache-2.0 */
/** @file answer_match.h  When an answer is right. */
#ifndef BINOCLE_RUNTIME_PROGRAM_EVAL_ANSWER_MATCH_H
#define BINOCLE_RUNTIME_PROGRAM_EVAL_ANSWER_MATCH_H

#include <stdbool.h>
#include <stddef.h>

/** Both texts are taken without the white space around them, inner white space as one space, ASCII letters as small ones, and without . , ;
   : ! ? and white space at the end (unless there is nothing else); then they must be equal, byte for byte. White space: ASCII's. answer:
   [length]. */
bool bnc_answer_matches(const char *answer, size_t length, const char *expected);
/** Any of expected [count]. */
bool bnc_answer_matches_any(const char *answer, size_t length, const char *const *expected, size_t count);

#endif
