/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/model/seal.h"

#include <string.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "platforms/base/digest.h"
#include "runtime/model/format.h"

static bnc_file_section *find(bnc_file_section *table, uint32_t sections, uint32_t kind, size_t size) {
  for (uint32_t i = 0; i < sections; i++)
    if (table[i].kind == kind && table[i].offset <= size && table[i].size <= size - table[i].offset) return &table[i];
  return NULL;
}

static void seal_blocks(uint8_t *bytes, const bnc_file_section *data, const bnc_file_section *blocks) {
  for (size_t i = 0; (i + 1) * sizeof(bnc_file_block) <= blocks->size && i * BNC_FORMAT_BLOCK < data->size; i++) {
    const size_t left = (size_t)data->size - i * BNC_FORMAT_BLOCK, size = left < BNC_FORMAT_BLOCK ? left : BNC_FORMAT_BLOCK;
    const uint8_t *at = bytes + data->offset + i * BNC_FORMAT_BLOCK;
    const bnc_digest digest = bnc_digest_of(at, size);
    bnc_file_block block = {.checksum = XXH3_64bits(at, size)};
    memcpy(block.digest, digest.byte, sizeof block.digest);
    memcpy(bytes + blocks->offset + i * sizeof block, &block, sizeof block);
  }
}

void seal_model(uint8_t *bytes, size_t size) {
  bnc_file_header h;
  if (size < sizeof h) return;
  memcpy(&h, bytes, sizeof h);
  memcpy(h.magic, BNC_FORMAT_MAGIC, sizeof h.magic);
  if (h.version < BNC_FORMAT_OLDEST || h.version > BNC_FORMAT_VERSION) h.version = BNC_FORMAT_VERSION;
  h.file_size = size;
  if (h.sections <= 64 && h.sections * sizeof(bnc_file_section) <= size - sizeof h) {
    bnc_file_section *table = (bnc_file_section *)(void *)(bytes + sizeof h);
    const bnc_file_section *data = find(table, h.sections, BNC_SECTION_DATA, size);
    const bnc_file_section *blocks = find(table, h.sections, BNC_SECTION_BLOCKS, size);
    if (data && blocks) seal_blocks(bytes, data, blocks);
    for (uint32_t i = 0; i < h.sections; i++) {
      if (table[i].kind == BNC_SECTION_DATA || table[i].kind == BNC_SECTION_PACKED)
        table[i].checksum = 0;
      else if (table[i].offset <= size && table[i].size <= size - table[i].offset)
        table[i].checksum = XXH3_64bits(bytes + table[i].offset, (size_t)table[i].size);
    }
    h.table_checksum = XXH3_64bits(table, h.sections * sizeof *table);
  }
  h.header_checksum = XXH3_64bits(&h, offsetof(bnc_file_header, header_checksum));
  memcpy(bytes, &h, sizeof h);
}
