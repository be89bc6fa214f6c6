/* SPDX-License-Identifier: Apache-2.0 */
/* What is typed: names that are nearly right, files in quotes, what a tab adds. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/program/nearest.h"
#include "runtime/program/path_argument.h"
#include "tests/unit.h"

static void distances(void **state) {
  static const struct {
    const char *a, *b;
    size_t distance;
  } cases[] = {
      {"", "", 0},         {"", "abc", 3},    {"run", "run", 0},
      {"rum", "run", 1},   {"rnu", "run", 1}, {"ru", "run", 1},
      {"runn", "run", 1},  {"RuN", "rUn", 0}, {"kitten", "sitting", 3},
      {"abcd", "badc", 2}, {"ca", "abc", 3},  {"abcdefghijklmnopqrstuvwxyzabcdefg", "a", SIZE_MAX},
  };
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    assert_int_equal(bnc_edit_distance(cases[i].a, cases[i].b), cases[i].distance);
    assert_int_equal(bnc_edit_distance(cases[i].b, cases[i].a), cases[i].distance);
  }
}

static void nearest(void **state) {
  static const char *const names[] = {"run", "chat", "compile", "bench", "temperature", "threads", "top-p", "top-k", "stop", "system"};
  static const struct {
    const char *typed, *name;
  } cases[] = {{"rum", "run"},     {"rnu", "run"},        {"chta", "chat"},        {"comp", "compile"},  {"temprature", "temperature"},
               {"tmep", NULL},     {"thread", "threads"}, {"top-q", "top-p"},      {"sotp", "stop"},     {"x", NULL},
               {"nonsense", NULL}, {"te", NULL},          {"temp", "temperature"}, {"sytsem", "system"}, {"", NULL}};
  char said[96];
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    bnc_nearest n = {.typed = cases[i].typed};
    for (size_t k = 0; k < sizeof names / sizeof *names; k++) bnc_nearest_offer(&n, names[k]);
    if (!cases[i].name) {
      if (n.name) fail_msg("'%s' is not near '%s'", cases[i].typed, n.name);
      assert_string_equal(bnc_nearest_say(&n, "--", said), "");
    } else {
      if (!n.name) fail_msg("'%s' is near nothing, expected '%s'", cases[i].typed, cases[i].name);
      assert_string_equal(n.name, cases[i].name);
    }
  }
  bnc_nearest n = {.typed = "thread"};
  bnc_nearest_offer(&n, "threads");
  assert_string_equal(bnc_nearest_say(&n, "--", said), "; did you mean '--threads'?");
}

static void touch(const char *name) {
  FILE *f = fopen(name, "w");
  assert_non_null(f);
  fclose(f);
}

static void arguments(void **state) {
  static const struct {
    const char *typed, *file;
  } cases[] = {
      {"a.png", "a.png"},
      {"'a b.png'", "a b.png"},
      {"\"a b.png\"", "a b.png"},
      {"a\\ b.png", "a b.png"},
      {"as it is.png", "as it is.png"},
      {"it's.png", "it's.png"},
      {"it\\'s.png", "it's.png"},
      {"\"it's\".png", "it's.png"},
      {"'a\\b'", "a\\b"},
      {"\"a\\\"b\"", "a\"b"},
      {"~/x.png", "/home of/x.png"},
      {"~", "/home of"},
      {"~other/x", "~other/x"},
      {"'~/x'", "~/x"},
      {"'open", "open"},
      {"end\\", "end\\"},
  };
  (void)state;
  touch("it's.png"); /* a file of exactly that name is meant */
  setenv("HOME", "/home of", 1);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char *file = bnc_path_argument(cases[i].typed);
    assert_non_null(file);
    assert_string_equal(file, cases[i].file);
    free(file);
  }
}

static void completions(void **state) {
  static const struct {
    const char *typed, *insert, *list;
  } cases[] = {
      {"tab/o", "ne\\ sign.png ", ""},
      {"tab/'o", "ne sign.png'", ""},
      {"\"tab/o", "ne sign.png\"", ""},
      {"tab/tw", "o.", ""},
      {"tab/two.", "", "two.jpg  two.webp"},
      {"tab/two.j", "pg ", ""},
      {"ta", "b/", ""},
      {"tab/.h", "idden ", ""},
      {"tab/x", "", ""},
      {"nowhere/x", "", ""},
      {"~/o", "ne\\ sign.png ", ""},
      {"tab/q", "\\\"uote ", ""},
      {"tab/one\\ s", "ign.png ", ""},
      {"tab/f", "older/", ""},
  };
  static const char *const names[] = {"/image", "/save", "/stats", NULL};
  bnc_completion c;
  (void)state;
  mkdir("tab", 0700);
  mkdir("tab/folder", 0700);
  touch("tab/one sign.png");
  touch("tab/two.jpg");
  touch("tab/two.webp");
  touch("tab/.hidden");
  touch("tab/q\"uote");
  char here[1024], home[1100];
  assert_non_null(getcwd(here, sizeof here));
  snprintf(home, sizeof home, "%s/tab", here);
  setenv("HOME", home, 1);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    bnc_path_complete(cases[i].typed, &c);
    if (strcmp(c.insert, cases[i].insert) != 0)
      fail_msg("'%s' completes with '%s', expected '%s'", cases[i].typed, c.insert, cases[i].insert);
    assert_int_equal(strlen(c.list), strlen(cases[i].list)); /* a folder has no order */
  }
  bnc_name_complete("/i", names, &c);
  assert_string_equal(c.insert, "mage ");
  bnc_name_complete("/s", names, &c);
  assert_string_equal(c.insert, "");
  assert_string_equal(c.list, "/save  /stats");
  bnc_name_complete("/x", names, &c);
  assert_true(!c.insert[0] && !c.list[0]);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(distances), cmocka_unit_test(nearest), cmocka_unit_test(arguments),
                                     cmocka_unit_test(completions)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
