/* SPDX-License-Identifier: Apache-2.0 */
/* Opening model files: whatever is wrong with one is refused with a line that says what. */
#include <stdint.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "platforms/base/mem.h"
#include "runtime/model/model_file.h"
#include "tests/model/seal.h"
#include "tests/model/tiny_model.h"
#include "tests/unit.h"

static uint8_t *good, *bytes; /* [size]: the model, and a copy to change */
static size_t size;
static bnc_model_file file;
static bnc_error err;

static int setup(void **s) {
  (void)s;
  char *text;
  if (system("rm -rf file.bnc tiny_checkpoint") != 0) return -1;
  tiny_model("file.bnc", false);
  if (bnc_file_read("file.bnc", (size_t)1 << 30, &text, &size, &err) != BNC_OK) return -1;
  good = (uint8_t *)text;
  bytes = bnc_mem_alloc(size + 64);
  return bytes ? 0 : -1;
}

static int teardown(void **s) {
  (void)s;
  bnc_mem_free(good);
  bnc_mem_free(bytes);
  return 0;
}

static bnc_file_header *header(void) { return (bnc_file_header *)(void *)bytes; }
static bnc_file_section *table(void) { return (bnc_file_section *)(void *)(bytes + sizeof(bnc_file_header)); }
static bnc_file_section *section(bnc_section_kind kind) { return model_section(bytes, kind); }
static void reset(void) { memcpy(bytes, good, size); }

static void seal(size_t total) { seal_model(bytes, total); }

static void refused(size_t total, bnc_status status, const char *word) {
  err = (bnc_error){BNC_OK, ""};
  assert_int_equal(bnc_model_file_parse(&file, bytes, total, &err), status);
  if (word && !strstr(err.text, word)) fail_msg("\"%s\" does not say \"%s\"", err.text, word);
  assert_true(err.text[0] && !strchr(err.text, '\n'));
}

static void test_good(void **s) {
  (void)s;
  reset();
  assert_int_equal(bnc_model_file_parse(&file, bytes, size, &err), BNC_OK);
  bnc_model_file_close(&file);
  seal(size);
  assert_memory_equal(bytes, good, size);
  assert_int_equal(bnc_model_file_open(&file, "absent.bnc", &err), BNC_ERROR_IO);
}

static void test_truncated(void **s) {
  (void)s;
  for (size_t n = 0; n < size; n += n < 4096 ? 64 : 64 * 61) {
    reset();
    refused(n, BNC_ERROR_FORMAT, NULL);
    if (n < sizeof(bnc_file_header)) continue;
    seal(n); /* the table still names what is not there */
    refused(n, BNC_ERROR_FORMAT, NULL);
  }
}

static void test_flipped_bits(void **s) {
  (void)s;
  reset();
  for (size_t i = 0; i < sizeof(bnc_file_header) + header()->sections * sizeof(bnc_file_section); i++) {
    bytes[i] ^= (uint8_t)(1u << i % 8);
    const bool known = header()->version >= BNC_FORMAT_OLDEST && header()->version <= BNC_FORMAT_VERSION;
    refused(size, i >= 8 && i < 12 && !known ? BNC_ERROR_UNSUPPORTED : BNC_ERROR_FORMAT, NULL);
    bytes[i] ^= (uint8_t)(1u << i % 8);
  }
  for (uint32_t k = 0; k < header()->sections; k++)
    for (size_t n = 0; n < 16; n++) {
      size_t at = (size_t)table()[k].offset + (size_t)table()[k].size * n / 16;
      bytes[at] ^= (uint8_t)(1u << n % 8);
      refused(size, BNC_ERROR_FORMAT, "damaged");
      bytes[at] ^= (uint8_t)(1u << n % 8);
    }
}

/* Types come with versions. */
static void test_bf16_is_of_version_5(void **s) {
  (void)s;
  static const char *const words[] = {"has type 4", "fit"}; /* 5: what the layer reads is quantised */
  for (int newer = 0; newer < 2; newer++) {
    reset();
    const uint32_t dtype = BNC_WEIGHT_BF16;
    bnc_file_weight w;
    uint8_t *at = bytes + section(BNC_SECTION_WEIGHTS)->offset;
    memcpy(&w, at, sizeof w);
    w.k /= 2; /* no more bytes than before */
    w.dtype = dtype;
    memcpy(at, &w, sizeof w);
    header()->version = newer ? BNC_FORMAT_VERSION : BNC_FORMAT_BEFORE_BF16;
    seal(size);
    refused(size, BNC_ERROR_FORMAT, words[newer]);
  }
}

