/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptions of a made-up model: what inspect promises is there and adds up; blocks of the memory plan never share bytes at the same
 * time. */
#include <binocle/binocle.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "platforms/base/json.h"
#include "platforms/base/mem.h"
#include "runtime/describe/blocks.h"
#include "runtime/describe/describe.h"
#include "runtime/describe/op_cost.h"
#include "tests/unit.h"

static bnc_model_file file;

static int make_model(void **state) {
  bnc_context *context;
  bnc_compile_options o;
  bnc_error err;
  (void)state;
  bnc_compile_options_init(&o);
  o.output = "described.bnc";
  o.text_weights = BNC_WEIGHTS_INT4;
  if (bnc_context_create(NULL, &context) != BNC_OK || bnc_synth(context, "w128", &o) != BNC_OK) return 1;
  bnc_context_destroy(context);
  return bnc_model_file_open(&file, "described.bnc", &err) != BNC_OK;
}

static int drop_model(void **state) {
  (void)state;
  bnc_model_file_close(&file);
  return 0;
}

static uint64_t number(yyjson_val *root, const char *pointer) {
  yyjson_val *v = yyjson_ptr_get(root, pointer);
  if (!yyjson_is_uint(v)) fail_msg("%s is no number", pointer);
  return yyjson_get_uint(v);
}

static void json_has_what_inspect_promises(void **state) {
  char *json;
  yyjson_doc *doc;
  bnc_error err;
  (void)state;
  assert_int_equal(bnc_describe_json(&file, &json, &err), BNC_OK);
  assert_int_equal(bnc_json_parse(&doc, json, strlen(json), &err), BNC_OK);
  yyjson_val *root = yyjson_doc_get_root(doc), *tiles = yyjson_ptr_get(root, "/vision/live_tiles");
  assert_int_equal(number(root, "/format_version"), BNC_FORMAT_BEFORE_BF16);
  assert_int_equal(number(root, "/model/hidden"), 256);
  assert_int_equal(number(root, "/model/vision/width"), 128);
  assert_int_equal(number(root, "/vision/tile_encodes"), 10);
  assert_int_equal(number(root, "/vision/tile_encodes_reference"), 19);
  assert_int_equal(yyjson_arr_size(tiles), 10); /* "base" is stride4 */
  assert_string_equal(yyjson_get_str(yyjson_arr_get(tiles, 0)), "crop0");
  assert_string_equal(yyjson_get_str(yyjson_arr_get(tiles, 9)), "stride4");
  assert_int_equal(number(root, "/programs/vision/ops"), file.program[BNC_PROGRAM_VISION].head->ops);
  assert_true(number(root, "/programs/prefill/arena_bytes") >= number(root, "/programs/prefill/live_bytes"));
  assert_true(number(root, "/programs/decode/macs") > 0);
  assert_int_equal(number(root, "/weights/by_dtype/int8") + number(root, "/weights/by_dtype/int4"), number(root, "/weights/bytes"));
  assert_int_equal(number(root, "/file_bytes"), file.map.size);
  assert_int_equal(number(root, "/memory/weights_bytes") + number(root, "/memory/arena_bytes") + number(root, "/memory/kv_bytes") +
                       number(root, "/memory/other_bytes"),
                   number(root, "/predicted_bytes"));
  assert_string_equal(yyjson_get_str(yyjson_ptr_get(root, "/kv_dtype")), "f16");
  size_t passes = 0;
  while (bnc_compile_pass_name((unsigned)passes)) passes++;
  assert_int_equal(yyjson_arr_size(yyjson_ptr_get(root, "/compile/programs/vision/passes")), passes);
  assert_int_equal(number(root, "/target/cores"), file.meta.target_cores);
  assert_int_equal(number(root, "/target/slab_matrices"), yyjson_arr_size(yyjson_ptr_get(root, "/compile/target/slabs")));
  yyjson_doc_free(doc);
  bnc_mem_free(json);
}

