/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of `binocle serve` by themselves: base64, requests in pieces, fair turns, tiles of a schedule, tokens of half a character,
 * metrics. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "runtime/program/serve/base64.h"
#include "runtime/program/serve/chat_reply.h"
#include "runtime/program/serve/http_request.h"
#include "runtime/program/serve/job_queue.h"
#include "runtime/program/serve/listener.h"
#include "runtime/program/serve/metrics.h"
#include "runtime/program/serve/tile_steps.h"
#include "tests/unit.h"

static void base64(void **state) {
  /* RFC 4648, section 10; then what a decoder may not take. */
  static const struct {
    const char *text, *bytes;
  } right[] = {{"", ""},
               {"Zg==", "f"},
               {"Zm8=", "fo"},
               {"Zm9v", "foo"},
               {"Zm9vYg==", "foob"},
               {"Zm9vYmE=", "fooba"},
               {"Zm9vYmFy", "foobar"},
               {"+/+/", "\xfb\xff\xbf"}};
  static const char *const wrong[] = {
      "Z", "Zg", "Zg=", "Zm9", "Zm9vY", "Zh==", "Zm9=", "====", "=", "Z===", "Zg==A", "Zm 9v", "Zm9v\n", "Zm-v", "Zm9v====", "Zm9=Zm9v"};
  uint8_t bytes[64];
  size_t count;
  (void)state;
  for (size_t i = 0; i < sizeof right / sizeof *right; i++) {
    assert_true(bnc_base64_decode(right[i].text, strlen(right[i].text), bytes, &count));
    assert_int_equal(count, strlen(right[i].bytes));
    assert_memory_equal(bytes, right[i].bytes, count);
  }
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
    if (bnc_base64_decode(wrong[i], strlen(wrong[i]), bytes, &count)) fail_msg("'%s' was decoded", wrong[i]);
}

static void base64_of_all_lengths(void **state) {
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  (void)state;
  for (size_t length = 0; length < 70; length++) {
    uint8_t bytes[70], decoded[BNC_BASE64_ROOM(96)];
    char text[97];
    size_t written = 0, count;
    for (size_t i = 0; i < length; i++) bytes[i] = (uint8_t)(i * 37 + length);
    for (size_t i = 0; i < length; i += 3) {
      const size_t left = length - i;
      const unsigned group = (unsigned)bytes[i] << 16 | (left > 1 ? (unsigned)bytes[i + 1] << 8 : 0) | (left > 2 ? bytes[i + 2] : 0u);
      for (size_t k = 0; k < 4; k++) text[written++] = k <= left ? digits[group >> (18 - 6 * k) & 63] : '=';
    }
    assert_true(written <= sizeof text - 1 && BNC_BASE64_ROOM(written) <= sizeof decoded);
    assert_true(bnc_base64_decode(text, written, decoded, &count));
    assert_int_equal(count, length);
    assert_memory_equal(decoded, bytes, length);
  }
}

/* A request byte by byte, and the next behind it. */
static void requests_in_pieces(void **state) {
  static const char sent[] = "POST /a?b HTTP/1.1\r\nHOST: here\r\nX-Empty:\r\nContent-Length: 5\r\n\r\nhelloGET / HTTP/1.0\r\n\r\n";
  bnc_http_parser *parser = bnc_http_parser_create(5);
  size_t at = 0, used, heads = 0, complete = 0;
  (void)state;
  while (at < sizeof sent - 1 || complete < heads) {
    const bnc_http_progress progress = bnc_http_parser_read(parser, sent + at, at < sizeof sent - 1, &used);
    const bnc_http_request *r = bnc_http_parser_request(parser);
    assert_int_not_equal(progress, BNC_HTTP_BROKEN);
    at += used;
    heads += progress == BNC_HTTP_HEADED;
    if (progress != BNC_HTTP_COMPLETE) continue;
    if (complete++ == 0) {
      assert_string_equal(r->method, "POST");
      assert_string_equal(r->target.data, "/a?b");
      assert_string_equal(bnc_http_field(r, "host"), "here");
      assert_string_equal(bnc_http_field(r, "x-empty"), "");
      assert_null(bnc_http_field(r, "here"));
      assert_string_equal(r->body.data, "hello");
      assert_true(r->keep_alive && !r->old);
      assert_false(bnc_http_parser_begun(parser));
    } else {
      assert_true(r->old && !r->keep_alive && r->body.length == 0);
    }
    bnc_http_parser_reset(parser);
  }
  assert_int_equal(complete, 2);
  bnc_http_parser_destroy(parser);
}

