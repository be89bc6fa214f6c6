/* SPDX-License-Identifier: Apache-2.0 */
#include "platforms/energy/meter_command.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "platforms/base/clock.h"
#include "platforms/base/mem.h"
#include "platforms/base/number.h"
#include "platforms/energy/meter_source.h"

#define LINE_BYTES 128
#define FIRST_NS 5000000000u
#define SILENT_NS 3000000000u
#define LOOK_MS 100         /* how often the reader looks whether it is to end */
#define GRACE_NS 500000000u /* between asking the program to end and killing it */

extern char **environ;

struct bnc_meter_command {
  pid_t child;
  int fd;
  pthread_t reader;
  pthread_mutex_t mutex; /* for all below */
  bool running, stop;
  bnc_meter_command_state state;
  uint64_t lines;
  double joules, told; /* up to the last reading; the most that was told */
  double watts, seconds;
  uint64_t at, pause; /* arrival of the last reading; the longest time between two */
};

static const char *skip_blanks(const char *p) { return p + strspn(p, " \t\r"); }

/* A number that ends where a field may end. */
static bool field(const char **text, double *value) {
  const char *p = *text;
  if (!bnc_number_decimal(&p, value) || (*p && !strchr(" \t\r,;", *p))) return false;
  *text = skip_blanks(p);
  return true;
}

bool bnc_meter_line_parse(const char *line, double *seconds, double *watts) {
  const char *p = skip_blanks(line);
  double first;
  *seconds = (double)NAN;
  if (!field(&p, &first)) return false;
  *watts = first;
  if (*p) {
    if (*p == ',' || *p == ';') p = skip_blanks(p + 1);
    if (!field(&p, watts) || *p) return false;
    *seconds = first;
  }
  return *watts <= BNC_METER_MAX_WATTS;
}

static void malformed(bnc_meter_command *c, const char *line) {
  if (c->state.malformed++ > 0) return;
  snprintf(c->state.first_malformed, sizeof c->state.first_malformed, "%.40s", line);
  for (char *t = c->state.first_malformed; *t; t++)
    if ((unsigned char)*t < 0x20 || (unsigned char)*t >= 0x7F) *t = '?';
}

static void take_line(bnc_meter_command *c, const char *line) {
  double seconds, watts;
  const char *text = skip_blanks(line);
  if (!*text || *text == '#') return;
  const bool first = c->lines++ == 0;
  if (!bnc_meter_line_parse(text, &seconds, &watts)) {
    if (!first || (*text >= '0' && *text <= '9')) malformed(c, line);
    return;
  }
  const uint64_t now = bnc_clock_ns();
  if (c->state.readings > 0) {
    const bool told = !isnan(seconds) && !isnan(c->seconds);
    const double passed = told ? seconds - c->seconds : bnc_clock_seconds(c->at, now);
    if (passed < 0) {
      malformed(c, line);
      return;
    }
    c->joules += 0.5 * (c->watts + watts) * passed;
    if (now - c->at > c->pause) c->pause = now - c->at;
  }
  c->watts = watts;
  c->seconds = seconds;
  c->at = now;
  c->state.readings++;
}

typedef struct line_buffer {
  char text[LINE_BYTES];
  size_t used;
  bool too_long;
} line_buffer;

static void take_bytes(bnc_meter_command *c, line_buffer *b, const char *bytes, size_t count) {
  for (size_t i = 0; i < count; i++) {
    if (bytes[i] != '\n') {
      if (b->used + 1 < sizeof b->text)
        b->text[b->used++] = bytes[i] ? bytes[i] : '?';
      else
        b->too_long = true;
      continue;
    }
    b->text[b->used] = 0;
    if (b->too_long)
      malformed(c, b->text);
    else
      take_line(c, b->text);
    b->used = 0;
    b->too_long = false;
  }
}

static void *read_lines(void *context) {
  bnc_meter_command *c = context;
  line_buffer buffer = {.used = 0};
  char bytes[512];
  for (bool open = true; open;) {
    struct pollfd p = {.fd = c->fd, .events = POLLIN};
    const int ready = poll(&p, 1, LOOK_MS);
    const ssize_t n = ready > 0 ? read(c->fd, bytes, sizeof bytes) : -1;
    pthread_mutex_lock(&c->mutex);
    if (n > 0) take_bytes(c, &buffer, bytes, (size_t)n);
    if (ready > 0 && n <= 0 && errno != EINTR) c->state.ended = true;
    if (ready > 0 && n == 0) c->state.ended = true;
    open = !c->stop && !c->state.ended;
    pthread_mutex_unlock(&c->mutex);
  }
  return NULL;
}