/* What passes saved adds up from the schedule without any to the one in the file, and every kind of pass shows in it. */
static void the_report_adds_up(void **state) {
  static const char *const programs[] = {"vision", "prefill", "decode"}, *const measures[] = {"ops", "macs", "arena_bytes", "moved_bytes",
                                                                                              "weight_read_bytes"};
  yyjson_doc *doc;
  yyjson_val *pass;
  bnc_error err;
  char at[96];
  (void)state;
  assert_int_equal(bnc_json_parse(&doc, (const char *)file.report.data, file.report.size, &err), BNC_OK);
  yyjson_val *root = yyjson_doc_get_root(doc);
  for (bnc_program_id p = 0; p < BNC_PROGRAMS; p++)
    for (size_t m = 0; m < sizeof measures / sizeof *measures; m++) {
      size_t i, n;
      snprintf(at, sizeof at, "/programs/%s/no_passes/%s", programs[p], measures[m]);
      int64_t left = (int64_t)number(root, at);
      snprintf(at, sizeof at, "/programs/%s/passes", programs[p]);
      yyjson_arr_foreach(yyjson_ptr_get(root, at), i, n, pass) {
        left -= yyjson_get_sint(yyjson_obj_get(yyjson_obj_get(pass, "saved"), measures[m]));
        assert_int_equal(left, yyjson_get_uint(yyjson_obj_get(pass, measures[m])));
      }
      snprintf(at, sizeof at, "/programs/%s/schedule/%s", programs[p], measures[m]);
      assert_int_equal(left, number(root, at));
    }
  assert_int_equal(number(root, "/programs/vision/schedule/ops"), file.program[BNC_PROGRAM_VISION].head->ops);
  assert_int_equal(number(root, "/programs/vision/schedule/macs"), file.program[BNC_PROGRAM_VISION].head->macs);
  assert_int_equal(number(root, "/programs/vision/schedule/arena_bytes"), file.program[BNC_PROGRAM_VISION].head->arena_bytes);
  static const char *const saves[][2] = {
      {"prune-rows", "macs"},   {"merge-equal", "weight_read_bytes"}, {"fuse-projections", "ops"}, {"fuse-quantize", "moved_bytes"},
      {"fuse-residual", "ops"}, {"fuse-patches", "arena_bytes"},      {"alias-parts", "ops"}};
  size_t i, n, found = 0;
  yyjson_arr_foreach(yyjson_ptr_get(root, "/programs/vision/passes"), i, n,
                     pass) for (size_t k = 0; k < sizeof saves / sizeof *saves;
                                k++) if (strcmp(saves[k][0], yyjson_get_str(yyjson_obj_get(pass, "name"))) == 0) found +=
      yyjson_get_sint(yyjson_obj_get(yyjson_obj_get(pass, "saved"), saves[k][1])) > 0;
  assert_int_equal(found, sizeof saves / sizeof *saves);
  yyjson_doc_free(doc);
}

static size_t count(const char *text, const char *what) {
  size_t n = 0;
  for (const char *at = strstr(text, what); at; at = strstr(at + 1, what)) n++;
  return n;
}

static void the_schedule_has_a_line_per_op(void **state) {
  char *text;
  bnc_error err;
  size_t ops = 0;
  (void)state;
  for (bnc_program_id p = 0; p < BNC_PROGRAMS; p++) ops += file.program[p].head->ops;
  assert_int_equal(bnc_describe_schedule(&file, &text, &err), BNC_OK);
  assert_int_equal(count(text, " -> "), ops + 1); /* and the line that explains them */
  assert_int_equal(count(text, "?"), 0);
  bnc_mem_free(text);
}

static void the_text_is_one_screen(void **state) {
  char *text;
  bnc_error err;
  (void)state;
  assert_int_equal(bnc_describe_text(&file, &text, &err), BNC_OK);
  assert_true(count(text, "\n") <= 40);
  assert_non_null(strstr(text, "10 tower passes where the reference runs 19"));
  assert_non_null(strstr(text, "4 text layers are int8"));
  assert_non_null(strstr(text, "\ntarget "));
  bnc_mem_free(text);
}

static void blocks_never_share_bytes(void **state) {
  bnc_error err;
  (void)state;
  for (bnc_program_id p = 0; p < BNC_PROGRAMS; p++) {
    bnc_arena_block *b;
    size_t n;
    uint64_t end = 0;
    assert_int_equal(bnc_arena_blocks(&file.program[p], &b, &n, &err), BNC_OK);
    assert_true(n > 10);
    for (size_t i = 0; i < n; i++) {
      assert_true(b[i].first < b[i].last && b[i].offset < b[i].end && b[i].end <= file.program[p].head->arena_bytes);
      if (b[i].end > end) end = b[i].end;
      for (size_t k = 0; k < i; k++) {
        bool time = b[i].first < b[k].last && b[k].first < b[i].last, space = b[i].offset < b[k].end && b[k].offset < b[i].end;
        if (time && space)
          fail_msg("program %d: blocks %llu..%llu of ops %u..%u and %llu..%llu of ops %u..%u", p, (unsigned long long)b[i].offset,
                   (unsigned long long)b[i].end, b[i].first, b[i].last, (unsigned long long)b[k].offset, (unsigned long long)b[k].end,
                   b[k].first, b[k].last);
      }
    }
    assert_true(file.program[p].head->arena_bytes - end < 64);
    bnc_mem_free(b);
  }
}

