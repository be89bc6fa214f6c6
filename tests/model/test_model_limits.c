/* SPDX-License-Identifier: Apache-2.0 */
/* A small file takes no more memory than it must, and what was found good in a file stays so whoever writes to it. */
#include <stdint.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "platforms/base/mem.h"
#include "runtime/model/weight_slabs.h"
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
  if (system("rm -rf limits.bnc tiny_checkpoint") != 0) return -1;
  tiny_checkpoint("tiny_checkpoint");
  /* f32: weights that are packed */
  if (tiny_compile("tiny_checkpoint", "limits.bnc", BNC_WEIGHTS_F32, BNC_WEIGHTS_F32, false) != BNC_OK) return -1;
  if (bnc_file_read("limits.bnc", (size_t)1 << 30, &text, &size, &err) != BNC_OK) return -1;
  good = (uint8_t *)text;
  bytes = bnc_mem_alloc(size);
  return bytes ? 0 : -1;
}
static int teardown(void **s) {
  (void)s;
  bnc_mem_free(good);
  bnc_mem_free(bytes);
  return 0;
}

/* The bytes of a section. */
static void *at(bnc_section_kind kind) { return bytes + model_section(bytes, kind)->offset; }
static bnc_file_op *op_of(bnc_section_kind program, uint32_t i) {
  bnc_file_program *head = at(program);
  return i < head->ops ? (bnc_file_op *)(void *)(head + 1) + i : NULL;
}

/* All checksums right, as a careful enemy would make them; then whether it is refused, in a line with `word`. */
static void refused(const char *word) {
  seal_model(bytes, size);
  err = (bnc_error){BNC_OK, ""};
  bnc_status s = bnc_model_file_parse(&file, bytes, size, &err);
  if (word) {
    assert_int_equal(s, BNC_ERROR_FORMAT);
    if (!strstr(err.text, word)) fail_msg("\"%s\" does not say \"%s\"", err.text, word);
  } else {
    if (s != BNC_OK) fail_msg("%s", err.text);
    bnc_model_file_close(&file);
  }
  memcpy(bytes, good, size);
}

static void an_arena_is_what_its_operands_need(void **state) {
  (void)state;
  memcpy(bytes, good, size);
  refused(NULL);
  for (bnc_section_kind kind = BNC_SECTION_VISION; kind <= BNC_SECTION_DECODE; kind++) {
    ((bnc_file_program *)at(kind))->arena_bytes += 64;
    refused("but its operands need");
    ((bnc_file_program *)at(kind))->arena_bytes += (uint64_t)3 << 30;
    refused("but its operands need");
    ((bnc_file_program *)at(kind))->arena_bytes -= 64;
    refused("leaves its space");
  }
}

static void weights_share_no_bytes(void **state) {
  const bnc_file_weight *w = (const bnc_file_weight *)at(BNC_SECTION_WEIGHTS);
  uint32_t largest = 0, count = 0;
  (void)state;
  assert_int_equal(bnc_model_file_parse(&file, bytes, size, &err), BNC_OK);
  count = (uint32_t)file.weights;
  for (uint32_t i = 0; i < count; i++)
    if ((uint64_t)w[i].n * w[i].k > (uint64_t)w[largest].n * w[largest].k) largest = i;
  bnc_model_file_close(&file);
  /* All are the largest. */
  for (uint32_t i = 0; i < count; i++) {
    bnc_file_weight *changed = (bnc_file_weight *)at(BNC_SECTION_WEIGHTS) + i;
    changed->n = w[largest].n;
    changed->k = w[largest].k;
    changed->data = w[largest].data;
  }
  refused("more than section data has");
}

/* A layer in pieces that overlap by a column would be packed as so many whole matrices. */
static void pieces_of_a_weight_do_not_overlap(void **state) {
  (void)state;
  size_t tried = 0;
  for (uint32_t i = 0; op_of(BNC_SECTION_DECODE, i); i++) {
    bnc_file_op *op = op_of(BNC_SECTION_DECODE, i);
    if (op->kind != BNC_OP_LINEAR || op->attr.linear.count < 2) continue;
    op->attr.linear.count--;
    op->out[0].cols--; /* decode takes one column less than prefill, of the same weight */
    refused("overlap");
    tried++;
    break;
  }
  assert_int_equal(tried, 1);
}

