/* SPDX-License-Identifier: Apache-2.0 */
/* Profiles through the public API: what is told of a session on two threads, with others' answers unchanged; and when two profiles differ.
 */
#include <binocle/binocle.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "platforms/base/clock.h"
#include "platforms/base/mem.h"
#include "runtime/api/session_private.h"
#include "runtime/exec/op_kernel.h"
#include "runtime/profile/profile_compare.h"
#include "runtime/profile/profile_sums.h"
#include "tests/api/session_case.h"
#include "tests/unit.h"

static void look_and_answer(bnc_session *session, answer *a) {
  must(session, bnc_session_add_image_file(session, PICTURE));
  must(session, bnc_session_ask(session, "What is this?"));
  *a = generate(session, 12);
}

static void forms_are_told_and_answers_stay(void **state) {
  bnc_context *context = context_of(2);
  bnc_model *model;
  bnc_session *session = session_of(context, "profiled.bnc", &model);
  bnc_profile_settings settings;
  answer plain, recorded, later;
  char *text;
  (void)state;
  look_and_answer(session, &plain);
  refuses(session, bnc_session_profile(session, BNC_PROFILE_TEXT, &text), BNC_ERROR_ARGUMENT, "nothing was profiled");
  bnc_profile_settings_init(&settings);
  settings.command = "a test";
  settings.watts = 2;
  settings.sample_ms = 1;
  bnc_session_reset(session);
  must(session, bnc_session_profile_begin(session, &settings));
  look_and_answer(session, &recorded);
  assert_memory_equal(plain.id, recorded.id, plain.count * sizeof *plain.id);
  for (bnc_profile_form form = BNC_PROFILE_TEXT; form <= BNC_PROFILE_CSV; form++) {
    must(session, bnc_session_profile(session, form, &text));
    assert_true(strlen(text) > 1000);
    bnc_string_free(text);
  }
  refuses(session, bnc_session_profile(session, (bnc_profile_form)(BNC_PROFILE_CSV + 1), &text), BNC_ERROR_ARGUMENT, "a form");
  /* It has ended: what comes later is not in it. */
  const size_t events = session->profile->count;
  bnc_session_reset(session);
  look_and_answer(session, &later);
  assert_int_equal(events, session->profile->count);
  settings.size = 0;
  refuses(session, bnc_session_profile_begin(session, &settings), BNC_ERROR_ARGUMENT, "no size");
  bnc_session_destroy(session);
  bnc_model_close(model);
  bnc_context_destroy(context);
}

/* What is summed is what was recorded; helpers' work lies within ops; CPU time is shared among ops and no more than there was. */
static void sums_are_the_record(void **state) {
  bnc_context *context = context_of(2);
  bnc_model *model;
  bnc_session *session = session_of(context, "profiled.bnc", &model);
  answer a;
  char *text;
  (void)state;
  must(session, bnc_session_profile_begin(session, NULL));
  look_and_answer(session, &a);
  must(session, bnc_session_profile(session, BNC_PROFILE_TEXT, &text));
  bnc_string_free(text);
  const bnc_profile *p = session->profile;
  uint64_t cpu = 0, ns = 0, summed = 0, summed_cpu = 0;
  for (size_t i = 0; i < p->count; i++) {
    const bnc_profile_phase *phase = &p->phase[p->event[i].phase];
    assert_true(p->event[i].start >= phase->start && p->event[i].start + p->event[i].duration <= phase->start + phase->duration);
    cpu += p->event[i].cpu;
    ns += p->event[i].duration;
  }
  assert_true(cpu <= p->end_cpu - p->begin_cpu);
  assert_true(p->readings > 3); /* some milliseconds, and one each 0.2 */
  for (size_t w = 0; w < p->workers; w++)
    for (size_t i = 0; i < p->worker[w].count; i++) {
      const bnc_profile_slice *s = &p->worker[w].slice[i];
      if (s->event >= p->count || s->start < p->event[s->event].start) continue; /* resampling has no op */
      assert_true(s->start + s->duration <= p->event[s->event].start + p->event[s->event].duration);
    }
  bnc_profile_sum *ops;
  size_t count;
  assert_int_equal(bnc_profile_sum_ops(p, &ops, &count, &session->error), BNC_OK);
  for (size_t i = 0; i < count; i++) {
    summed += ops[i].nanoseconds;
    summed_cpu += ops[i].cpu;
    const bnc_op_kernel kernel = bnc_executor_op_kernel(session->executor, (bnc_program_id)ops[i].program, ops[i].op);
    bnc_cpu_level level;
    assert_non_null(kernel.name);
    assert_true(strcmp(kernel.level, "xnnpack") == 0 || bnc_cpu_level_from_name(kernel.level, &level));
    assert_true(ops[i].bytes > 0 && ops[i].bound > 0);
  }
  assert_int_equal(ns, summed);
  assert_int_equal(cpu, summed_cpu);
  bnc_mem_free(ops);
  bnc_session_destroy(session);
  bnc_model_close(model);
  bnc_context_destroy(context);
}

