/* SPDX-License-Identifier: Apache-2.0 */
/* Meters of the user's: what a line may be, programs that end, are silent, talk too much, or do not want to end. */
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "platforms/base/clock.h"
#include "platforms/energy/meter.h"
#include "platforms/energy/meter_command.h"
#include "tests/unit.h"

static void pause_ms(unsigned ms) {
  for (uint64_t end = bnc_clock_ns() + ms * 1000000ull; bnc_clock_ns() < end;) usleep(5000);
}

static void lines(void **state) {
  (void)state;
  static const struct {
    const char *text;
    double seconds, watts; /* watts < 0: malformed; seconds < 0: none */
  } cases[] = {{"4.25", -1, 4.25},     {" 12 ", -1, 12}, {"0.5,7", 0.5, 7},     {"17.25; 3.5\r", 17.25, 3.5},
               {"3 4.5", 3, 4.5},      {"0", -1, 0},     {"10000", -1, 10000},  {"", 0, -1},
               {"10001", 0, -1},       {"-3", 0, -1},    {"4.2 W", 0, -1},      {"1,2,3", 0, -1},
               {"1,", 0, -1},          {"nan", 0, -1},   {"0x10", 0, -1},       {"1e3", 0, -1},
               {",5", 0, -1},          {"5,,6", 0, -1},  {"12:00:01,5", 0, -1}, {"1.2.3", 0, -1},
               {"99999999999", 0, -1}, {"\xff", 0, -1},  {"3.5watts", 0, -1}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    double seconds, watts;
    const bool good = bnc_meter_line_parse(cases[i].text, &seconds, &watts);
    if (good != (cases[i].watts >= 0)) fail_msg("'%s' was %staken", cases[i].text, good ? "" : "not ");
    if (!good) continue;
    assert_true(watts == cases[i].watts);
    assert_true(cases[i].seconds < 0 ? isnan(seconds) : seconds == cases[i].seconds);
  }
}

/* Seconds of the meter's own count, however its lines arrive; bad lines are counted and the first is told. */
static void own_seconds(void **state) {
  (void)state;
  bnc_meter_command *m;
  bnc_meter_command_state s;
  double joules;
  const char *command = "echo time,power; echo '# a meter'; echo; echo 100.0,4; echo 'oh\001no'; echo 101.0,4; echo 102.0,8; "
                        "echo 101.5,9; yes x | head -c 5000; echo; echo 104.0,8; sleep 60";
  assert_int_equal(bnc_meter_command_start(&m, command, NULL), BNC_OK);
  pause_ms(300);
  assert_true(bnc_meter_command_joules(m, &joules));
  bnc_meter_command_state_get(m, &s);
  assert_int_equal(s.readings, 4);
  assert_int_equal(s.malformed, 2 + 2500);
  assert_string_equal(s.first_malformed, "oh?no");
  /* 4 J, 6 J, 16 J, and 8 W since then */
  if (!(joules > 26 + 8 * 0.05 && joules < 26 + 8 * 3)) fail_msg("%.3f J", joules);
  uint64_t start = bnc_clock_ns();
  bnc_meter_command_stop(m);
  assert_true(bnc_clock_seconds(start, bnc_clock_ns()) < 5);
}

/* Through the set, as the program uses it: 20 W told forty times a second. */
static void in_a_set(void **state) {
  (void)state;
  bnc_meter_set *set;
  size_t best;
  double before, after;
  assert_int_equal(bnc_meter_set_open(&set, NULL), BNC_OK);
  assert_int_equal(bnc_meter_set_add_command(set, "while :; do echo 20; sleep 0.025; done", NULL), BNC_OK);
  assert_int_equal(bnc_meter_set_start(set, NULL), BNC_OK);
  assert_true(bnc_meter_set_best(set, &best));
  assert_int_equal(bnc_meter_set_info(set, best)->kind, BNC_METER_EXTERNAL);
  assert_true(bnc_meter_set_now(set, best, &before));
  const uint64_t start = bnc_clock_ns();
  pause_ms(700);
  assert_true(bnc_meter_set_now(set, best, &after));
  const double truth = 20 * bnc_clock_seconds(start, bnc_clock_ns());
  if (!(fabs(after - before - truth) < 0.05 * truth)) fail_msg("%.3f J counted, %.3f J used", after - before, truth);
  bnc_meter_set_close(set);
}

static void no_readings(void **state) {
  (void)state;
  bnc_meter_command *m;
  bnc_error err = {0};
  assert_int_equal(bnc_meter_command_start(&m, "exit 3", &err), BNC_ERROR_IO);
  assert_non_null(strstr(err.text, "ended without a reading"));
  assert_int_equal(bnc_meter_command_start(&m, "echo hello; echo you; sleep 0.1", &err), BNC_ERROR_IO);
  assert_non_null(strstr(err.text, "found 'you'"));
  const uint64_t start = bnc_clock_ns();
  assert_int_equal(bnc_meter_command_start(&m, "sleep 60", &err), BNC_ERROR_IO);
  assert_non_null(strstr(err.text, "within 5 seconds"));
  assert_true(bnc_clock_seconds(start, bnc_clock_ns()) < 30);
  assert_null(m);
}

static void ends_in_the_middle(void **state) {
  (void)state;
  bnc_meter_command *m;
  bnc_meter_command_state s;
  double joules;
  assert_int_equal(bnc_meter_command_start(&m, "echo 5; sleep 0.3; echo 5", NULL), BNC_OK);
  assert_true(bnc_meter_command_joules(m, &joules));
  pause_ms(1500);
  assert_false(bnc_meter_command_joules(m, &joules));
  bnc_meter_command_state_get(m, &s);
  assert_true(s.ended && s.readings == 2);
  bnc_meter_command_stop(m);
}

/* A program that ignores SIGTERM, and one behind it in a pipe, are gone in the end. */
static void does_not_want_to_end(void **state) {
  (void)state;
  bnc_meter_command *m;
  int pid = 0;
  assert_int_equal(
      bnc_meter_command_start(&m, "trap '' TERM; sh -c 'echo $$ > meter.pid; while :; do echo 5; sleep 0.05; done' | cat", NULL), BNC_OK);
  FILE *f = fopen("meter.pid", "r");
  assert_non_null(f);
  assert_int_equal(fscanf(f, "%d", &pid), 1);
  fclose(f);
  assert_int_equal(kill(pid, 0), 0);
  const uint64_t start = bnc_clock_ns();
  bnc_meter_command_stop(m);
  assert_true(bnc_clock_seconds(start, bnc_clock_ns()) < 10);
  for (int i = 0; i < 200 && kill(pid, 0) == 0; i++) {
    char path[64], name[64] = "";
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    f = fopen(path, "r"); /* whoever reaps the orphan may take a while */
    const bool zombie = f && fscanf(f, "%*d (%60[^)]) Z", name) == 1 && fgets(path, sizeof path, f) && strstr(path, " Z ");
    if (f) fclose(f);
    if (zombie) break;
    usleep(10000);
    assert_true(i < 199);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(lines),       cmocka_unit_test(own_seconds),        cmocka_unit_test(in_a_set),
      cmocka_unit_test(no_readings), cmocka_unit_test(ends_in_the_middle), cmocka_unit_test(does_not_want_to_end),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
