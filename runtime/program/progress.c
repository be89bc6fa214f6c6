/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/program/progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define DRAW_SECONDS 0.1
#define ESTIMATE_AFTER 0.5 /* seconds: earlier estimates jump about */
#define BAR_CELLS 28

double bnc_seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

void bnc_progress_init(bnc_progress *progress, bool quiet) {
  const char *term = getenv("TERM");
  *progress = (bnc_progress){.on = !quiet && isatty(STDERR_FILENO) && term && strcmp(term, "dumb") != 0};
}

static int terminal_columns(void) {
  struct winsize size;
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col ? size.ws_col : 80;
}

static void append_time(char *line, size_t room, double seconds) {
  const size_t used = strlen(line);
  const long whole = seconds < 1e6 ? (long)(seconds + 0.5) : 1000000;
  if (whole < 60)
    snprintf(line + used, room - used, "  %ld s left", whole < 1 ? 1 : whole);
  else if (whole < 3600)
    snprintf(line + used, room - used, "  %ld min %ld s left", whole / 60, whole % 60);
  else
    snprintf(line + used, room - used, "  %ld h %ld min left", whole / 3600, whole / 60 % 60);
}

static void draw(bnc_progress *p, double fraction, double now) {
  const int columns = terminal_columns(), filled = (int)(fraction * BAR_CELLS);
  const double elapsed = now - p->stage_start;
  char bar[BAR_CELLS + 1], line[160];
  for (int i = 0; i < BAR_CELLS; i++) bar[i] = i < filled ? '=' : i == filled && fraction > 0 ? '>' : ' ';
  bar[BAR_CELLS] = '\0';
  if (columns >= 66)
    snprintf(line, sizeof line, "%-22s [%s] %3.0f %%", p->stage, bar, 100 * fraction);
  else
    snprintf(line, sizeof line, "%s %3.0f %%", p->stage, 100 * fraction);
  if (fraction > 0.01 && fraction < 1 && elapsed > ESTIMATE_AFTER) append_time(line, sizeof line, elapsed * (1 - fraction) / fraction);
  /* A line that wraps could not be taken away again. */
  if (columns < (int)sizeof line) line[columns > 1 ? columns - 1 : 0] = '\0';
  fprintf(stderr, "\r%s\033[K", line);
  fflush(stderr);
  p->shown = true;
  p->last_draw = now;
}

void bnc_progress_show(bnc_progress *progress, const char *stage, double fraction) {
  if (!progress->on) return;
  const double now = bnc_seconds();
  const bool begins = strncmp(progress->stage, stage, sizeof progress->stage - 1) != 0;
  fraction = fraction > 1 ? 1 : fraction > 0 ? fraction : 0;
  if (begins) {
    snprintf(progress->stage, sizeof progress->stage, "%s", stage);
    progress->stage_start = now;
  }
  if (fraction < progress->fraction) progress->stage_start = now; /* the same work once more: a second picture */
  progress->fraction = fraction;
  if (begins || now - progress->last_draw >= DRAW_SECONDS) draw(progress, fraction, now);
}

void bnc_progress_clear(bnc_progress *progress) {
  if (progress->shown) {
    fputs("\r\033[K", stderr);
    fflush(stderr);
  }
  progress->shown = false;
  progress->stage[0] = '\0';
}
