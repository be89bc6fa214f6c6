/* SPDX-License-Identifier: Apache-2.0 */
#include "platforms/machine/cgroup.h"

#include <stdio.h>
#include <string.h>

#include "platforms/file/sysfs.h"

static bool names(char *controllers, const char *controller) {
  char *state = NULL;
  for (char *word = strtok_r(controllers, ",", &state); word; word = strtok_r(NULL, ",", &state))
    if (strcmp(word, controller) == 0) return true;
  return false;
}

static void climb(const char *mount, char *path, bool v2, bnc_cgroup_visit visit, void *context) {
  for (;;) {
    char folder[BNC_SYSFS_PATH];
    int n = snprintf(folder, sizeof folder, "/sys/fs/cgroup%s%s%s", *mount ? "/" : "", mount, path);
    if (n > 0 && (size_t)n < sizeof folder) visit(context, folder, v2);
    char *slash = strrchr(path, '/');
    if (!slash) return;
    *slash = 0;
  }
}

void bnc_cgroup_climb(const char *controller, bnc_cgroup_visit visit, void *context) {
  bnc_sysfs_reader reader;
  char line[400];
  if (!bnc_sysfs_reader_open(&reader, "/proc/self/cgroup")) return;
  while (bnc_sysfs_reader_line(&reader, line, sizeof line)) { /* "4:cpu,cpuacct:/a/b", or "0::/a/b" for version 2 */
    char *controllers = strchr(line, ':'), *path = controllers ? strchr(controllers + 1, ':') : NULL;
    if (!path) continue;
    *path++ = 0;
    controllers++;
    if (strcmp(path, "/") == 0) *path = 0;
    if (*controllers == 0) {
      climb("", path, true, visit, context);
      continue;
    }
    /* A hierarchy is mounted under its controllers' names, and mostly under the one name too. */
    char mount[sizeof line], up[sizeof line];
    snprintf(mount, sizeof mount, "%s", controllers);
    snprintf(up, sizeof up, "%s", path);
    if (!names(controllers, controller)) continue;
    climb(mount, path, false, visit, context);
    if (strcmp(mount, controller) != 0) climb(controller, up, false, visit, context);
  }
  bnc_sysfs_reader_close(&reader);
}
