/* SPDX-License-Identifier: Apache-2.0 */
/* The input is read as a saved profile. What is accepted differs in nothing from itself, and both forms of that say so. */
#include <stdlib.h>
#include <string.h>

#include "platforms/base/mem.h"
#include "runtime/profile/profile_compare.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const char *const names[2] = {"a.json", "b.json"};
  bnc_saved_profile saved;
  bnc_error err = {0};
  char *text = NULL;
  const bnc_status s = bnc_saved_profile_parse(&saved, (const char *)data, size, &err);
  if ((s == BNC_OK) != (err.text[0] == 0)) abort();
  for (int json = 0; s == BNC_OK && json < 2; json++) {
    if (bnc_compare_print(&saved, &saved, names, json, &text, &err) != BNC_OK) abort();
    if (strstr(text, "\"verdict\": \"slower\"") || strstr(text, "\"verdict\": \"faster\"")) abort();
    bnc_mem_free(text);
  }
  bnc_saved_profile_free(&saved);
  if (bnc_mem_live() != 0) abort();
  return 0;
}
