/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "platforms/energy/meter_source.h"
#include "platforms/energy/vcgencmd.h"

#define MAX_ENTRIES 32
#define FIRMWARE_EVERY 3 /* starting vcgencmd takes milliseconds */

typedef struct list {
  bnc_meter_source *sources;
  size_t count, max;
} list;

static bnc_meter_source *add(list *l, bnc_meter_kind kind, bnc_meter_method method, const char *name) {
  if (l->count == l->max) return NULL;
  bnc_meter_source *s = &l->sources[l->count++];
  memset(s, 0, sizeof *s);
  snprintf(s->info.name, sizeof s->info.name, "%s", name);
  s->info.kind = kind;
  s->info.available = method != BNC_METER_NONE;
  s->info.counter = method == BNC_METER_COUNTER_UJ;
  s->method = method;
  s->every = method == BNC_METER_PMIC ? FIRMWARE_EVERY : 1;
  return s;
}

static void unavailable(bnc_meter_source *s, const char *reason) {
  s->info.available = false;
  snprintf(s->info.reason, sizeof s->info.reason, "%s", reason);
}

static void absent(list *l, bnc_meter_kind kind, const char *name, const char *reason) {
  bnc_meter_source *s = add(l, kind, BNC_METER_NONE, name);
  if (s) unavailable(s, reason);
}

/* One more rail of s; false where it is full or the name is too long. */
__attribute__((format(printf, 2, 3))) static bool add_rail(bnc_meter_source *s, const char *format, ...) {
  if (s->rail_count == BNC_METER_MAX_RAILS) return false;
  bnc_meter_rail *r = &s->rails[s->rail_count];
  va_list args;
  va_start(args, format);
  int n = vsnprintf(r->first, sizeof r->first, format, args);
  va_end(args);
  if (n < 0 || (size_t)n >= sizeof r->first) return false;
  s->rail_count++;
  return true;
}

/* Names of rails that already hold all the others. */
static bool is_total(const char *label) { return strcmp(label, "VDD_IN") == 0 || strcmp(label, "POM_5V_IN") == 0; }

static void take_rail(bnc_meter_source *s, bool *total, const char *label, const char *folder, const char *first, const char *second) {
  if (*total) return;
  if (is_total(label)) {
    *total = true;
    s->rail_count = 0;
  }
  if (!add_rail(s, "%s/%s", folder, first)) return;
  bnc_meter_rail *r = &s->rails[s->rail_count - 1];
  snprintf(r->label, sizeof r->label, "%s", label);
  if (second) snprintf(r->second, sizeof r->second, "%s/%s", folder, second);
}

/* AGX Orin: the memory's rail is fed by the 5 V one, whose monitor sees it too. */
static void drop_nested(bnc_meter_source *s) {
  static const char outer[] = "VIN_SYS_5V0", inner[] = "VDDQ_VDD2_1V8AO";
  bool fed = false;
  size_t kept = 0;
  for (size_t i = 0; i < s->rail_count; i++) fed = fed || strcmp(s->rails[i].label, outer) == 0;
  for (size_t i = 0; i < s->rail_count; i++)
    if (!fed || strcmp(s->rails[i].label, inner) != 0) s->rails[kept++] = s->rails[i];
  s->rail_count = kept;
}

/* Of one chip; channel 7 is the sum of shunt voltages, no power. */
static void find_channels(bnc_meter_source *s, bool *total, const char *folder) {
  char label[48], first[32], second[32];
  for (int n = 1; n <= 6; n++) {
    int64_t unused;
    snprintf(first, sizeof first, "in%d_input", n);
    snprintf(second, sizeof second, "curr%d_input", n);
    if (bnc_sysfs_string(label, sizeof label, "%s/in%d_label", folder, n) != BNC_SYSFS_OK || strcmp(label, "NC") == 0) continue;
    if (bnc_sysfs_int(&unused, "%s/%s", folder, second) == BNC_SYSFS_ABSENT) continue;
    take_rail(s, total, label, folder, first, second);
  }
}

/* JetPack 5 and 6, below the driver. */
static void find_hwmon_rails(bnc_meter_source *s, bool *total, const char *chip) {
  char hwmon[4][BNC_SYSFS_NAME], folder[BNC_SYSFS_PATH / 2];
  snprintf(folder, sizeof folder, "%s/hwmon", chip);
  size_t count = bnc_sysfs_list(folder, "hwmon[0-9]*", hwmon, 4);
  for (size_t h = 0; h < count; h++) {
    snprintf(folder, sizeof folder, "%s/hwmon/%s", chip, hwmon[h]);
    find_channels(s, total, folder);
  }
}

/* JetPack 6 with the driver of the mainline kernel, whose folder may have another name: by the class of the chip. */
static void find_class_rails(bnc_meter_source *s, bool *total, const char *chip) {
  char name[32];
  if (bnc_sysfs_string(name, sizeof name, "%s/name", chip) == BNC_SYSFS_OK && strcmp(name, "ina3221") == 0) find_channels(s, total, chip);
}