static void the_picture_is_whole(void **state) {
  char *svg, *again;
  bnc_error err;
  (void)state;
  assert_int_equal(bnc_describe_memory_svg(&file, &svg, &err), BNC_OK);
  assert_int_equal(strncmp(svg, "<svg ", 5), 0);
  assert_string_equal(svg + strlen(svg) - 7, "</svg>\n");
  assert_int_equal(count(svg, "<rect class=\"b "), count(svg, "</title></rect>") - count(svg, "<rect class=\"part"));
  assert_int_equal(bnc_describe_memory_svg(&file, &again, &err), BNC_OK);
  assert_string_equal(svg, again);
  bnc_mem_free(svg);
  bnc_mem_free(again);
}

/* A linear's cost by hand; rows count where the schedule lets them vary; attention counts keys as the mask shows them. */
static void costs_follow_rows(void **state) {
  const bnc_program *prefill = &file.program[BNC_PROGRAM_PREFILL];
  uint64_t varying = 0, fixed = 0, attention = 0;
  (void)state;
  for (uint32_t i = 0; i < prefill->head->ops; i++) {
    const bnc_file_op *op = &prefill->op[i];
    const bnc_op_cost three = bnc_op_cost_of(&file, BNC_PROGRAM_PREFILL, i, 3, 5),
                      six = bnc_op_cost_of(&file, BNC_PROGRAM_PREFILL, i, 6, 5);
    assert_true(three.bytes >= three.stored && six.bytes >= three.bytes);
    if (op->kind == BNC_OP_LINEAR) {
      const bnc_operand *x = &op->in[0], *y = &op->out[0];
      const uint64_t rows = y->varying ? 3 : y->rows,
                     in = x->element == BNC_ELEMENT_QD8 ? x->cols + sizeof(bnc_qd8_params) : 4ull * x->cols;
      assert_int_equal(three.macs, rows * x->cols * op->attr.linear.count);
      assert_int_equal(three.stored, bnc_op_weight_bytes(&file, op));
      assert_int_equal(three.bytes, three.stored + rows * (in + 4ull * y->cols));
      assert_int_equal(six.macs, y->varying ? 2 * three.macs : three.macs);
      *(y->varying ? &varying : &fixed) += 1;
    }
    if (op->kind == BNC_OP_CACHE_ATTENTION && op->in[0].varying) {
      assert_int_equal(three.macs, 2ull * op->in[0].cols * (6 + 7 + 8));
      attention++;
    }
  }
  assert_true(varying > 0 && fixed > 0 && attention > 0);
}

static void memory_failures_are_reported(void **state) {
  bnc_error err;
  (void)state;
  bnc_status (*const describe[])(const bnc_model_file *, char **, bnc_error *) = {bnc_describe_json, bnc_describe_text,
                                                                                  bnc_describe_schedule, bnc_describe_memory_svg};
  for (size_t d = 0; d < 4; d++)
    for (long long after = 0; after < 400; after += 1 + after / 4) {
      char *text = NULL;
      bnc_mem_fail_after(after);
      bnc_status s = describe[d](&file, &text, &err);
      bnc_mem_fail_after(-1);
      if (s == BNC_OK) {
        bnc_mem_free(text);
        break;
      }
      assert_int_equal(s, BNC_ERROR_MEMORY);
      assert_null(text);
    }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(json_has_what_inspect_promises),
      cmocka_unit_test(the_schedule_has_a_line_per_op),
      cmocka_unit_test(the_text_is_one_screen),
      cmocka_unit_test(the_report_adds_up),
      cmocka_unit_test(costs_follow_rows),
      cmocka_unit_test(blocks_never_share_bytes),
      cmocka_unit_test(the_picture_is_whole),
      cmocka_unit_test(memory_failures_are_reported),
  };
  return cmocka_run_group_tests(tests, make_model, drop_model);
}
