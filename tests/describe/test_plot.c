/* SPDX-License-Identifier: Apache-2.0 */
/* Pictures of values over time: where points lie, what text becomes, which steps axes take, and what is refused. */
#include <binocle/plot.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "platforms/base/mem.h"
#include "runtime/describe/svg.h"
#include "tests/unit.h"

static bnc_context *context;

static int make(void **state) {
  (void)state;
  return bnc_context_create(NULL, &context) != BNC_OK;
}

static int drop(void **state) {
  (void)state;
  bnc_context_destroy(context);
  return 0;
}

static size_t count(const char *text, const char *what) {
  size_t n = 0;
  for (const char *at = strstr(text, what); at; at = strstr(at + 1, what)) n++;
  return n;
}

static char *drawn(const bnc_plot_panel *panel, size_t panels, const char *title) {
  const char *note[] = {"a <note> & more", "\xff"};
  const bnc_plot plot = {sizeof plot, title, note, 2, panel, panels};
  char *svg = NULL;
  assert_int_equal(bnc_plot_svg(context, &plot, &svg), BNC_OK);
  return svg;
}

static void points_lie_where_they_should(void **state) {
  const double x[] = {0, 10, 20, 30, 40}, y[] = {0, 100, (double)NAN, 50, 25};
  const bnc_plot_line line = {"a line", x, y, 5};
  const bnc_plot_panel panel = {"quantity", NULL, &line, 1, 1};
  (void)state;
  char *svg = drawn(&panel, 1, "title"), *last = strrchr(svg, '<');
  /* Two pieces around the gap; 916 pixels are 40 seconds, 150 pixels 100. */
  assert_int_equal(count(svg, "<polyline "), 2);
  assert_non_null(strstr(svg, "points=\"64.00,260.00 293.00,110.00 \"/>"));
  assert_non_null(strstr(svg, "points=\"751.00,185.00 980.00,222.50 \"/>"));
  assert_int_equal(count(svg, "<circle "), 4);
  assert_string_equal(last, "</svg>\n");
  assert_non_null(strstr(svg, "a &#x3c;note&#x3e; &#x26; more"));
  assert_non_null(strstr(svg, "&#xfffd;"));
  bnc_string_free(svg);
}

static void nothing_known_is_said(void **state) {
  const double x[] = {0, 1}, y[] = {(double)NAN, (double)INFINITY};
  const bnc_plot_line line = {"a line", x, y, 2};
  const bnc_plot_panel panel[] = {{"one", "no meter", &line, 1, 0}, {"two", NULL, NULL, 0, 0}};
  (void)state;
  char *svg = drawn(panel, 2, "title");
  assert_int_equal(count(svg, "no meter"), 1);
  assert_int_equal(count(svg, "nothing was measured"), 1);
  assert_int_equal(count(svg, "<polyline "), 0);
  bnc_string_free(svg);
}

static void steps_are_round(void **state) {
  static const struct {
    double range, least, expected;
  } steps[] = {{100, 0.01, 20},    {5, 0.01, 1},    {5.1, 0.01, 2}, {0.3, 0.01, 0.1},
               {0.04, 0.01, 0.01}, {2e12, 1, 5e11}, {3, 1, 1},      {0, 0.01, 0.01}};
  (void)state;
  for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
    assert_true(fabs(bnc_svg_step(steps[i].range, 5, steps[i].least) / steps[i].expected - 1) < 1e-9);
}

static void numbers_have_their_steps_decimals(void **state) {
  static const struct {
    double value, step;
    const char *expected;
  } numbers[] = {{20, 10, "20"}, {-2, 1, "-2"}, {0.3, 0.1, "0.3"}, {1.25, 0.05, "1.25"}, {-0.001, 0.1, "0.0"}, {2.999999, 1, "3"}};
  (void)state;
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
    bnc_page page = {0};
    bnc_svg_number(&page, numbers[i].value, numbers[i].step);
    assert_string_equal(page.text, numbers[i].expected);
    bnc_mem_free(page.text);
  }
}

static void what_is_no_plot_is_refused(void **state) {
  const bnc_plot_panel panel = {"quantity", NULL, NULL, 0, 0}, many = {"quantity", NULL, NULL, 7, 0}, mute = {NULL, NULL, NULL, 0, 0};
  const bnc_plot plots[] = {{0, "t", NULL, 0, &panel, 1},
                            {sizeof *plots, NULL, NULL, 0, &panel, 1},
                            {sizeof *plots, "t", NULL, 0, &panel, 0},
                            {sizeof *plots, "t", NULL, 0, &many, 1},
                            {sizeof *plots, "t", NULL, 0, &mute, 1},
                            {sizeof *plots, "t", NULL, 17, &panel, 1}};
  char *svg;
  (void)state;
  for (size_t i = 0; i < sizeof plots / sizeof *plots; i++) {
    assert_int_equal(bnc_plot_svg(context, &plots[i], &svg), BNC_ERROR_ARGUMENT);
    assert_true(strlen(bnc_context_error(context)) > 10);
  }
  assert_int_equal(bnc_plot_svg(context, &plots[1], NULL), BNC_ERROR_ARGUMENT);
  assert_int_equal(bnc_plot_svg(NULL, &plots[1], &svg), BNC_ERROR_ARGUMENT);
  const bnc_plot good = {sizeof good, "t", NULL, 0, &panel, 1};
  bnc_mem_fail_after(0);
  assert_int_equal(bnc_plot_svg(context, &good, &svg), BNC_ERROR_MEMORY);
  bnc_mem_fail_after(-1);
  assert_null(svg);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(points_lie_where_they_should), cmocka_unit_test(nothing_known_is_said),
                                     cmocka_unit_test(steps_are_round), cmocka_unit_test(numbers_have_their_steps_decimals),
                                     cmocka_unit_test(what_is_no_plot_is_refused)};
  return cmocka_run_group_tests(tests, make, drop);
}