static void sleep_on(void *context, size_t thread, size_t from, size_t to) {
  (void)context;
  (void)thread;
  nanosleep(&(struct timespec){0, (long)(to - from) * 1000000}, NULL);
}

/* What helpers do belongs to the op that comes next. */
static void slices_know_their_op(void **state) {
  bnc_context *context = context_of(2);
  bnc_model *model;
  bnc_session *session = session_of(context, "profiled.bnc", &model);
  (void)state;
  must(session, bnc_session_profile_begin(session, NULL));
  bnc_profile *p = session->profile;
  assert_int_equal(bnc_profile_begin_run(p, BNC_PROGRAM_DECODE, 1, 0, NULL), BNC_OK);
  p->laps.done = 3;
  const uint64_t start = bnc_clock_ns();
  while (p->worker[0].count == 0 && bnc_clock_seconds(start, bnc_clock_ns()) < 30)
    bnc_pool_run_threads(session->pool, sleep_on, NULL, 8, 1);
  assert_true(p->worker[0].count > 0);
  assert_int_equal(p->worker[0].slice[0].event, p->count + 3);
  assert_true(p->worker[0].slice[0].start >= p->phase[p->phases].start && p->worker[0].slice[0].duration >= 1000000);
  p->laps.done = 0;
  bnc_profile_end_run(p);
  bnc_session_destroy(session);
  bnc_model_close(model);
  bnc_context_destroy(context);
}

static bnc_saved_runs runs(size_t calls, double p25, double median, double p75) {
  return (bnc_saved_runs){.program = "decode", .name = "x", .kind = "linear", .calls = calls, .quartile = {p25, median, p75}};
}

static bnc_verdict verdict(bnc_saved_runs a, bnc_saved_runs b, double least) { return bnc_difference_of(&a, &b, least).verdict; }

static void noise_is_no_difference(void **state) {
  (void)state;
  /* Steady runs: 5 % is a difference, 2 % is not believed. */
  assert_int_equal(verdict(runs(100, 990, 1000, 1010), runs(100, 1040, 1050, 1060), 0.03), BNC_SLOWER);
  assert_int_equal(verdict(runs(100, 1040, 1050, 1060), runs(100, 990, 1000, 1010), 0.03), BNC_FASTER);
  assert_int_equal(verdict(runs(100, 990, 1000, 1010), runs(100, 1010, 1020, 1030), 0.03), BNC_SAME);
  /* Where runs spread by a quarter, nine of them say nothing about 20 %, and nine hundred do. */
  assert_int_equal(verdict(runs(9, 850, 1000, 1150), runs(9, 1050, 1200, 1350), 0.03), BNC_SAME);
  assert_int_equal(verdict(runs(900, 850, 1000, 1150), runs(900, 1050, 1200, 1350), 0.03), BNC_SLOWER);
  assert_int_equal(verdict(runs(4, 1000, 1000, 1000), runs(900, 2000, 2000, 2000), 0.03), BNC_TOO_FEW);
  /* Of the formula: 4 * 1.2533 * 300 / 1.349 / 3 * sqrt(2). */
  const bnc_saved_runs a = runs(9, 850, 1000, 1150);
  assert_true(fabs(bnc_difference_of(&a, &a, 0).noise - 525.5) < 0.5);
}

