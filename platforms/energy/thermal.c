/* SPDX-License-Identifier: Apache-2.0 */
#include "platforms/energy/thermal.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "platforms/energy/vcgencmd.h"
#include "platforms/file/sysfs.h"

#define COOLING_MAX 128 /* phones have dozens */

size_t bnc_thermal_read(bnc_thermal_zone zones[BNC_THERMAL_MAX_ZONES]) {
  char names[BNC_THERMAL_MAX_ZONES][BNC_SYSFS_NAME];
  size_t listed = bnc_sysfs_list("/sys/class/thermal", "thermal_zone[0-9]*", names, BNC_THERMAL_MAX_ZONES), count = 0;
  for (size_t i = 0; i < listed; i++) {
    int64_t milli;
    if (bnc_sysfs_int(&milli, "/sys/class/thermal/%s/temp", names[i]) != BNC_SYSFS_OK) continue;
    if (milli < -100000 || milli > 250000) continue; /* drivers of absent sensors report nonsense such as -256000 */
    bnc_thermal_zone *z = &zones[count++];
    z->celsius = (double)milli / 1000;
    if (bnc_sysfs_string(z->type, sizeof z->type, "/sys/class/thermal/%s/type", names[i]) == BNC_SYSFS_OK) continue;
    snprintf(z->type, sizeof z->type, "%s", names[i]);
  }
  return count;
}

static bool read_firmware(bnc_throttle *t) {
  char output[64];
  uint32_t bits;
  if (!bnc_vcgencmd_run("get_throttled", output, sizeof output) || !bnc_vcgencmd_parse_throttled(output, &bits)) return false;
  *t = (bnc_throttle){.source = "vcgencmd", .now = bits & 0xf, .since_boot = bits >> 16 & 0xf, .events = -1};
  return true;
}

/* "cpufreq-cpu0", before Linux 5.13 "thermal-cpufreq-0"; Jetsons have "cpu-throttle-alert" too, which is 1 while it slows them. */
static void read_cooling(bnc_throttle *t) {
  char names[COOLING_MAX][BNC_SYSFS_NAME], type[48];
  int64_t held;
  const size_t count = bnc_sysfs_list("/sys/class/thermal", "cooling_device[0-9]*", names, COOLING_MAX);
  for (size_t i = 0; i < count; i++) {
    bnc_sysfs_string(type, sizeof type, "/sys/class/thermal/%s/type", names[i]);
    const uint32_t bit = strstr(type, "cpufreq")              ? BNC_THROTTLE_FREQUENCY_CAPPED
                         : strstr(type, "cpu-throttle-alert") ? BNC_THROTTLE_THROTTLED
                                                              : 0;
    if (!bit || bnc_sysfs_int(&held, "/sys/class/thermal/%s/cur_state", names[i]) != BNC_SYSFS_OK) continue;
    t->source = "cooling devices";
    t->now_only = true;
    if (held > 0) t->now |= bit;
  }
}

/* A Jetson Orin's counters: oc1 under-voltage, oc2 and oc3 over-current on average and at once. */
static void read_over_current(bnc_throttle *t) {
  char names[64][BNC_SYSFS_NAME], text[32];
  const size_t count = bnc_sysfs_list("/sys/class/hwmon", "hwmon[0-9]*", names, 64);
  for (size_t i = 0; i < count; i++) {
    if (bnc_sysfs_string(text, sizeof text, "/sys/class/hwmon/%s/name", names[i]) != BNC_SYSFS_OK || strcmp(text, "soctherm_oc") != 0)
      continue;
    for (int alarm = 1; alarm <= 3; alarm++) {
      int64_t events;
      if (bnc_sysfs_int(&events, "/sys/class/hwmon/%s/oc%d_event_cnt", names[i], alarm) != BNC_SYSFS_OK) continue;
      if (!t->over_current) *t = (bnc_throttle){.source = "soctherm_oc", .now = t->now, .over_current = true};
      if (events > 0 && events < INT64_MAX / 128) t->events += events;
    }
  }
}

