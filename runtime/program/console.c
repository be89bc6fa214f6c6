/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/program/console.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int output_error;                  /* errno of the first write that failed */
static volatile sig_atomic_t interrupted; /* the signal, or 0 */
static int wake[2] = {-1, -1};            /* a pipe that the handler writes to: a signal that comes just before a wait ends it too */

/* A parent that works asynchronously (Node, Bun) may share its non-blocking pipes with us; whether they block is theirs to say, so we wait.
 * False: the error is another, or an interrupt came. */
static bool wait_for(int fd, short events) {
  struct pollfd one = {.fd = fd, .events = events};
  if (errno == EINTR) return !interrupted || fd != STDIN_FILENO;
  if (errno != EAGAIN && errno != EWOULDBLOCK) return false;
  return poll(&one, 1, -1) >= 0 || (errno == EINTR && !interrupted);
}

bool bnc_console_write_to(int fd, const char *data, size_t size) {
  while (size > 0) {
    const ssize_t n = write(fd, data, size);
    if (n < 0 && wait_for(fd, POLLOUT)) continue;
    if (n < 0) return false;
    data += n;
    size -= (size_t)n;
  }
  return true;
}

static ssize_t on_read(void *cookie, char *data, size_t size) {
  ssize_t n;
  (void)cookie;
  do n = read(STDIN_FILENO, data, size);
  while (n < 0 && wait_for(STDIN_FILENO, POLLIN));
  return n;
}

static ssize_t on_write(void *cookie, const char *data, size_t size) {
  return bnc_console_write_to(*(const int *)cookie, data, size) ? (ssize_t)size : 0; /* 0 is how such a stream says failure */
}

/* stdio loses text where a write fails with EAGAIN; ours waits beneath it. */
static void wrap_streams(void) {
  static int descriptors[] = {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO};
  FILE *in = fopencookie(NULL, "r", (cookie_io_functions_t){.read = on_read});
  FILE *out = fopencookie(&descriptors[1], "w", (cookie_io_functions_t){.write = on_write});
  FILE *errors = fopencookie(&descriptors[2], "w", (cookie_io_functions_t){.write = on_write});
  if (in) stdin = in;
  if (out) stdout = out;
  if (errors) stderr = errors;
  setvbuf(stdout, NULL, isatty(STDOUT_FILENO) ? _IOLBF : _IOFBF, BUFSIZ);
  setvbuf(stderr, NULL, _IONBF, 0);
}

size_t bnc_console_mark(const char *text, size_t length) { return length >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0; }

void bnc_console_init(void) {
  /* Opened the wrong way round: writing to a closed standard output, or reading from a closed standard input, stays an error. */
  for (int fd = 0; fd <= 2; fd++)
    if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd == 1 ? O_RDONLY : O_WRONLY) != fd) _exit(BNC_EXIT_FAILED);
  signal(SIGPIPE, SIG_IGN);
  wrap_streams();
}

void bnc_console_error(const char *format, ...) {
  char text[2048];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  for (char *c = text; *c; c++)
    if ((unsigned char)*c < ' ' || *c == 127) *c = '?';
  fprintf(stderr, "binocle: %s\n", text);
}

void bnc_console_write(const char *text, size_t length) {
  if (output_error == 0 && length && fwrite(text, 1, length, stdout) != length) output_error = errno ? errno : EIO;
}

void bnc_console_text(const char *text) {
  const size_t length = strlen(text);
  bnc_console_write(text, length);
  if (length == 0 || text[length - 1] != '\n') bnc_console_write("\n", 1);
}

void bnc_console_print_list(const char *format, va_list args) {
  if (output_error == 0 && vfprintf(stdout, format, args) < 0) output_error = errno ? errno : EIO;
}

void bnc_console_print(const char *format, ...) {
  va_list args;
  va_start(args, format);
  bnc_console_print_list(format, args);
  va_end(args);
}

bool bnc_console_flush(void) {
  if (output_error == 0 && fflush(stdout) != 0) output_error = errno ? errno : EIO;
  return output_error == 0;
}

int bnc_console_finish(int code) {
  if (bnc_console_flush()) return code;
  if (output_error != EPIPE) bnc_console_error("cannot write to standard output: %s", strerror(output_error));
  return BNC_EXIT_FAILED;
}

static void on_interrupt(int number) {
  const int error = errno;
  interrupted = number;
  if (write(wake[1], "", 1) < 0) errno = error;
}

void bnc_interrupt_arm(void) {
  static const int signals[] = {SIGINT, SIGTERM};
  char drained[16];
  if (wake[0] < 0 && pipe(wake) == 0)
    for (int i = 0; i < 2; i++) {
      fcntl(wake[i], F_SETFD, FD_CLOEXEC);
      fcntl(wake[i], F_SETFL, O_NONBLOCK);
    }
  interrupted = 0;
  while (wake[0] >= 0 && read(wake[0], drained, sizeof drained) > 0) continue;
  for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
    struct sigaction old;
    /* What a parent wants ignored (a job in the background) stays ignored. */
    if (sigaction(signals[i], NULL, &old) != 0 || old.sa_handler == SIG_IGN) continue;
    /* No SA_RESTART: a read from the keyboard ends too. */
    struct sigaction action = {.sa_handler = on_interrupt, .sa_flags = (int)SA_RESETHAND};
    sigemptyset(&action.sa_mask);
    sigaction(signals[i], &action, NULL);
  }
}

bool bnc_interrupt_or_input(void) {
  struct pollfd wait[] = {{.fd = STDIN_FILENO, .events = POLLIN}, {.fd = wake[0], .events = POLLIN}};
  while (!interrupted && poll(wait, 2, -1) < 0 && errno == EINTR) continue;
  return !interrupted;
}

bool bnc_interrupted(void) { return interrupted != 0; }
bool bnc_interrupted_by_key(void) { return interrupted == SIGINT; }
