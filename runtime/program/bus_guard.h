/* SPDX-License-Identifier: Apache-2.0 */
/** @file bus_guard.h  Models and checkpoints are mapped. Where somebody cuts such a file meanwhile, or its disk fails, reading it is a
   SIGBUS: the program ends with a line that says so, not with a crash. (A library must not do that: handlers belong to the process.) */
#ifndef BINOCLE_RUNTIME_PROGRAM_BUS_GUARD_H
#define BINOCLE_RUNTIME_PROGRAM_BUS_GUARD_H

/** From here on such a signal ends the program with BNC_EXIT_FAILED and a message that names `path`, the file that is about to be mapped;
 * NULL: none in particular. */
void bnc_bus_guard(const char *path);

#endif
