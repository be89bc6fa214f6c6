/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/program/bus_guard.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "runtime/program/console.h"

/* Made beforehand: a handler may call next to nothing. */
static char message[1024];
static volatile sig_atomic_t length;

static void on_bus_error(int number, siginfo_t *info, void *context) {
  (void)context;
  if (info->si_code != BUS_ADRERR) {
    signal(number, SIG_DFL); /* a fault of the program or of memory: it comes again, and is told as what it is */
    return;
  }
  if (write(STDERR_FILENO, message, (size_t)length) < 0) _exit(BNC_EXIT_FAILED);
  _exit(BNC_EXIT_FAILED);
}

void bnc_bus_guard(const char *path) {
  struct sigaction action = {.sa_sigaction = on_bus_error, .sa_flags = SA_SIGINFO};
  char name[600] = "a file";
  if (path) snprintf(name, sizeof name, "%s", path);
  for (unsigned char *c = (unsigned char *)name; *c; c++)
    if (*c < 0x20 || *c == 0x7f) *c = '?';
  length = 0;
  snprintf(message, sizeof message, "binocle: %s was cut while it was read, or its disk cannot read it\n", name);
  length = (sig_atomic_t)strlen(message);
  sigemptyset(&action.sa_mask);
  sigaction(SIGBUS, &action, NULL);
}