static void test_version_and_sections(void **s) {
  (void)s;
  reset();
  header()->version = 77;
  refused(size, BNC_ERROR_UNSUPPORTED, "77");
  const bnc_section_kind needed[] = {BNC_SECTION_META,    BNC_SECTION_STRINGS, BNC_SECTION_WEIGHTS, BNC_SECTION_CONSTANTS,
                                     BNC_SECTION_PREFILL, BNC_SECTION_DECODE,  BNC_SECTION_DATA,    BNC_SECTION_BLOCKS};
  for (size_t i = 0; i < sizeof needed / sizeof *needed; i++) {
    reset();
    bnc_file_section *gone = section(needed[i]);
    *gone = table()[--header()->sections];
    seal(size);
    refused(size, BNC_ERROR_FORMAT, needed[i] == BNC_SECTION_META ? "meta is missing" : NULL);
    reset();
    *section(BNC_SECTION_REPORT) = *section(needed[i]);
    seal(size);
    refused(size, BNC_ERROR_FORMAT, "twice");
  }
  reset();
  section(BNC_SECTION_REPORT)->kind = 99;
  seal(size);
  refused(size, BNC_ERROR_FORMAT, "99");
  reset();
  section(BNC_SECTION_DATA)->offset += 4;
  seal(size);
  refused(size, BNC_ERROR_FORMAT, "data");
  reset();
  section(BNC_SECTION_DATA)->size = UINT64_MAX;
  seal(size);
  refused(size, BNC_ERROR_FORMAT, "data");
  reset();
  header()->sections = 1u << 30;
  header()->header_checksum = XXH3_64bits(header(), offsetof(bnc_file_header, header_checksum));
  refused(size, BNC_ERROR_FORMAT, "sections");
}

/* One field changed, all checksums right. */
static void set_u32(bnc_section_kind kind, size_t offset, uint32_t value, bnc_status status) {
  reset();
  memcpy(bytes + section(kind)->offset + offset, &value, sizeof value);
  seal(size);
  refused(size, status, NULL);
}

#define META(field, value) set_u32(BNC_SECTION_META, offsetof(bnc_file_meta, field), value, BNC_ERROR_FORMAT)

static void test_meta(void **s) {
  (void)s;
  META(vocabulary, 0);
  META(vocabulary, 96);
  META(hidden, 65);
  META(layers, 0);
  META(layers, 1);
  META(heads, 3);
  META(kv_heads, 0);
  META(head_dim, 15);
  META(head_dim, 32);
  META(context, 0);
  set_u32(BNC_SECTION_META, offsetof(bnc_file_meta, context), 16777215, BNC_ERROR_FORMAT);
  META(context, 16); /* below the prefill program's rows */
  META(reference_limit, 100000);
  META(stops, 9);
  META(kv_dtype, 3);
  META(embedding, 100000);
  META(rope_frequencies, 0x7fffffff);
  META(input_side, 85);
  META(image_rows, 17);
}

static void test_operands(void **s) {
  (void)s;
  static const struct {
    size_t offset;
    uint32_t value;
  } wrong[] = {
      {offsetof(bnc_file_op, in[0].offset), 0x7fffffc0}, {offsetof(bnc_file_op, out[0].offset), 0x7fffffc0},
      {offsetof(bnc_file_op, in[0].rows), 0x3fffffff},   {offsetof(bnc_file_op, in[0].cols), 0x3fffffff},
      {offsetof(bnc_file_op, in[0].stride), 0},
  };
  reset();
  bnc_file_program head;
  const bnc_section_kind programs[] = {BNC_SECTION_VISION, BNC_SECTION_PREFILL, BNC_SECTION_DECODE};
  for (size_t p = 0; p < 3; p++) {
    reset();
    memcpy(&head, bytes + section(programs[p])->offset, sizeof head);
    for (uint32_t op = 0; op < head.ops; op++)
      for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        reset();
        size_t at = (size_t)section(programs[p])->offset + sizeof head + op * sizeof(bnc_file_op);
        bnc_operand out;
        memcpy(&out, bytes + at + offsetof(bnc_file_op, out[0]), sizeof out);
        if (i == 1 && out.space == BNC_SPACE_NONE) continue;
        memcpy(bytes + at + wrong[i].offset, &wrong[i].value, 4);
        seal(size);
        refused(size, BNC_ERROR_FORMAT, "op ");
      }
    reset();
    const uint64_t huge = (uint64_t)1 << 50;
    memcpy(bytes + section(programs[p])->offset + offsetof(bnc_file_program, arena_bytes), &huge, sizeof huge);
    seal(size);
    refused(size, BNC_ERROR_FORMAT, "arena");
  }
}

