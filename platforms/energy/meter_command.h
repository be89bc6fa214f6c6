/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file meter_command.h  A meter that a program of the user's reads, such as a USB power meter's: it writes a line per reading to its
 * standard output, `WATTS` or `SECONDS,WATTS` (a comma, a semicolon or blanks between them), of decimal numbers such as 4.25.
 *
 * SECONDS count from any moment and ascend; where they are given they say how long a power lasted, so that a pipe which holds lines back
 * does no harm; else the moment of a line's arrival counts. Blank lines, lines that begin with #, and a first line without a number in
 * front (a heading) are passed over; other lines are malformed: they are counted, and the first is kept to be shown.
 */
#ifndef BINOCLE_PLATFORMS_ENERGY_METER_COMMAND_H
#define BINOCLE_PLATFORMS_ENERGY_METER_COMMAND_H

#include <stdbool.h>
#include <stdint.h>

#include "platforms/base/error.h"

typedef struct bnc_meter_command bnc_meter_command;

/** One line's numbers; *seconds is NaN where only watts are there. false: malformed. */
bool bnc_meter_line_parse(const char *line, double *seconds, double *watts);

/**
 * Starts `command` in a shell, in a process group of its own and with standard input from /dev/null, and waits for its first reading: 5
 * seconds at most, then BNC_ERROR_IO says what came instead.
 */
bnc_status bnc_meter_command_start(bnc_meter_command **meter, const char *command, bnc_error *err);
/** Ends the whole group: asked first (SIGTERM), killed after half a second. NULL is allowed. */
void bnc_meter_command_stop(bnc_meter_command *meter);

/** Joules since the first reading. Between two readings the last power is taken to go on. false: the program has ended, or is silent for
 * so long (3 seconds, and four of its usual pauses) that nothing can be said. */
bool bnc_meter_command_joules(bnc_meter_command *meter, double *joules);

typedef struct bnc_meter_command_state {
  uint64_t readings, malformed;
  bool ended;
  char first_malformed[48]; /* printable; "" */
} bnc_meter_command_state;
void bnc_meter_command_state_get(bnc_meter_command *meter, bnc_meter_command_state *state);

#endif
