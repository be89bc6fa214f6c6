/* SPDX-License-Identifier: Apache-2.0 */
/* Any text through small tokenizers of both kinds: what is encoded decodes to the same text, whole and piece by piece. */
#include <stdio.h>

#include "platforms/file/file.h"
#include "runtime/text/jsonl.h"
#include "tests/fuzz/tokenizer_exercise.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bnc_bpe *read_tokenizer(const char *name) {
  char path[1024], *json;
  size_t size;
  bnc_error err;
  bnc_bpe *bpe;
  snprintf(path, sizeof path, "%s/text/%s.json", BINOCLE_TEST_DATA, name);
  require(bnc_file_read(path, (size_t)1 << 24, &json, &size, &err) == BNC_OK);
  require(bnc_bpe_from_json(&bpe, json, size, &err) == BNC_OK);
  bnc_mem_free(json);
  return bpe;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static bnc_bpe *kinds[2];
  if (!kinds[0]) {
    kinds[0] = read_tokenizer("small_llama3");
    kinds[1] = read_tokenizer("small_llama2");
  }
  bnc_error err;
  for (int i = 0; i < 2; i++) {
    bnc_ids ids = {0};
    bnc_text line = {0};
    /* As text only: U+2581 comes back as a space, and what an added token with lstrip or rstrip swallows, or Prepend adds
     * behind one, does not come back. */
    bnc_status status = bnc_bpe_encode(kinds[i], (const char *)data, size, true, &ids, &err);
    require(status == BNC_OK || status == BNC_ERROR_FORMAT);
    bool changes = i == 1 && memmem(data, size, "\xE2\x96\x81", 3);
    for (size_t k = 1; k < ids.count; k++) changes |= ids.data[k] < 3 || ids.data[k] >= 480;
    if (status == BNC_OK) decode_both_ways(kinds[i], ids.data, ids.count, changes ? NULL : (const char *)data, size);
    (void)bnc_jsonl_encode(kinds[i], (const char *)data, size, &line, &err);
    (void)bnc_jsonl_decode(kinds[i], (const char *)data, size, false, &line, &err);
    /* And as ids. */
    ids.count = 0;
    for (size_t k = 0; k + 1 < size; k += 2) {
      int32_t id = (data[k] | data[k + 1] << 8) % 490;
      require(bnc_ids_append(&ids, &id, 1, &err) == BNC_OK);
    }
    decode_both_ways(kinds[i], ids.data, ids.count, NULL, 0);
    bnc_text_free(&line);
    bnc_ids_free(&ids);
  }
  return 0;
}