static void put(bnc_job_queue *queue, bnc_job *job, uint64_t client) {
  *job = (bnc_job){.client = client};
  assert_true(bnc_job_queue_put(queue, job));
}

static void turns(void **state) {
  bnc_job_queue queue;
  bnc_job job[9];
  static const size_t order[] = {0, 3, 5, 1, 4, 2};
  (void)state;
  assert_true(bnc_job_queue_create(&queue, 6));
  for (size_t i = 0; i < 6; i++) put(&queue, &job[i], i < 3 ? 7 : i < 5 ? 8 : 9);
  job[8] = (bnc_job){.client = 10};
  assert_false(bnc_job_queue_put(&queue, &job[8])); /* it is full */
  for (size_t i = 0; i < 6; i++) {
    assert_ptr_equal(bnc_job_queue_take(&queue), &job[order[i]]);
    assert_int_equal(job[order[i]].state, BNC_JOB_RUNNING);
    if (i == 0) { /* who comes new does not wait behind the second of those that were here */
      put(&queue, &job[6], 11);
      assert_true(bnc_job_queue_remove(&queue, &job[6]));
      assert_false(bnc_job_queue_remove(&queue, &job[6]));
      assert_int_equal(job[6].state, BNC_JOB_DONE);
    }
  }
  size_t waiting, running;
  bnc_job_queue_counts(&queue, &waiting, &running);
  assert_int_equal(waiting, 0);
  assert_int_equal(running, 6);
  put(&queue, &job[7], 7);
  put(&queue, &job[8], 12);
  bnc_job_queue_finish(&queue, &job[0]);
  assert_ptr_equal(bnc_job_queue_take(&queue), &job[7]); /* what was answered before does not count */
  bnc_job_queue_close(&queue);
  assert_null(bnc_job_queue_take(&queue));
  bnc_job_queue_destroy(&queue);
}

static void tiles(void **state) {
  static const char schedule[] =
      "program vision: 6 ops, arena 10\n0 patches crop0.patches u8\n1 linear crop0.x f32\n2 copy stride4.y\nprobe tiles\n"
      "3 linear dem.q a\n4 norm crop0.norm\n5 add cropped.z\nprogram prefill: 2 ops\n0 linear crop7.q\n";
  static const struct {
    double fraction;
    const char *tile;
  } cases[] = {{0, "crop0"}, {0.3, "crop0"}, {0.4, "stride4"}, {0.5, NULL},        {0.7, "crop0"},
               {0.9, NULL},  {1, NULL},      {-1, NULL},       {(double)NAN, NULL}};
  bnc_tile_steps steps;
  (void)state;
  assert_true(bnc_tile_steps_read(&steps, schedule));
  assert_int_equal(steps.tiles, 2);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const char *tile = bnc_tile_steps_at(&steps, cases[i].fraction);
    if (cases[i].tile)
      assert_string_equal(tile, cases[i].tile);
    else
      assert_null(tile);
  }
  bnc_tile_steps_free(&steps);
  assert_true(bnc_tile_steps_read(&steps, "program prefill: 2 ops\n"));
  assert_null(bnc_tile_steps_at(&steps, 0));
  bnc_tile_steps_free(&steps);
}

/* Bytes that are no UTF-8 by themselves: the text has U+FFFD for each, "bytes" has them as they are. */
static void halves_of_characters(void **state) {
  static const struct {
    const char *bytes, *text;
  } cases[] = {{"\xe2\x82", "\xef\xbf\xbd\xef\xbf\xbd"},
               {"a\xff", "a\xef\xbf\xbd"},
               {"\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd"},
               {"\xe2\x82\xac", "\xe2\x82\xac"},
               {"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
               {"\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80"}};
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    bnc_chat_reply reply = {.id = "id", .model = "m", .fingerprint = "f"};
    bnc_byte_buffer out = {0};
    const bnc_chat_usage usage = {.joules = (double)NAN};
    const bnc_chat_token token = {cases[i].bytes, strlen(cases[i].bytes), (double)-INFINITY};
    assert_true(bnc_chat_reply_begin(&reply, true));
    bnc_chat_reply_token(&reply, &token, NULL, 0);
    bnc_chat_reply_text(&reply, "x", 1, &out);
    bnc_chat_reply_end(&reply, "stop", &usage, &out);
    yyjson_doc *d = yyjson_read(out.data, out.length, 0);
    assert_non_null(d);
    yyjson_val *told = yyjson_ptr_get(yyjson_doc_get_root(d), "/choices/0/logprobs/content/0");
    assert_string_equal(yyjson_get_str(yyjson_obj_get(told, "token")), cases[i].text);
    assert_true(yyjson_get_real(yyjson_obj_get(told, "logprob")) == -9999.0);
    assert_int_equal(yyjson_arr_size(yyjson_obj_get(told, "bytes")), token.length);
    for (size_t k = 0; k < token.length; k++)
      assert_int_equal(yyjson_get_uint(yyjson_arr_get(yyjson_obj_get(told, "bytes"), k)), (unsigned char)token.bytes[k]);
    yyjson_doc_free(d);
    bnc_byte_buffer_free(&out);
    bnc_chat_reply_free(&reply);
  }
}