void bnc_throttle_read(bnc_throttle *t) {
  char names[64][BNC_SYSFS_NAME];
  *t = (bnc_throttle){.events = -1};
  if (read_firmware(t)) return;
  size_t cpus = bnc_sysfs_list("/sys/devices/system/cpu", "cpu[0-9]*", names, 64);
  for (size_t i = 0; i < cpus; i++) {
    int64_t events;
    if (bnc_sysfs_int(&events, "/sys/devices/system/cpu/%s/thermal_throttle/core_throttle_count", names[i]) != BNC_SYSFS_OK) continue;
    if (!t->source) *t = (bnc_throttle){.source = "thermal_throttle"};
    if (events > 0 && events < INT64_MAX / 128) t->events += events;
  }
  if (!t->source) {
    read_cooling(t);
    read_over_current(t);
  }
  if (t->events > 0) t->since_boot = BNC_THROTTLE_THROTTLED;
}

double bnc_thermal_hottest(void) {
  bnc_thermal_zone zones[BNC_THERMAL_MAX_ZONES];
  const size_t count = bnc_thermal_read(zones);
  double most = (double)NAN;
  for (size_t i = 0; i < count; i++)
    if (isnan(most) || zones[i].celsius > most) most = zones[i].celsius;
  return most;
}

const char *bnc_throttle_bit_name(unsigned i) {
  static const char *const names[] = {"under-voltage", "frequency capped", "throttled", "soft temperature limit"};
  return i < 4 ? names[i] : "unknown";
}

void bnc_frequency_read(unsigned cpu, bnc_frequency *f) {
  int64_t khz;
  f->mhz = 0;
  if (bnc_sysfs_int(&khz, "/sys/devices/system/cpu/cpu%u/cpufreq/scaling_cur_freq", cpu) == BNC_SYSFS_OK && khz > 0 && khz < 100000000)
    f->mhz = (unsigned)(khz / 1000);
  bnc_sysfs_string(f->governor, sizeof f->governor, "/sys/devices/system/cpu/cpu%u/cpufreq/scaling_governor", cpu);
  bnc_sysfs_string(f->driver, sizeof f->driver, "/sys/devices/system/cpu/cpu%u/cpufreq/scaling_driver", cpu);
}

uint32_t bnc_frequency_fastest(uint32_t *tell) {
  uint32_t most = 0;
  for (unsigned i = 0; i < BNC_FREQUENCY_CPUS; i++) {
    bnc_frequency f = {0};
    if (!(*tell & 1u << i)) continue;
    bnc_frequency_read(i, &f);
    if (f.mhz == 0) *tell &= ~(1u << i);
    if (f.mhz > most) most = f.mhz;
  }
  return most;
}

bool bnc_fan_seen(void) {
  char names[64][BNC_SYSFS_NAME], text[32], inputs[1][BNC_SYSFS_NAME], folder[BNC_SYSFS_PATH];
  size_t count = bnc_sysfs_list("/sys/class/thermal", "cooling_device[0-9]*", names, 64);
  for (size_t i = 0; i < count; i++)
    if (bnc_sysfs_string(text, sizeof text, "/sys/class/thermal/%s/type", names[i]) == BNC_SYSFS_OK && strstr(text, "fan")) return true;
  count = bnc_sysfs_list("/sys/class/hwmon", "hwmon[0-9]*", names, 64);
  for (size_t i = 0; i < count; i++) {
    snprintf(folder, sizeof folder, "/sys/class/hwmon/%s", names[i]);
    if (bnc_sysfs_list(folder, "fan[0-9]*_input", inputs, 1) > 0) return true;
  }
  return false;
}

bool bnc_under_voltage_seen(void) {
  char names[64][BNC_SYSFS_NAME], text[32];
  int64_t alarm;
  const size_t count = bnc_sysfs_list("/sys/class/hwmon", "hwmon[0-9]*", names, 64);
  for (size_t i = 0; i < count; i++)
    if (bnc_sysfs_string(text, sizeof text, "/sys/class/hwmon/%s/name", names[i]) == BNC_SYSFS_OK && strcmp(text, "rpi_volt") == 0 &&
        bnc_sysfs_int(&alarm, "/sys/class/hwmon/%s/in0_lcrit_alarm", names[i]) == BNC_SYSFS_OK && alarm > 0)
      return true;
  return false;
}
