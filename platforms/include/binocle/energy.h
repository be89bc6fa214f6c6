/* SPDX-License-Identifier: Apache-2.0 */
/** @file energy.h  What work costs: the energy that this machine's meter counts. */
#ifndef BINOCLE_ENERGY_H
#define BINOCLE_ENERGY_H

#include <stdint.h>

#include <binocle/context.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A running meter. Meters that show power are read ten times a second and integrated, on a thread of their own. */
typedef struct bnc_energy bnc_energy;

/** Starts the meter that covers most of the machine. A machine without one is no error: its readings are NaN. */
BNC_API bnc_status bnc_energy_open(bnc_context *context, bnc_energy **energy);
/** NULL is allowed. */
BNC_API void bnc_energy_close(bnc_energy *energy);

/** How to measure. */
typedef struct bnc_energy_settings {
  size_t size;         /**< see binocle.h; set by bnc_energy_settings_init */
  const char *meter;   /**< name of a meter that bnc_devices lists, or its first words ("rapl"); "none": no meter; NULL: the one that covers
                          most of the machine */
  const char *command; /**< a program of yours, run by the shell, that writes a line per reading: WATTS or SECONDS,WATTS; it is ended with
                          the meter. NULL: none; then it is the meter */
  double idle_seconds; /**< > 0: for so long the machine's power is measured before the call returns, to be told as idle_watts */
} bnc_energy_settings;
/** Sets size, and everything else to its default. */
BNC_API void bnc_energy_settings_init(bnc_energy_settings *settings);

/** As bnc_energy_open, with settings (NULL: the defaults). BNC_ERROR_ARGUMENT where there is no such meter, BNC_ERROR_IO where the command
 * gives no reading, BNC_ERROR_CANCELLED by the context's progress callback. */
BNC_API bnc_status bnc_energy_open_with(bnc_context *context, const bnc_energy_settings *settings, bnc_energy **energy);

/** Which meter it is. */
typedef struct bnc_energy_info {
  size_t size;      /**< see binocle.h: set it before the call */
  char meter[96];   /**< "ina3221 total input", "rapl package" ...; "" without one */
  char kind[16];    /**< what it covers: "external", "board", "battery", "package" or "sensor" */
  char reason[200]; /**< why there is none; "" where there is */
} bnc_energy_info;
/** Tells which meter runs, or why none does. Fails with BNC_ERROR_ARGUMENT alone. */
BNC_API bnc_status bnc_energy_get_info(const bnc_energy *energy, bnc_energy_info *info);

/** Joules since it was opened; take the difference of two readings. NaN: there is no meter, or it could not be read now. Some meters
   (vcgencmd) take milliseconds to read. */
BNC_API double bnc_energy_joules(bnc_energy *energy);

/** How well it was measured so far. */
typedef struct bnc_energy_report {
  size_t size;             /**< see binocle.h: set it before the call */
  double idle_watts;       /**< the machine's power before the work; NaN: not measured */
  double idle_seconds;     /**< for how long that was measured */
  double meter_seconds;    /**< CPU time that reading the meter took, programs that it ran included */
  uint64_t readings;       /**< good ones */
  uint64_t lost;           /**< that failed, or told what cannot be */
  uint64_t malformed;      /**< lines of the command that are none */
  uint32_t gone;           /**< not 0: the last reading failed */
  char malformed_line[48]; /**< the first of them; "" */
} bnc_energy_report;
/** Fills in the report. Fails with BNC_ERROR_ARGUMENT alone. */
BNC_API bnc_status bnc_energy_get_report(bnc_energy *energy, bnc_energy_report *report);

#ifdef __cplusplus
}
#endif
#endif
