/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/program/command_line.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

void bnc_command_line(char *text, size_t size, const char *command, int argc, char **argv) {
  size_t used = (size_t)snprintf(text, size, "binocle %s", command);
  for (int i = 0; i < argc && used < size; i++) {
    const bool plain =
        argv[i][0] && strspn(argv[i], "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./=,:+") == strlen(argv[i]);
    used += (size_t)snprintf(text + used, size - used, plain ? " %s" : " '%s'", argv[i]);
  }
}
