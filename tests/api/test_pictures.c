/* SPDX-License-Identifier: Apache-2.0 */
/* Pictures in memory, and those that a model has seen before. */
#include <binocle/binocle.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/image/image.h"
#include "tests/api/session_case.h"
#include "tests/unit.h"

static bnc_statistics statistics_of(bnc_session *session) {
  bnc_statistics t = {.size = sizeof t};
  assert_int_equal(bnc_session_get_statistics(session, &t), BNC_OK);
  return t;
}

static bnc_pixels pixels_of(const bnc_image *image) {
  bnc_pixels p;
  bnc_pixels_init(&p);
  p.width = (uint32_t)image->width;
  p.height = (uint32_t)image->height;
  p.plane[0] = image->rgb;
  return p;
}

static float *answer_about(bnc_session *session, const bnc_pixels *pixels) {
  bnc_session_reset(session);
  if (pixels)
    must(session, bnc_session_add_pixels(session, pixels));
  else
    must(session, bnc_session_add_image_file(session, PICTURE));
  must(session, bnc_session_ask(session, "What is it?"));
  return logits_of(session);
}

static void expect_equal(float *a, float *b) {
  assert_memory_equal(a, b, VOCABULARY * sizeof *a);
  free(b);
}

static void pixels_are_worth_their_file(void **state) {
  bnc_context *context = context_of(2);
  bnc_model *model;
  bnc_image image;
  bnc_error err = {0};
  (void)state;
  bnc_session *session = session_of(context, "seen.bnc", &model);
  assert_int_equal(bnc_image_load(&image, PICTURE, BNC_IMAGE_MAX_PIXELS, NULL, &err), BNC_OK);
  const bnc_pixels pixels = pixels_of(&image);
  float *expected = answer_about(session, NULL);
  expect_equal(expected, answer_about(session, &pixels));
  bnc_pixels wrong = pixels;
  wrong.stride[0] = 1;
  refuses(session, bnc_session_add_pixels(session, &wrong), BNC_ERROR_ARGUMENT, "stride");
  free(expected);
  bnc_image_free(&image);
  bnc_session_destroy(session);
  bnc_model_close(model);
  bnc_context_destroy(context);
}

static void a_known_picture_costs_no_vision(void **state) {
  bnc_context *context = context_of(1);
  bnc_model *model;
  bnc_image image;
  bnc_error err = {0};
  (void)state;
  bnc_session *session = session_of(context, "seen.bnc", &model), *other;
  assert_int_equal(bnc_session_create(model, &other), BNC_OK);
  assert_int_equal(bnc_image_load(&image, PICTURE, BNC_IMAGE_MAX_PIXELS, NULL, &err), BNC_OK);
  bnc_pixels pixels = pixels_of(&image);
  float *expected = answer_about(session, NULL);
  expect_equal(expected, answer_about(session, &pixels));
  assert_int_equal(statistics_of(session).pictures, 2); /* nothing is kept unless it is asked for */
  assert_int_equal(bnc_model_keep_pictures(model, 2), BNC_OK);
  expect_equal(expected, answer_about(session, NULL));
  assert_int_equal(statistics_of(session).pictures, 3);
  expect_equal(expected, answer_about(session, &pixels));
  expect_equal(expected, answer_about(other, &pixels)); /* shared */
  assert_int_equal(statistics_of(session).pictures, 3);
  assert_int_equal(statistics_of(session).pictures_reused, 1);
  assert_int_equal(statistics_of(other).pictures, 0);
  assert_int_equal(statistics_of(other).pictures_reused, 1);
  /* One pixel less is another picture; two others push the first out. */
  for (uint32_t i = 1; i <= 2; i++) {
    pixels.height = (uint32_t)image.height - i;
    free(answer_about(session, &pixels));
  }
  assert_int_equal(statistics_of(session).pictures, 5);
  expect_equal(expected, answer_about(session, NULL));
  assert_int_equal(statistics_of(session).pictures, 6);
  /* Fewer places keep the latest. */
  assert_int_equal(bnc_model_keep_pictures(model, 1), BNC_OK);
  expect_equal(expected, answer_about(session, NULL));
  assert_int_equal(statistics_of(session).pictures, 6);
  assert_int_equal(bnc_model_keep_pictures(model, 0), BNC_OK);
  expect_equal(expected, answer_about(session, NULL));
  assert_int_equal(statistics_of(session).pictures, 7);
  free(expected);
  bnc_image_free(&image);
  bnc_session_destroy(session);
  bnc_session_destroy(other);
  bnc_model_close(model);
  bnc_context_destroy(context);
}

/* What a conversation puts into the text model: the picture's embeddings in their place, an answer behind; and nothing else changes. */
static void rows_of_a_prompt(void **state) {
  static const bnc_exchange asked = {"What is it?", NULL}, answered = {"What is it?", "a cup"};
  bnc_context *context = context_of(2);
  bnc_model *model;
  bnc_model_info info = {.size = sizeof info};
  bnc_array seen, rows, more;
  (void)state;
  bnc_session *session = session_of(context, "seen.bnc", &model);
  assert_int_equal(bnc_model_get_info(model, &info), BNC_OK);
  must(session, bnc_session_encode(session, PICTURE, BNC_IMAGE_PROJECTOR, &seen));
  float *expected = answer_about(session, NULL);
  const size_t count = bnc_session_rows(session);
  bnc_session_reset(session);
  must(session, bnc_session_add_image_file(session, PICTURE));
  must(session, bnc_session_prompt_rows(session, &asked, 1, &rows));
  must(session, bnc_session_prompt_rows(session, &answered, 1, &more));
  assert_int_equal(rows.rank, 2);
  assert_int_equal(rows.shape[0], count);
  assert_int_equal(rows.shape[1], info.hidden);
  assert_true(more.shape[0] > rows.shape[0]);
  assert_memory_equal(rows.values, more.values, count * info.hidden * sizeof(float));
  size_t places = 0;
  const size_t picture = (size_t)info.image_rows * info.hidden;
  for (size_t i = 0; i + info.image_rows <= count; i++)
    places += memcmp(rows.values + i * info.hidden, seen.values, picture * sizeof(float)) == 0;
  assert_int_equal(places, 1);
  bnc_array_free(&more);
  must(session, bnc_session_ask(session, "What is it?"));
  expect_equal(expected, logits_of(session));
  refuses(session, bnc_session_prompt_rows(session, &asked, 1, &more), BNC_ERROR_ARGUMENT, "has begun");
  assert_null(more.values);
  free(expected);
  bnc_array_free(&seen);
  bnc_array_free(&rows);
  bnc_session_destroy(session);
  bnc_model_close(model);
  bnc_context_destroy(context);
}

int main(void) {
  make_model("seen.bnc", true, true, 0);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(pixels_are_worth_their_file),
      cmocka_unit_test(a_known_picture_costs_no_vision),
      cmocka_unit_test(rows_of_a_prompt),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
