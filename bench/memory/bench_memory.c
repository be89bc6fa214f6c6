/* SPDX-License-Identifier: Apache-2.0 */
/* What it costs that vision's weights leave memory behind a picture, and what it brings: pictures by turns with and without that.
 *
 *   bench_memory MODEL THREADS REPEATS   CSV: seconds of the picture that follows (median), resident megabytes behind it */
#include <binocle/binocle.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "platforms/base/clock.h"
#include "runtime/api/session_private.h"

#include "bench/timing.h"

enum { MOST_REPEATS = 100 };

static void fail(const char *why) {
  fprintf(stderr, "bench_memory: %s\n", why);
  exit(1);
}

static double resident_mb(void) {
  unsigned long size = 0, resident = 0;
  FILE *f = fopen("/proc/self/statm", "r");
  if (!f || fscanf(f, "%lu %lu", &size, &resident) != 2) fail("/proc/self/statm cannot be read");
  fclose(f);
  return (double)resident * (double)sysconf(_SC_PAGESIZE) * 1e-6;
}

/* Whatever the input is: the work is the same. */
static double look(bnc_session *s) {
  bnc_error err;
  const uint64_t start = bnc_clock_ns();
  if (bnc_executor_run(s->executor, BNC_PROGRAM_VISION, 0, 0, NULL, &err) != BNC_OK) fail(err.text);
  return (double)(bnc_clock_ns() - start) * 1e-9;
}

int main(int argc, char **argv) {
  static const char *const names[2] = {"stay", "leave"};
  double seconds[2][MOST_REPEATS], resident[2] = {0, 0};
  bnc_context_settings settings;
  bnc_context *context;
  bnc_model *model;
  bnc_session *session = NULL;
  if (argc != 4) fail("usage: bench_memory MODEL THREADS REPEATS");
  const int repeats = atoi(argv[3]);
  if (repeats < 1 || repeats > MOST_REPEATS) fail("REPEATS is 1 to 100");
  bnc_context_settings_init(&settings);
  settings.threads = (unsigned)atoi(argv[2]);
  if (bnc_context_create(&settings, &context) != BNC_OK) fail("no context");
  if (bnc_model_open(context, argv[1], &model) != BNC_OK || bnc_session_create(model, &session) != BNC_OK) fail(bnc_context_error(context));
  look(session);
  for (int i = 0; i < repeats; i++)
    for (int leave = 0; leave < 2; leave++) {
      /* What the picture before left behind is what this one finds. */
      if (leave) bnc_executor_leave(session->executor, BNC_PROGRAM_VISION);
      seconds[leave][i] = look(session);
      if (leave) bnc_executor_leave(session->executor, BNC_PROGRAM_VISION);
      resident[leave] = resident_mb();
      if (leave) look(session);
    }
  printf("model,threads,weights,picture_s,resident_mb\n");
  for (int leave = 0; leave < 2; leave++) {
    const char *slash = strrchr(argv[1], '/');
    qsort(seconds[leave], (size_t)repeats, sizeof(double), bench_ascending);
    printf("%s,%u,%s,%.4g,%.1f\n", slash ? slash + 1 : argv[1], settings.threads, names[leave], seconds[leave][repeats / 2],
           resident[leave]);
  }
  bnc_session_destroy(session);
  bnc_model_close(model);
  bnc_context_destroy(context);
  return 0;
}
