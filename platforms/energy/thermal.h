/* SPDX-License-Identifier: Apache-2.0 */
/** @file thermal.h  How warm the machine is, whether it holds itself back, and how fast its cores run right now. */
#ifndef BINOCLE_PLATFORMS_ENERGY_THERMAL_H
#define BINOCLE_PLATFORMS_ENERGY_THERMAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BNC_THERMAL_MAX_ZONES 32

typedef struct bnc_thermal_zone {
  char type[48];
  double celsius;
} bnc_thermal_zone;

/** Zones that give a temperature now, in the system's order; the number of them. Sensors that are off are left out. */
size_t bnc_thermal_read(bnc_thermal_zone zones[BNC_THERMAL_MAX_ZONES]);
/** Of the hottest zone; NaN: none tells. */
double bnc_thermal_hottest(void);

/** Bits of bnc_throttle.now and .since_boot, as Raspberry Pi firmware numbers them. */
enum { BNC_THROTTLE_UNDER_VOLTAGE = 1, BNC_THROTTLE_FREQUENCY_CAPPED = 2, BNC_THROTTLE_THROTTLED = 4, BNC_THROTTLE_SOFT_LIMIT = 8 };

typedef struct bnc_throttle {
  const char *source;       /* "vcgencmd", "thermal_throttle", "cooling devices", "soctherm_oc"; NULL: this machine does not tell */
  uint32_t now, since_boot; /* bits; now stays 0 for thermal_throttle, which only counts */
  int64_t events;           /* times that some core was slowed since boot; -1: not told */
  bool over_current;        /* those were for what the supply gives (soctherm_oc), not for heat */
  bool now_only;            /* since_boot is not told */
} bnc_throttle;
/** From the first that tells: the firmware of Raspberry Pis; x86's counters; elsewhere what the kernel's cooling devices hold down now, and
 * how often a Jetson's alarms of over-current and under-voltage did. */
void bnc_throttle_read(bnc_throttle *throttle);
/** "under-voltage" and so on for bit i in 0..3. */
const char *bnc_throttle_bit_name(unsigned i);
/** What a report says where it did so meanwhile. */
#define BNC_THROTTLE_DOUBT "the machine held itself back: it told of throttling during the run"

typedef struct bnc_frequency {
  unsigned mhz;      /* current clock; 0: not known */
  char governor[32]; /* "schedutil"; "" : not known */
  char driver[32];   /* "cpufreq-dt"; "": not known */
} bnc_frequency;
/** Whether the kernel knows of a fan, turning or not. */
bool bnc_fan_seen(void);
/** Whether a Raspberry Pi's kernel says that the supply's voltage is too low now. */
bool bnc_under_voltage_seen(void);

/** Of one logical CPU. */
void bnc_frequency_read(unsigned cpu, bnc_frequency *frequency);
#define BNC_FREQUENCY_CPUS 8u
/** MHz of the fastest of the first BNC_FREQUENCY_CPUS CPUs, 0: not known. Asks those whose bit i is set in *tell, and clears the bits of
 * those that do not tell. */
uint32_t bnc_frequency_fastest(uint32_t *tell);

#endif