static bool has(const bnc_byte_buffer *out, const char *line) { return strstr(out->data, line) != NULL; }

static void metrics(void **state) {
  bnc_metrics m;
  bnc_byte_buffer out = {0};
  const bnc_gauges now = {.model = "a \"b\"\\c\nd", .cpu_level = "scalar", .queue = 3};
  const bnc_chat_usage slow = {.queue_seconds = 2, .seconds = 1e6, .joules = (double)NAN, .answer_tokens = 4},
                       fast = {.queue_seconds = 0.01, .seconds = 0.5, .joules = 8, .answer_tokens = 5};
  (void)state;
  bnc_metrics_begin(&m);
  assert_true(bnc_metrics_mean_seconds(&m) == 1);
  bnc_metrics_request(&m, "/health", 200);
  bnc_metrics_request(&m, "/etc/passwd", 404);
  bnc_metrics_request(&m, "/", 404);
  bnc_metrics_request(&m, "/elsewhere", 404);
  bnc_metrics_answer(&m, BNC_ANSWER_STOP, &slow);
  bnc_metrics_answer(&m, BNC_ANSWER_CANCELLED, &fast);
  assert_true(bnc_metrics_mean_seconds(&m) == (1e6 + 0.5) / 2);
  bnc_metrics_put(&m, &now, &out);
  assert_true(has(&out, "model=\"a \\\"b\\\"\\\\c\\nd\""));
  assert_true(has(&out, "binocle_http_requests_total{path=\"other\",status=\"404\"} 2\n"));
  assert_true(has(&out, "binocle_http_requests_total{path=\"/\",status=\"404\"} 1\n"));
  assert_true(has(&out, "binocle_answers_total{finish=\"cancelled\"} 1\n"));
  assert_true(has(&out, "binocle_generated_tokens_total 9\n") && has(&out, "binocle_joules_total 8\n"));
  assert_true(has(&out, "binocle_queue_seconds_bucket{le=\"0.01\"} 1\n") && has(&out, "binocle_queue_seconds_bucket{le=\"1\"} 1\n"));
  assert_true(has(&out, "binocle_queue_seconds_bucket{le=\"3\"} 2\n"));
  assert_true(has(&out, "binocle_answer_seconds_bucket{le=\"900\"} 1\n") && has(&out, "binocle_answer_seconds_bucket{le=\"+Inf\"} 2\n"));
  assert_true(has(&out, "binocle_queue_length 3\n"));
  bnc_byte_buffer_free(&out);
  bnc_metrics_end(&m);
}

static void tokens(void **state) {
  (void)state;
  assert_true(bnc_token_equal("secret", "secret"));
  assert_false(bnc_token_equal("secret", "secreT"));
  assert_false(bnc_token_equal("secret", "secret "));
  assert_false(bnc_token_equal("secret", ""));
}

static void bytes_dropped(void **state) {
  bnc_byte_buffer b = {0};
  (void)state;
  bnc_byte_buffer_print(&b, "%s-%d", "abc", 12);
  bnc_byte_buffer_drop(&b, 2);
  assert_string_equal(b.data, "c-12");
  for (int i = 0; i < 1000; i++) bnc_byte_buffer_text(&b, "0123456789");
  assert_int_equal(b.length, 10004);
  bnc_byte_buffer_drop(&b, b.length);
  assert_string_equal(b.data, "");
  assert_false(b.failed);
  bnc_byte_buffer_free(&b);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(base64),
                                     cmocka_unit_test(base64_of_all_lengths),
                                     cmocka_unit_test(requests_in_pieces),
                                     cmocka_unit_test(turns),
                                     cmocka_unit_test(tiles),
                                     cmocka_unit_test(halves_of_characters),
                                     cmocka_unit_test(metrics),
                                     cmocka_unit_test(tokens),
                                     cmocka_unit_test(bytes_dropped)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
