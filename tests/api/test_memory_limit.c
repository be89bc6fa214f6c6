/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions with less memory: what they say is what others say, bit for bit, whatever of the weights stays in memory. */
#include <stdlib.h>
#include <string.h>

#include "runtime/api/session_private.h"
#include "runtime/exec/residency.h"
#include "tests/api/session_case.h"
#include "tests/unit.h"

static bnc_session *session_with(bnc_model *model, bnc_cache_type cache, uint32_t context, uint64_t limit) {
  bnc_session_settings settings;
  bnc_session *session = NULL;
  bnc_session_settings_init(&settings);
  settings.kv_cache = cache;
  settings.context = context;
  settings.memory_limit = limit;
  if (bnc_session_create_with(model, &settings, &session) != BNC_OK) return NULL;
  return session;
}

static float *logits_behind(bnc_session *session, answer *said) {
  must(session, bnc_session_add_image_file(session, PICTURE));
  must(session, bnc_session_ask(session, "What is it?"));
  *said = generate(session, 6);
  must(session, bnc_session_ask(session, "And now?"));
  float *logits = logits_of(session);
  bnc_session_destroy(session);
  return logits;
}

/* The small model's weights are streamed layer by layer, by all that keeps and drops them. */
static void streamed_weights_give_the_same(void **state) {
  bnc_context *context = context_of(2);
  bnc_model *model;
  answer a, b;
  (void)state;
  bnc_session *whole = session_of(context, "limit.bnc", &model);
  for (int scarce = 0; scarce < 2; scarce++) {
    uint64_t before = UINT64_MAX;
    for (uint64_t room = 0; room <= (uint64_t)1 << 20; room = room ? room * 8 : 4096) {
      uint64_t streamed;
      bnc_session *session = session_with(model, BNC_CACHE_DEFAULT, 0, 0);
      assert_non_null(session);
      must(session, bnc_executor_limit_weights(session->executor, room, scarce, &streamed, &session->error));
      assert_true(streamed <= before);
      before = streamed;
      float *with = logits_behind(session, &b);
      bnc_session_reset(whole);
      must(whole, bnc_session_add_image_file(whole, PICTURE));
      must(whole, bnc_session_ask(whole, "What is it?"));
      a = generate(whole, 6);
      must(whole, bnc_session_ask(whole, "And now?"));
      float *without = logits_of(whole);
      assert_memory_equal(a.id, b.id, 6 * sizeof *a.id);
      assert_memory_equal(with, without, VOCABULARY * sizeof *with);
      free(with);
      free(without);
    }
  }
  bnc_session_destroy(whole);
  bnc_model_close(model);
  bnc_context_destroy(context);
}

/* Vision's weights go behind a picture under a limit, and stay where the machine has plenty. */
static void vision_leaves_under_a_limit(void **state) {
  bnc_context *context = context_of(2);
  bnc_model *model;
  (void)state;
  bnc_session *session = session_of(context, "limit.bnc", &model);
  assert_false(session->vision_leaves);
  bnc_session_destroy(session);
  session = session_with(model, BNC_CACHE_F32, 0, (uint64_t)1 << 30);
  assert_non_null(session);
  assert_true(session->vision_leaves);
  must(session, bnc_session_add_image_file(session, PICTURE));
  bnc_session_destroy(session);
  bnc_model_close(model);
  bnc_context_destroy(context);
}

static void the_limit_chooses(void **state) {
  bnc_context *context = context_of(1);
  bnc_statistics s = {.size = sizeof s}, t = {.size = sizeof t};
  bnc_model_info info = {.size = sizeof info};
  bnc_model *model;
  (void)state;
  bnc_session *session = session_of(context, "limit.bnc", &model);
  assert_int_equal(bnc_session_get_statistics(session, &s), BNC_OK);
  assert_int_equal(bnc_model_get_info(model, &info), BNC_OK);
  bnc_session_destroy(session);
  session = session_with(model, BNC_CACHE_INT8, 0, 0);
  assert_int_equal(bnc_session_get_statistics(session, &t), BNC_OK);
  assert_true(t.kv_bytes < s.kv_bytes / 2); /* f32 to int8 and a scale per head of 8 */
  bnc_session_destroy(session);
  session = session_with(model, BNC_CACHE_F32, 100, 0);
  assert_int_equal(bnc_session_get_statistics(session, &t), BNC_OK);
  assert_true(t.kv_bytes < s.kv_bytes);
  int32_t ids[101] = {0};
  must(session, bnc_session_append(session, ids, 101)); /* a first prompt is cut */
  assert_true(bnc_session_was_cut(session));
  refuses(session, bnc_session_append(session, ids, 1), BNC_ERROR_LIMIT, "context of 100");
  bnc_session_destroy(session);
  /* What cannot be done without is refused and told. */
  assert_null(session_with(model, BNC_CACHE_DEFAULT, 0, 1000));
  assert_non_null(strstr(bnc_context_error(context), "expected at least"));
  assert_null(session_with(model, BNC_CACHE_DEFAULT, info.context + 1, 0));
  assert_non_null(strstr(bnc_context_error(context), "compiled for"));
  assert_null(session_with(model, (bnc_cache_type)4, 0, 0));
  assert_non_null(strstr(bnc_context_error(context), "no type of a KV cache"));
  bnc_session_settings none = {.size = 0};
  assert_int_equal(bnc_session_create_with(model, &none, &session), BNC_ERROR_ARGUMENT);
  assert_null(session);
  bnc_model_close(model);
  bnc_context_destroy(context);
}

static int make(void **state) {
  (void)state;
  make_model("limit.bnc", true, true, 0);
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(streamed_weights_give_the_same), cmocka_unit_test(vision_leaves_under_a_limit),
                                     cmocka_unit_test(the_limit_chooses)};
  return cmocka_run_group_tests(tests, make, NULL);
}
