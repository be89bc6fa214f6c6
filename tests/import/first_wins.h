/* SPDX-License-Identifier: Apache-2.0 */
/** @file first_wins.h  Test configs are a few members in front of a whole config: what stands in front replaces what the config says. */
#ifndef BINOCLE_TESTS_IMPORT_FIRST_WINS_H
#define BINOCLE_TESTS_IMPORT_FIRST_WINS_H

#include <string.h>
#include <yyjson.h>

/** The JSON object without the later ones of equal keys (not within its members); free with free. NULL: no JSON object. */
static inline char *first_wins(const char *text) {
  yyjson_doc *doc = yyjson_read(text, strlen(text), 0);
  yyjson_mut_doc *out = yyjson_mut_doc_new(NULL);
  yyjson_mut_val *object = yyjson_mut_obj(out);
  yyjson_val *key, *value;
  size_t i, max;
  yyjson_obj_foreach(yyjson_doc_get_root(doc), i, max, key, value) {
    if (!yyjson_mut_obj_get(object, yyjson_get_str(key)))
      yyjson_mut_obj_add(object, yyjson_val_mut_copy(out, key), yyjson_val_mut_copy(out, value));
  }
  yyjson_mut_doc_set_root(out, object);
  char *written = doc ? yyjson_mut_write(out, 0, NULL) : NULL;
  yyjson_mut_doc_free(out);
  yyjson_doc_free(doc);
  return written;
}

#endif