/* As a busy machine measured them. */
static void inner_levels_are_no_slower(void **state) {
  double rate[BNC_ROOFS] = {[BNC_ROOF_F32] = 1, [BNC_ROOF_INT8] = 2, [BNC_ROOF_MEMORY] = 4.65, [BNC_ROOF_L3] = 3.6, [BNC_ROOF_L2] = 98};
  (void)state;
  bnc_profile_roofs_order(rate);
  assert_true(rate[BNC_ROOF_F32] == 1 && rate[BNC_ROOF_INT8] == 2 && rate[BNC_ROOF_MEMORY] == 4.65);
  assert_true(rate[BNC_ROOF_L3] == 4.65 && rate[BNC_ROOF_L2] == 98);
  rate[BNC_ROOF_L3] = 0; /* a machine without one */
  rate[BNC_ROOF_L2] = 2;
  bnc_profile_roofs_order(rate);
  assert_true(rate[BNC_ROOF_L3] == 0 && rate[BNC_ROOF_L2] == 4.65);
}

/* A third of the bytes comes from slow memory: that is what the time goes to, though most lie in L2. */
static void the_roof_is_where_the_time_goes(void **state) {
  const bnc_profile_roofs r = {
      .before = {[BNC_ROOF_F32] = 100, [BNC_ROOF_MEMORY] = 5, [BNC_ROOF_L2] = 100}, .l2_bytes = 4000, .measured = true};
  const bnc_op_cost cost = {.macs = 1, .bytes = 3000, .stored = 1000};
  bnc_roof roof;
  (void)state;
  assert_true(fabs(bnc_profile_roofs_bound(&r, &cost, BNC_ROOF_F32, 1 << 20, &roof) - 220) < 1e-9);
  assert_int_equal(roof, BNC_ROOF_MEMORY);
}

/* bf16 has its own, which may be above f32's or below. */
static void each_way_to_compute_has_its_roof(void **state) {
  const bnc_profile_roofs r = {.after = {[BNC_ROOF_F32] = 100, [BNC_ROOF_INT8] = 400, [BNC_ROOF_BF16] = 200}, .measured = true};
  const bnc_op_cost cost = {.macs = 1000};
  (void)state;
  for (bnc_roof compute = BNC_ROOF_F32; compute < BNC_ROOF_MEMORY; compute++) {
    bnc_roof roof;
    assert_true(fabs(bnc_profile_roofs_bound(&r, &cost, compute, 0, &roof) - 2000 / r.after[compute]) < 1e-9);
    assert_int_equal(roof, compute);
    assert_string_equal(bnc_roof_unit(roof), "GOP/s");
  }
  assert_string_equal(bnc_roof_name(BNC_ROOF_BF16), "bf16 compute");
  assert_string_equal(bnc_roof_unit(BNC_ROOF_MEMORY), "GB/s");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(forms_are_told_and_answers_stay),
      cmocka_unit_test(sums_are_the_record),
      cmocka_unit_test(slices_know_their_op),
      cmocka_unit_test(noise_is_no_difference),
      cmocka_unit_test(inner_levels_are_no_slower),
      cmocka_unit_test(the_roof_is_where_the_time_goes),
      cmocka_unit_test(each_way_to_compute_has_its_roof),
  };
  make_model("profiled.bnc", true, true, 0);
  return cmocka_run_group_tests(tests, NULL, NULL);
}
