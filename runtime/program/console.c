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

static int output_error; /* errno of the first write that failed */
static volatile sig_atomic_t interrupted;
static int wake[2] = {-1, -1}; /* a pipe that the handler writes to: a signal that comes just before a wait ends it too */

void bnc_console_init(void) {
  /* Opened the wrong way round: writing to a closed standard output, or reading from a closed standard input, stays an error. */
  for (int fd = 0; fd <= 2; fd++)
    if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd == 1 ? O_RDONLY : O_WRONLY) != fd) _exit(BNC_EXIT_FAILED);
  signal(SIGPIPE, SIG_IGN);
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
  (void)number;
  interrupted = 1;
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
