/* SPDX-License-Identifier: Apache-2.0 */
/* Processes killed while they pack or compile leave nothing that loads wrongly. BINOCLE_KILLS says how often (default 40 each;
 * toolchains/check: 400 on the host). */
#include <stdint.h>

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "runtime/exec/packed_cache.h"
#include "runtime/model/weight_slabs.h"
#include "tests/model/tiny_model.h"
#include "tests/unit.h"

static float reference[TINY_VOCABULARY];
static uint64_t random_state = 88172645463325252u;

static uint64_t next_random(void) {
  random_state ^= random_state << 13;
  random_state ^= random_state >> 7;
  return random_state ^= random_state << 17;
}

static size_t kills(void) {
  const char *text = getenv("BINOCLE_KILLS");
  long n = text ? strtol(text, NULL, 10) : 0;
  return n > 0 ? (size_t)n : 40;
}

static uint64_t now_us(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000u;
}

/* Runs work in a child and kills it after `after` microseconds (0: lets it finish). Returns how long it ran; *finished: it was not killed.
 */
static uint64_t run_child(int (*work)(void), uint64_t after, bool *finished) {
  int status;
  uint64_t start = now_us();
  pid_t child = fork();
  assert_true(child >= 0);
  if (child == 0) _exit(work());
  if (after) {
    const struct timespec pause = {(time_t)(after / 1000000u), (long)(after % 1000000u) * 1000};
    nanosleep(&pause, NULL);
    kill(child, SIGKILL);
  }
  assert_int_equal(waitpid(child, &status, 0), child);
  *finished = WIFEXITED(status);
  if (*finished) assert_int_equal(WEXITSTATUS(status), 0);
  return now_us() - start;
}

static size_t left_overs(const char *folder) {
  size_t count = 0;
  DIR *d = opendir(folder);
  if (!d) return 0;
  for (struct dirent *e; (e = readdir(d)) != NULL;) count += strstr(e->d_name, ".partial") != NULL;
  closedir(d);
  return count;
}

static int pack_work(void) {
  bnc_error err;
  bnc_model_file file;
  bnc_context *context;
  bnc_packed_store *store;
  bnc_context_settings settings;
  bnc_context_settings_init(&settings);
  settings.cache_dir = "crash_cache";
  if (bnc_context_create(&settings, &context) != BNC_OK || bnc_model_file_open(&file, "crash.bnc", &err) != BNC_OK) return 1;
  return bnc_packed_acquire(&store, &file, NULL, context, &err) != BNC_OK;
}

static void test_killed_while_packing(void **s) {
  (void)s;
  bnc_error err;
  bnc_model_file file;
  bool finished;
  size_t killed = 0, whole = 0;
  char path[128], content[33];
  assert_int_equal(bnc_model_file_open(&file, "crash.bnc", &err), BNC_OK);
  const bnc_packed_identity id = bnc_weight_slabs_identity(&file);
  bnc_digest_text(&id.content, 16, content);
  snprintf(path, sizeof path, "crash_cache/%s-%016llx.bncpack", content, (unsigned long long)id.machine_id);
  uint64_t most = run_child(pack_work, 0, &finished);
  for (size_t i = 0; i < kills(); i++) {
    bnc_packed_store *store;
    unlink(path);
    run_child(pack_work, 1 + next_random() % most, &finished);
    killed += !finished;
    if (access(path, F_OK) != 0) continue;
    /* What appeared is whole. */
    whole++;
    assert_int_equal(bnc_packed_open(&store, path, &id, NULL, &err), BNC_OK);
    assert_int_equal(bnc_weight_slabs_pack(&file, store, NULL, &err), BNC_OK);
    bnc_packed_destroy(store);
  }
  bnc_model_file_close(&file);
  print_message("%zu of %zu processes killed while packing, %zu files appeared, %zu left unfinished\n", killed, kills(), whole,
                left_overs("crash_cache"));
  assert_true(killed > 0);
  float logits[TINY_VOCABULARY];
  assert_int_equal(tiny_logits("crash.bnc", "crash_cache", logits), BNC_OK);
  assert_memory_equal(logits, reference, sizeof reference);
}

static int compile_work(void) {
  return tiny_compile("tiny_checkpoint", "crash_out/killed.bnc", BNC_WEIGHTS_INT8, BNC_WEIGHTS_INT4, true) != BNC_OK;
}

static void test_killed_while_compiling(void **s) {
  (void)s;
  bool finished;
  size_t killed = 0, whole = 0;
  uint64_t most = run_child(compile_work, 0, &finished);
  for (size_t i = 0; i < kills(); i++) {
    bnc_error err;
    bnc_model_file file;
    unlink("crash_out/killed.bnc");
    run_child(compile_work, 1 + next_random() % most, &finished);
    killed += !finished;
    if (access("crash_out/killed.bnc", F_OK) != 0) continue;
    whole++;
    assert_int_equal(bnc_model_file_open(&file, "crash_out/killed.bnc", &err), BNC_OK);
    bnc_model_file_close(&file);
    float logits[TINY_VOCABULARY];
    assert_int_equal(tiny_logits("crash_out/killed.bnc", "", logits), BNC_OK);
    assert_memory_equal(logits, reference, sizeof reference);
  }
  print_message("%zu of %zu processes killed while compiling, %zu files appeared, %zu left unfinished\n", killed, kills(), whole,
                left_overs("crash_out"));
  assert_true(killed > 0);
}

static int setup(void **s) {
  (void)s;
  if (system("rm -rf crash_cache crash_out crash.bnc tiny_checkpoint && mkdir crash_out") != 0) return -1;
  tiny_model("crash.bnc", false);
  return tiny_logits("crash.bnc", "", reference) == BNC_OK ? 0 : -1;
}

int main(void) {
  setenv("BINOCLE_CPU", "scalar", 1); /* XNNPACK then multiplies int8 on every machine, packed */
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_killed_while_packing), cmocka_unit_test(test_killed_while_compiling)};
  return cmocka_run_group_tests(tests, setup, NULL);
}