/* JetPack 4. */
static void find_iio_rails(bnc_meter_source *s, bool *total, const char *chip) {
  char device[4][BNC_SYSFS_NAME], folder[BNC_SYSFS_PATH / 2], label[48], first[32];
  size_t count = bnc_sysfs_list(chip, "iio:device[0-9]*", device, 4);
  for (size_t d = 0; d < count; d++) {
    snprintf(folder, sizeof folder, "%s/%s", chip, device[d]);
    for (int n = 0; n < 3; n++) {
      int64_t unused;
      snprintf(first, sizeof first, "in_power%d_input", n);
      if (bnc_sysfs_int(&unused, "%s/%s", folder, first) == BNC_SYSFS_ABSENT) continue;
      if (bnc_sysfs_string(label, sizeof label, "%s/rail_name_%d", folder, n) == BNC_SYSFS_OK && strcmp(label, "NC") == 0) continue;
      take_rail(s, total, label, folder, first, NULL);
    }
  }
}

static void find_jetson(list *l) {
  static const struct {
    const char *folder, *chips;
    bnc_meter_method method;
    bool sure; /* such a folder is that of a power monitor */
    void (*rails)(bnc_meter_source *, bool *, const char *);
  } ways[] = {{"/sys/bus/i2c/drivers/ina3221", "[0-9]*-[0-9]*", BNC_METER_MILLIVOLT_MA, true, find_hwmon_rails},
              {"/sys/bus/i2c/drivers/ina3221x", "[0-9]*-[0-9]*", BNC_METER_MILLIWATT, true, find_iio_rails},
              {"/sys/class/hwmon", "hwmon[0-9]*", BNC_METER_MILLIVOLT_MA, false, find_class_rails}};
  char chips[MAX_ENTRIES][BNC_SYSFS_NAME], chip[128];
  double watts;
  for (size_t w = 0; w < 3; w++) {
    size_t count = bnc_sysfs_list(ways[w].folder, ways[w].chips, chips, MAX_ENTRIES);
    if (count == 0) continue;
    bnc_meter_source *s = add(l, BNC_METER_BOARD, ways[w].method, "ina3221");
    if (!s) return;
    bool total = false;
    for (size_t i = 0; i < count; i++) {
      snprintf(chip, sizeof chip, "%s/%s", ways[w].folder, chips[i]);
      ways[w].rails(s, &total, chip);
    }
    if (s->rail_count == 0 && !ways[w].sure) {
      l->count--;
      continue;
    }
    drop_nested(s);
    snprintf(s->info.name, sizeof s->info.name, total ? "ina3221 total input" : "ina3221 sum of %zu rails", s->rail_count);
    if (s->rail_count == 0)
      unavailable(s, "the power monitor has no rail with a label and a current");
    else if (!bnc_meter_read_watts(s, &watts))
      unavailable(s, "the power monitor's files cannot be read");
    return;
  }
  absent(l, BNC_METER_BOARD, "ina3221", "no Jetson power monitor (ina3221) on this machine");
}

static void find_pi(list *l) {
  double watts;
  if (!bnc_vcgencmd_present()) {
    absent(l, BNC_METER_BOARD, "vcgencmd pmic_read_adc", "no vcgencmd program on this machine");
    return;
  }
  bnc_meter_source *s = add(l, BNC_METER_BOARD, BNC_METER_PMIC, "vcgencmd pmic_read_adc");
  if (!s) return;
  s->rail_count = 1;
  if (!bnc_meter_read_watts(s, &watts))
    unavailable(s, "vcgencmd gives no currents: not a Raspberry Pi 5, or no right to ask (group video)");
}

/* Sockets are summed; psys, which holds all of the board, is a meter of its own. Sub-zones (two colons) are parts of these. */
static void find_rapl(list *l) {
  char zones[MAX_ENTRIES][BNC_SYSFS_NAME], name[32];
  bnc_meter_source *package = NULL;
  size_t count = bnc_sysfs_list("/sys/class/powercap", "intel-rapl:[0-9]*", zones, MAX_ENTRIES);
  for (size_t i = 0; i < count; i++) {
    int64_t range, energy;
    if (strchr(strchr(zones[i], ':') + 1, ':')) continue;
    if (bnc_sysfs_string(name, sizeof name, "/sys/class/powercap/%s/name", zones[i]) != BNC_SYSFS_OK) continue;
    bool psys = strcmp(name, "psys") == 0;
    if (!psys && strncmp(name, "package-", 8) != 0) continue;
    bnc_meter_source *s = package;
    if (psys)
      s = add(l, BNC_METER_BOARD, BNC_METER_COUNTER_UJ, "rapl psys");
    else if (!package)
      s = add(l, BNC_METER_PACKAGE, BNC_METER_COUNTER_UJ, "rapl package");
    if (!s) return;
    if (!psys) package = s;
    if (!add_rail(s, "/sys/class/powercap/%s/energy_uj", zones[i])) continue;
    bnc_sysfs_result r = bnc_sysfs_int(&energy, "%s", s->rails[s->rail_count - 1].first);
    if (bnc_sysfs_int(&range, "/sys/class/powercap/%s/max_energy_range_uj", zones[i]) == BNC_SYSFS_OK && range > 0)
      s->rails[s->rail_count - 1].range = (uint64_t)range;
    if (r == BNC_SYSFS_DENIED)
      unavailable(s, "permission denied: energy_uj is readable by root only");
    else if (r != BNC_SYSFS_OK)
      unavailable(s, "energy_uj holds no number");
  }
  if (!package) absent(l, BNC_METER_PACKAGE, "rapl package", "no RAPL counters (powercap) on this machine");
}

