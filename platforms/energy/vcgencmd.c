/* SPDX-License-Identifier: Apache-2.0 */
#include "platforms/energy/vcgencmd.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "platforms/base/clock.h"
#include "platforms/base/number.h"

#define PROGRAM "vcgencmd"
#define TIMEOUT_MS 2000
#define MAX_RAILS 32

extern char **environ;

bool bnc_vcgencmd_present(void) {
  const char *path = getenv("PATH");
  char name[512];
  while (path && *path) {
    size_t n = strcspn(path, ":");
    if (n > 0 && n + sizeof "/" PROGRAM <= sizeof name) {
      snprintf(name, sizeof name, "%.*s/" PROGRAM, (int)n, path);
      if (access(name, X_OK) == 0) return true;
    }
    path += n + (path[n] == ':');
  }
  return false;
}

static size_t read_until(int fd, char *output, size_t size) {
  uint64_t begin = bnc_clock_ns();
  size_t have = 0;
  while (have + 1 < size) {
    uint64_t passed = (bnc_clock_ns() - begin) / 1000000u;
    struct pollfd p = {.fd = fd, .events = POLLIN};
    if (passed >= TIMEOUT_MS) return 0;
    int ready = poll(&p, 1, (int)(TIMEOUT_MS - passed));
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) return 0;
    ssize_t n = read(fd, output + have, size - 1 - have);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    have += (size_t)n;
  }
  return have;
}

bool bnc_vcgencmd_run(const char *argument, char *output, size_t size) {
  static const char program[] = PROGRAM;
  int ends[2], status = -1;
  pid_t child;
  char name[sizeof program], arg[64];
  posix_spawn_file_actions_t actions;
  output[0] = 0;
  memcpy(name, program, sizeof program);
  snprintf(arg, sizeof arg, "%s", argument);
  char *const argv[] = {name, arg, NULL};
  if (!bnc_vcgencmd_present() || pipe2(ends, O_CLOEXEC) < 0) return false;
  bool ok = posix_spawn_file_actions_init(&actions) == 0;
  if (ok) {
    ok = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0) == 0 &&
         posix_spawn_file_actions_adddup2(&actions, ends[1], 1) == 0 &&
         posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0) == 0 &&
         posix_spawnp(&child, name, &actions, NULL, argv, environ) == 0;
    posix_spawn_file_actions_destroy(&actions);
  }
  close(ends[1]);
  size_t have = ok ? read_until(ends[0], output, size) : 0;
  close(ends[0]);
  output[have] = 0;
  if (!ok) return false;
  if (have == 0) kill(child, SIGKILL); /* silent for too long, or done already */
  pid_t waited;
  do waited = waitpid(child, &status, 0);
  while (waited < 0 && errno == EINTR);
  /* A program that ignores SIGCHLD cannot ask for the exit status; the text then has to do. */
  return have > 0 && (waited < 0 || (WIFEXITED(status) && WEXITSTATUS(status) == 0));
}

typedef struct rail {
  char name[32];
  double volts, amps;
  bool has_volts, has_amps;
} rail;

static rail *find_rail(rail *rails, size_t *count, const char *name, size_t length) {
  for (size_t i = 0; i < *count; i++)
    if (strlen(rails[i].name) == length && memcmp(rails[i].name, name, length) == 0) return &rails[i];
  if (*count == MAX_RAILS) return NULL;
  rail *r = &rails[(*count)++];
  *r = (rail){0};
  memcpy(r->name, name, length);
  return r;
}

/* "  3V7_WL_SW_A current(0)=0.00390372A" */
static void parse_rail(const char *line, size_t length, rail *rails, size_t *count) {
  char text[128];
  double value;
  if (length >= sizeof text) return;
  memcpy(text, line, length);
  text[length] = 0;
  const char *name = text + strspn(text, " \t"), *equals = strchr(name, '=');
  size_t n = strcspn(name, " \t");
  if (!equals || n < 3 || n - 2 >= sizeof rails[0].name || name[n - 2] != '_') return;
  const char *end = equals + 1;
  if (!bnc_number_decimal(&end, &value) || value > 1e4 || *end != name[n - 1]) return;
  rail *r = find_rail(rails, count, name, n - 2);
  if (!r) return;
  if (name[n - 1] == 'A') {
    r->amps = value;
    r->has_amps = true;
  } else if (name[n - 1] == 'V') {
    r->volts = value;
    r->has_volts = true;
  }
}

bool bnc_vcgencmd_parse_pmic(const char *output, double *watts) {
  rail rails[MAX_RAILS];
  size_t count = 0;
  double sum = 0;
  bool any = false;
  for (const char *line = output; *line;) {
    size_t length = strcspn(line, "\n");
    parse_rail(line, length, rails, &count);
    line += length + (line[length] == '\n');
  }
  for (size_t i = 0; i < count; i++) {
    if (!rails[i].has_volts || !rails[i].has_amps) continue;
    sum += rails[i].volts * rails[i].amps;
    any = true;
  }
  *watts = any ? 1.1451 * sum + 0.5879 : 0;
  return any;
}

bool bnc_vcgencmd_parse_throttled(const char *output, uint32_t *bits) {
  static const char key[] = "throttled=";
  uint64_t v;
  *bits = 0;
  if (strncmp(output, key, sizeof key - 1) != 0) return false;
  const char *end = output + sizeof key - 1;
  if (!bnc_number_u64(&end, 16, &v) || (*end && *end != '\n') || v > UINT32_MAX) return false;
  *bits = (uint32_t)v;
  return true;
}