static void rows_of_a_table_have_few_taps(void **state) {
  size_t tried = 0;
  (void)state;
  for (uint32_t i = 0; op_of(BNC_SECTION_VISION, i); i++) {
    const bnc_file_op *op = op_of(BNC_SECTION_VISION, i);
    if (op->table[0].space == BNC_SPACE_NONE || tried > 0) continue;
    uint8_t *taps = (uint8_t *)at(BNC_SECTION_CONSTANTS) + op->table[0].offset;
    bnc_file_taps head;
    memcpy(&head, taps, sizeof head);
    uint32_t *start = (uint32_t *)(void *)(taps + sizeof head);
    if (head.gather) { /* a gather has one tap a row */
      start[1] = 0;
      refused("taps");
      tried++;
    }
  }
  assert_int_equal(tried, 1);
}

static void write_file(const char *path, const uint8_t *data, size_t count) {
  int fd = open(path, O_WRONLY | O_CREAT, 0600); /* in place */
  assert_true(fd >= 0);
  assert_int_equal(write(fd, data, count), (ssize_t)count);
  close(fd);
}

static void sum(const bnc_model_file *f, uint64_t *hash) {
  *hash = XXH3_64bits(f->strings.data, f->strings.size) ^ XXH3_64bits(f->constants.data, f->constants.size) ^
          XXH3_64bits(f->weight, f->weights * sizeof *f->weight);
  for (bnc_program_id p = 0; p < BNC_PROGRAMS; p++)
    *hash ^= XXH3_64bits(f->program[p].head, sizeof *f->program[p].head) ^
             XXH3_64bits(f->program[p].op, f->program[p].head->ops * sizeof *f->program[p].op) ^
             XXH3_64bits(f->program[p].probe, f->program[p].head->probes * sizeof *f->program[p].probe);
}

/* Whoever rewrites the file under us changes no table, and is noticed. */
static void tables_are_our_own(void **state) {
  uint64_t before, after;
  (void)state;
  write_file("changed.bnc", good, size);
  assert_int_equal(bnc_model_file_open(&file, "changed.bnc", &err), BNC_OK);
  assert_int_equal(bnc_model_file_unchanged(&file, &err), BNC_OK);
  sum(&file, &before);
  usleep(20000); /* a tick of the file system's clock */
  memset(bytes, 0xff, size);
  write_file("changed.bnc", bytes, size);
  sum(&file, &after);
  assert_true(before == after);
  assert_int_equal(bnc_model_file_unchanged(&file, &err), BNC_ERROR_IO);
  assert_non_null(strstr(err.text, "changed.bnc: the file was changed"));
  assert_int_equal(truncate("changed.bnc", 100), 0);
  sum(&file, &after);
  assert_true(before == after);
  assert_int_equal(bnc_model_file_unchanged(&file, &err), BNC_ERROR_IO);
  bnc_model_file_close(&file);
  unlink("changed.bnc");
  memcpy(bytes, good, size);
}

/* Replaced by another file of its name, as writers do: the old one stays what it was. */
static void a_replaced_file_stays_good(void **state) {
  (void)state;
  write_file("replaced.bnc", good, size);
  assert_int_equal(bnc_model_file_open(&file, "replaced.bnc", &err), BNC_OK);
  assert_int_equal(unlink("replaced.bnc"), 0);
  write_file("replaced.bnc", good, 100);
  assert_int_equal(bnc_model_file_unchanged(&file, &err), BNC_OK);
  bnc_model_file_close(&file);
  unlink("replaced.bnc");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(an_arena_is_what_its_operands_need),
      cmocka_unit_test(weights_share_no_bytes),
      cmocka_unit_test(pieces_of_a_weight_do_not_overlap),
      cmocka_unit_test(rows_of_a_table_have_few_taps),
      cmocka_unit_test(tables_are_our_own),
      cmocka_unit_test(a_replaced_file_stays_good),
  };
  return cmocka_run_group_tests(tests, setup, teardown);
}
