/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions on less power: whatever parks threads and pauses, the logits keep their bits. */
#include <binocle/power.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "platforms/base/clock.h"
#include "tests/api/session_case.h"
#include "tests/unit.h"

enum { TOKENS = 40 };

typedef struct fixture {
  bnc_context *context;
  bnc_model *model;
  bnc_session *session;
  float *logits; /* of a session at full speed */
} fixture;

/* A picture, a question, and an answer of some tokens. */
static float *ask(bnc_session *s) {
  bnc_session_reset(s);
  must(s, bnc_session_add_image_file(s, PICTURE));
  must(s, bnc_session_ask(s, "What is that?"));
  generate(s, TOKENS);
  return logits_of(s);
}

static int set_up(void **state) {
  static fixture f;
  make_model("power.bnc", true, true, 0);
  f.context = context_of(4);
  f.session = session_of(f.context, "power.bnc", &f.model);
  f.logits = ask(f.session);
  *state = &f;
  return 0;
}

static int tear_down(void **state) {
  fixture *f = *state;
  free(f->logits);
  bnc_session_destroy(f->session);
  bnc_model_close(f->model);
  bnc_context_destroy(f->context);
  return 0;
}

/* Asked again until it has paused, where a limit makes it, for 30 s at most: so small a model answers before the meter is looked at. */
static bnc_power_report slowed(fixture *f, const bnc_power_settings *settings) {
  bnc_power_report report = {.size = sizeof report};
  must(f->session, bnc_session_limit_power(f->session, settings));
  const uint64_t start = bnc_clock_ns();
  do {
    float *logits = ask(f->session);
    assert_memory_equal(logits, f->logits, VOCABULARY * sizeof *logits);
    free(logits);
    assert_int_equal(bnc_session_get_power(f->session, &report), BNC_OK);
  } while (report.limit_watts > 0 && report.paused_seconds == 0 && bnc_clock_seconds(start, bnc_clock_ns()) < 30);
  return report;
}

/* A meter that says 5 W whatever is done: the level sinks to the least. */
static void metered(void **state) {
  fixture *f = *state;
  bnc_energy_settings how;
  bnc_energy *energy;
  bnc_energy_settings_init(&how);
  how.command = "while :; do echo 5; sleep 0.02; done";
  assert_int_equal(bnc_energy_open_with(f->context, &how, &energy), BNC_OK);
  const bnc_power_report r = slowed(f, &(bnc_power_settings){.size = sizeof r, .limit_watts = 2, .energy = energy});
  assert_true(r.paused_seconds > 0 && r.threads <= 2 && !r.estimated);
  must(f->session, bnc_session_limit_power(f->session, NULL));
  bnc_energy_close(energy);
}

static double own_meter(void *user) {
  ++*(int *)user;
  return 5e-9 * (double)bnc_clock_ns();
}

/* The same from a meter of the caller's. */
static void metered_by_the_caller(void **state) {
  int asked = 0;
  const bnc_power_report r = slowed(*state, &(bnc_power_settings){.size = sizeof r, .limit_watts = 2, .joules = own_meter, .user = &asked});
  assert_true(r.paused_seconds > 0 && !r.estimated && fabs(r.watts - 5) < 0.2 && asked > 1);
}

/* A fifth of the way from 3 W at rest to 10 W: 0.8 of four threads. */
static void estimated(void **state) {
  const bnc_power_report r = slowed(*state, &(bnc_power_settings){.size = sizeof r, .limit_watts = 4.4, .busy_watts = 10});
  assert_true(r.estimated && r.threads == 1 && r.paused_seconds > 0 && isnan(r.watts));
}

static void saver(void **state) {
  const bnc_power_report r = slowed(*state, &(bnc_power_settings){.size = sizeof r, .saver = 1});
  assert_true(r.threads == 2 && r.paused_seconds == 0);
}

static void full_speed_again(void **state) {
  const bnc_power_report r = slowed(*state, NULL);
  assert_true(r.threads == 0 && r.limit_watts == 0);
}

static void wrong_use(void **state) {
  fixture *f = *state;
  bnc_power_settings s = {.size = sizeof s, .limit_watts = -1};
  refuses(f->session, bnc_session_limit_power(f->session, &s), BNC_ERROR_ARGUMENT, "found -1 W");
  s.limit_watts = (double)NAN;
  refuses(f->session, bnc_session_limit_power(f->session, &s), BNC_ERROR_ARGUMENT, "limit of power");
  s.size = 0;
  refuses(f->session, bnc_session_limit_power(f->session, &s), BNC_ERROR_ARGUMENT, "no size");
  assert_int_equal(bnc_session_limit_power(NULL, &s), BNC_ERROR_ARGUMENT);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(metered), cmocka_unit_test(metered_by_the_caller), cmocka_unit_test(estimated),
                                     cmocka_unit_test(saver),   cmocka_unit_test(full_speed_again),      cmocka_unit_test(wrong_use)};
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
