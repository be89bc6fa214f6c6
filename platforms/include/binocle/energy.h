/* SPDX-License-Identifier: Apache-2.0 */
/** @file energy.h  What work costs: the energy that this machine's meter counts. */
#ifndef BINOCLE_ENERGY_H
#define BINOCLE_ENERGY_H

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

/** Which meter it is. */
typedef struct bnc_energy_info {
  size_t size;      /**< see binocle.h: set it before the call */
  char meter[96];   /**< "ina3221 total input", "rapl package" ...; "" without one */
  char kind[16];    /**< what it covers: "board", "battery", "package" or "sensor" */
  char reason[200]; /**< why there is none; "" where there is */
} bnc_energy_info;
/** Tells which meter runs, or why none does. Fails with BNC_ERROR_ARGUMENT alone. */
BNC_API bnc_status bnc_energy_get_info(const bnc_energy *energy, bnc_energy_info *info);

/** Joules since it was opened; take the difference of two readings. NaN: there is no meter, or it could not be read now. Some meters
   (vcgencmd) take milliseconds to read. */
BNC_API double bnc_energy_joules(bnc_energy *energy);

#ifdef __cplusplus
}
#endif
#endif
