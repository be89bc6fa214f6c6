/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "platforms/energy/meter_source.h"
#include "platforms/energy/vcgencmd.h"

static bool read_product(const char *first, const char *second, double scale, double *watts) {
  int64_t a, b;
  if (bnc_sysfs_int(&a, "%s", first) != BNC_SYSFS_OK || bnc_sysfs_int(&b, "%s", second) != BNC_SYSFS_OK) return false;
  *watts = (double)a * (double)b * scale;
  return true;
}

static bool read_rail(const bnc_meter_source *s, const bnc_meter_rail *r, double *watts) {
  int64_t v;
  char status[32];
  switch (s->method) {
    case BNC_METER_MILLIVOLT_MA: return read_product(r->first, r->second, 1e-6, watts);
    case BNC_METER_BATTERY_UV_UA:
    case BNC_METER_BATTERY_UW:
      /* rails[1].first names the status file. Charging, the battery's current says nothing about the load. */
      if (bnc_sysfs_string(status, sizeof status, "%s", s->rails[1].first) != BNC_SYSFS_OK || strcmp(status, "Discharging") != 0)
        return false;
      if (s->method == BNC_METER_BATTERY_UV_UA) {
        bool ok = read_product(r->first, r->second, 1e-12, watts);
        if (*watts < 0) *watts = -*watts; /* drivers disagree on the sign of a discharge */
        return ok;
      }
      if (bnc_sysfs_int(&v, "%s", r->first) != BNC_SYSFS_OK) return false;
      *watts = (double)(v < 0 ? -v : v) * 1e-6;
      return true;
    case BNC_METER_MILLIWATT:
    case BNC_METER_MICROWATT:
      if (bnc_sysfs_int(&v, "%s", r->first) != BNC_SYSFS_OK) return false;
      *watts = (double)v * (s->method == BNC_METER_MILLIWATT ? 1e-3 : 1e-6);
      return true;
    default: return false;
  }
}

bool bnc_meter_read_watts(const bnc_meter_source *s, double *watts) {
  double sum = 0, one = 0;
  *watts = 0;
  if (s->method == BNC_METER_PMIC) {
    char output[2048];
    return bnc_vcgencmd_run("pmic_read_adc", output, sizeof output) && bnc_vcgencmd_parse_pmic(output, watts);
  }
  bool battery = s->method == BNC_METER_BATTERY_UW || s->method == BNC_METER_BATTERY_UV_UA;
  for (size_t i = 0; i < (battery ? 1 : s->rail_count); i++) {
    if (!read_rail(s, &s->rails[i], &one)) return false;
    sum += one;
  }
  if (s->rail_count == 0 || !(sum > -BNC_METER_MAX_WATTS && sum < BNC_METER_MAX_WATTS)) return false;
  *watts = sum;
  return true;
}

bool bnc_meter_read_counter(const bnc_meter_source *s, size_t rail, uint64_t *microjoules) {
  int64_t v;
  if (bnc_sysfs_int(&v, "%s", s->rails[rail].first) != BNC_SYSFS_OK || v < 0) return false;
  *microjoules = (uint64_t)v;
  return true;
}

uint64_t bnc_meter_counter_delta(uint64_t before, uint64_t after, uint64_t range) {
  if (after >= before) return after - before;
  return range >= before ? range - before + after : 0; /* range unknown or wrong: nothing can be said of this step */
}