/* Every layer of a weight, in a text program, leaves out its first columns. */
static void skip_columns(bnc_section_kind program, uint32_t weight, uint32_t skip) {
  bnc_file_program head;
  memcpy(&head, bytes + section(program)->offset, sizeof head);
  for (uint32_t i = 0; i < head.ops; i++) {
    bnc_file_op op;
    uint8_t *at = bytes + section(program)->offset + sizeof head + i * sizeof op;
    memcpy(&op, at, sizeof op);
    if (op.kind != BNC_OP_LINEAR || op.weight != weight) continue;
    op.attr.linear.from += skip;
    op.attr.linear.count -= skip;
    op.out[0].cols -= skip;
    memcpy(at, &op, sizeof op);
  }
}

/* A layer may take a part of an int4 matrix, from the start of a panel on, if all programs take the same. */
static void test_panels(void **s) {
  (void)s;
  size_t tried = 0;
  reset();
  bnc_file_program head;
  memcpy(&head, bytes + section(BNC_SECTION_DECODE)->offset, sizeof head);
  for (uint32_t i = 0; i < head.ops; i++)
    for (uint32_t skip = 0; skip <= 8; skip += 4) {
      bnc_file_op op;
      bnc_file_weight w;
      reset();
      memcpy(&op, bytes + section(BNC_SECTION_DECODE)->offset + sizeof head + i * sizeof op, sizeof op);
      if (op.kind != BNC_OP_LINEAR) continue;
      memcpy(&w, bytes + section(BNC_SECTION_WEIGHTS)->offset + op.weight * sizeof w, sizeof w);
      if (w.dtype < BNC_WEIGHT_QG4 || op.attr.linear.count <= 8) continue;
      skip_columns(BNC_SECTION_DECODE, op.weight, skip);
      seal(size);
      if (skip == 4) {
        refused(size, BNC_ERROR_FORMAT, "fit");
      } else {
        if (skip) refused(size, BNC_ERROR_FORMAT, "overlap");
        skip_columns(BNC_SECTION_PREFILL, op.weight, skip);
        seal(size);
        assert_int_equal(bnc_model_file_parse(&file, bytes, size, &err), BNC_OK);
        bnc_model_file_close(&file);
      }
      tried++;
    }
  assert_true(tried > 0);
}

/* Patches are quantised by the least and the greatest byte, so that normalisation must keep the order of bytes. */
static void test_levels(void **s) {
  (void)s;
  const float wrong[] = {-100.0f, NAN, INFINITY};
  size_t tried = 0;
  reset();
  bnc_file_program head;
  memcpy(&head, bytes + section(BNC_SECTION_VISION)->offset, sizeof head);
  for (uint32_t i = 0; i < head.ops; i++) {
    bnc_file_op op;
    memcpy(&op, good + section(BNC_SECTION_VISION)->offset + sizeof head + i * sizeof op, sizeof op);
    if (op.kind != BNC_OP_PATCHES_U8 || op.out[1].space == BNC_SPACE_NONE) continue;
    for (size_t k = 0; k < sizeof wrong / sizeof *wrong; k++) {
      reset();
      memcpy(bytes + section(BNC_SECTION_CONSTANTS)->offset + op.in[1].offset + 300 * sizeof(float), &wrong[k], sizeof wrong[k]);
      seal(size);
      refused(size, BNC_ERROR_FORMAT, "fit");
      tried++;
    }
  }
  assert_true(tried > 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_good),
                                     cmocka_unit_test(test_truncated),
                                     cmocka_unit_test(test_flipped_bits),
                                     cmocka_unit_test(test_version_and_sections),
                                     cmocka_unit_test(test_bf16_is_of_version_5),
                                     cmocka_unit_test(test_meta),
                                     cmocka_unit_test(test_operands),
                                     cmocka_unit_test(test_panels),
                                     cmocka_unit_test(test_levels)};
  return cmocka_run_group_tests(tests, setup, teardown);
}
