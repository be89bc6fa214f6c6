/* SPDX-License-Identifier: Apache-2.0 */
/** @file text_data.h  What the tests of runtime/text share: the small tokenizers and files of JSON lines. */
#ifndef BINOCLE_TESTS_TEXT_DATA_H
#define BINOCLE_TESTS_TEXT_DATA_H

/* cmocka.h needs these before it. */
#include <stdint.h>

#include <yyjson.h>

#include "runtime/text/tokenizer.h"
#include "tests/unit.h"

#define OK(call) expect_ok((call), &err, #call, __LINE__)
void expect_ok(bnc_status status, const bnc_error *err, const char *call, int line);

/** A tokenizer of tests/data/text by its name ("small_llama3"). */
bnc_bpe *small_tokenizer(const char *name);

/** Calls check for each line (or each element, where the file is one array) of a JSON file; returns how many there were. */
size_t each_value(const char *path, void (*check)(yyjson_val *value, void *context), void *context);

/** Ids of a JSON array. */
bnc_ids ids_of(yyjson_val *array);
void expect_ids(const bnc_ids *found, const bnc_ids *expected, const char *text);

#endif