static bool spawn(bnc_meter_command *c, const char *command) {
  char shell[] = "/bin/sh", flag[] = "-c";
  int ends[2];
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attr;
  sigset_t defaults;
  char *copy = bnc_mem_strndup(command, strlen(command));
  if (!copy) return false;
  char *const argv[] = {shell, flag, copy, NULL};
  bool ok = pipe2(ends, O_CLOEXEC) == 0;
  if (ok) {
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE);
    sigaddset(&defaults, SIGINT);
    sigaddset(&defaults, SIGTERM);
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attr);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setpgroup(&attr, 0);
    posix_spawnattr_setsigdefault(&attr, &defaults);
    ok = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0) == 0 &&
         posix_spawn_file_actions_adddup2(&actions, ends[1], 1) == 0 && posix_spawn(&c->child, shell, &actions, &attr, argv, environ) == 0;
    posix_spawnattr_destroy(&attr);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    if (ok)
      c->fd = ends[0];
    else
      close(ends[0]);
  }
  bnc_mem_free(copy);
  return ok;
}

static void nap(void) {
  const struct timespec ten_ms = {0, 10000000};
  nanosleep(&ten_ms, NULL);
}

static void end_child(bnc_meter_command *c) {
  const uint64_t start = bnc_clock_ns();
  kill(-c->child, SIGTERM);
  while (waitpid(c->child, NULL, WNOHANG) == 0 && bnc_clock_ns() - start < GRACE_NS) nap();
  kill(-c->child, SIGKILL); /* whoever of the group is left; the shell itself may be gone */
  while (waitpid(c->child, NULL, 0) < 0 && errno == EINTR) {
  }
}

void bnc_meter_command_stop(bnc_meter_command *c) {
  if (!c) return;
  if (c->running) {
    pthread_mutex_lock(&c->mutex);
    c->stop = true;
    pthread_mutex_unlock(&c->mutex);
    pthread_join(c->reader, NULL);
  }
  if (c->fd >= 0) {
    close(c->fd);
    end_child(c);
  }
  pthread_mutex_destroy(&c->mutex);
  bnc_mem_free(c);
}

static bnc_status await_first(bnc_meter_command *c, const char *command, bnc_error *err) {
  const uint64_t start = bnc_clock_ns();
  bnc_meter_command_state s;
  for (;;) {
    bnc_meter_command_state_get(c, &s);
    if (s.readings > 0) return BNC_OK;
    if (s.ended || bnc_clock_ns() - start > FIRST_NS) break;
    nap();
  }
  return bnc_fail(err, BNC_ERROR_IO, "meter command '%.80s': %s%s%s%s, expected lines of watts, or of seconds,watts", command,
                  s.ended ? "ended without a reading" : "gave no reading within 5 seconds", s.first_malformed[0] ? ", found '" : "",
                  s.first_malformed, s.first_malformed[0] ? "'" : "");
}

bnc_status bnc_meter_command_start(bnc_meter_command **meter, const char *command, bnc_error *err) {
  *meter = NULL;
  bnc_meter_command *c = bnc_mem_zalloc(sizeof *c);
  if (!c) return bnc_fail_memory(err, sizeof *c);
  c->fd = -1;
  pthread_mutex_init(&c->mutex, NULL);
  bnc_status s = spawn(c, command) ? BNC_OK : bnc_fail(err, BNC_ERROR_IO, "meter command '%.80s': cannot start a shell", command);
  if (s == BNC_OK) {
    c->running = pthread_create(&c->reader, NULL, read_lines, c) == 0;
    s = c->running ? await_first(c, command, err) : bnc_fail(err, BNC_ERROR_MEMORY, "cannot start the meter's thread");
  }
  if (s == BNC_OK)
    *meter = c;
  else
    bnc_meter_command_stop(c);
  return s;
}

bool bnc_meter_command_joules(bnc_meter_command *c, double *joules) {
  pthread_mutex_lock(&c->mutex);
  const uint64_t silent = bnc_clock_ns() - c->at, most = 4 * c->pause > SILENT_NS ? 4 * c->pause : SILENT_NS;
  const bool known = !c->state.ended && silent <= most;
  const double now = c->joules + c->watts * (double)silent * 1e-9;
  if (known && now > c->told) c->told = now;
  *joules = c->told;
  pthread_mutex_unlock(&c->mutex);
  return known;
}

void bnc_meter_command_state_get(bnc_meter_command *c, bnc_meter_command_state *state) {
  pthread_mutex_lock(&c->mutex);
  *state = c->state;
  pthread_mutex_unlock(&c->mutex);
}