static void find_battery(list *l) {
  char supplies[MAX_ENTRIES][BNC_SYSFS_NAME], text[32], name[96], folder[128];
  bool any = false;
  size_t count = bnc_sysfs_list("/sys/class/power_supply", "*", supplies, MAX_ENTRIES);
  for (size_t i = 0; i < count; i++) {
    int64_t v;
    snprintf(folder, sizeof folder, "/sys/class/power_supply/%s", supplies[i]);
    if (bnc_sysfs_string(text, sizeof text, "%s/type", folder) != BNC_SYSFS_OK || strcmp(text, "Battery") != 0) continue;
    bnc_sysfs_string(text, sizeof text, "%s/scope", folder);
    if (strcmp(text, "Device") == 0) continue; /* a mouse's or a headset's */
    snprintf(name, sizeof name, "battery %s", supplies[i]);
    bool power = bnc_sysfs_int(&v, "%s/power_now", folder) == BNC_SYSFS_OK;
    bnc_meter_source *s = add(l, BNC_METER_BATTERY, power ? BNC_METER_BATTERY_UW : BNC_METER_BATTERY_UV_UA, name);
    if (!s) return;
    any = true;
    if (!add_rail(s, "%s/%s", folder, power ? "power_now" : "voltage_now") || !add_rail(s, "%s/status", folder)) continue;
    snprintf(s->rails[0].second, sizeof s->rails[0].second, "%s/current_now", folder);
    bnc_sysfs_result current = bnc_sysfs_int(&v, "%s", power ? s->rails[0].first : s->rails[0].second);
    bnc_sysfs_string(text, sizeof text, "%s/status", folder);
    if (current != BNC_SYSFS_OK)
      unavailable(s, current == BNC_SYSFS_DENIED ? "permission denied" : "the battery reports no power and no current");
    else if (strcmp(text, "Discharging") != 0) {
      snprintf(s->info.reason, sizeof s->info.reason, "not on battery power (status: %s)", text[0] ? text : "unknown");
      s->info.available = false;
    }
  }
  if (!any) absent(l, BNC_METER_BATTERY, "battery", "no battery");
}

static void find_hwmon(list *l) {
  char chips[MAX_ENTRIES][BNC_SYSFS_NAME], inputs[4][BNC_SYSFS_NAME], chip[48], name[96], folder[128];
  bool any = false;
  size_t count = bnc_sysfs_list("/sys/class/hwmon", "hwmon[0-9]*", chips, MAX_ENTRIES);
  for (size_t i = 0; i < count; i++) {
    snprintf(folder, sizeof folder, "/sys/class/hwmon/%s", chips[i]);
    bnc_sysfs_string(chip, sizeof chip, "%s/name", folder);
    size_t found = bnc_sysfs_list(folder, "power[0-9]*_input", inputs, 4);
    if (found == 0) found = bnc_sysfs_list(folder, "power[0-9]*_average", inputs, 4);
    for (size_t k = 0; k < found; k++) {
      double watts;
      snprintf(name, sizeof name, "hwmon %s %.20s", chip[0] ? chip : chips[i], inputs[k]);
      bnc_meter_source *s = add(l, BNC_METER_SENSOR, BNC_METER_MICROWATT, name);
      if (!s) return;
      any = true;
      if (!add_rail(s, "%s/%s", folder, inputs[k]) || !bnc_meter_read_watts(s, &watts)) unavailable(s, "the sensor cannot be read");
    }
  }
  if (!any) absent(l, BNC_METER_SENSOR, "hwmon", "no hwmon power sensor");
}

size_t bnc_meter_find(bnc_meter_source *sources, size_t max) {
  list l = {sources, 0, max};
  find_jetson(&l);
  find_pi(&l);
  find_rapl(&l);
  find_battery(&l);
  find_hwmon(&l);
  return l.count;
}
