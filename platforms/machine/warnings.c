/* SPDX-License-Identifier: Apache-2.0 */
#include "platforms/machine/warnings.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define HOT 80.0 /* degrees Celsius: Raspberry Pis slow down from here, others soon behind */

typedef struct list {
  bnc_warning *text;
  size_t count;
} list;

__attribute__((format(printf, 2, 3))) static void warn(list *l, const char *format, ...) {
  if (l->count == BNC_WARNINGS_MAX) return;
  va_list args;
  va_start(args, format);
  vsnprintf(l->text[l->count++], BNC_WARNING_SIZE, format, args);
  va_end(args);
}

static void warn_of_power(list *l, const bnc_machine *m) {
  const uint32_t now = m->throttle.now, ever = m->throttle.since_boot;
  if (m->under_voltage || (now & BNC_THROTTLE_UNDER_VOLTAGE))
    warn(l, "under-voltage now: the power supply or its cable is too weak, and clocks fall");
  else if (ever & BNC_THROTTLE_UNDER_VOLTAGE)
    warn(l, "under-voltage since boot: the power supply or its cable is too weak for full load");
  if (now & (BNC_THROTTLE_THROTTLED | BNC_THROTTLE_FREQUENCY_CAPPED | BNC_THROTTLE_SOFT_LIMIT))
    warn(l, "throttled now: clocks are held down; cool it, or wait");
  else if (m->throttle.events > 0 && m->throttle.over_current)
    warn(l,
         "throttled %lld times since boot by over-current or under-voltage: at full load this power mode wants more than the supply gives",
         (long long)m->throttle.events);
  else if (m->throttle.events > 0)
    warn(l, "throttled %lld times since boot by heat", (long long)m->throttle.events);
  else if (ever & (BNC_THROTTLE_THROTTLED | BNC_THROTTLE_SOFT_LIMIT))
    warn(l, "throttled since boot: long work will be slower than short work");
}

/* Chips that compute. Others may be warm by nature, and a Jetson Nano's PMIC-Die always says 100 C. */
static bool computes(const char *type) {
  static const char *const words[] = {"cpu", "soc", "gpu", "tj", "pkg", "core"};
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    if (strcasestr(type, words[i])) return true;
  return false;
}

static void warn_of_heat(list *l, const bnc_machine *m) {
  const bnc_thermal_zone *hottest = NULL;
  for (size_t i = 0; i < m->zone_count; i++)
    if (computes(m->zones[i].type) && (!hottest || m->zones[i].celsius > hottest->celsius)) hottest = &m->zones[i];
  if (hottest && hottest->celsius >= HOT) warn(l, "hot: %.40s is at %.0f C", hottest->type, hottest->celsius);
}

static void warn_of_governor(list *l, const bnc_machine *m) {
  for (size_t k = 0; k < m->cpu.cluster_count; k++) {
    const bnc_frequency *f = &m->frequency[k];
    /* These drivers scale by themselves; "powersave" is what they call their usual way. */
    if (strcmp(f->governor, "powersave") != 0 || strstr(f->driver, "pstate")) continue;
    warn(l, "governor powersave: cores stay at their lowest clock; 'schedutil', 'ondemand' or 'performance' let them run");
    return;
  }
}

/* Boards that come without one, and slow down under minutes of full load. */
static void warn_of_fan(list *l, const bnc_machine *m) {
  static const char *const boards[] = {"Raspberry Pi 4", "Raspberry Pi 5", "Jetson"};
  if (m->fan) return;
  for (size_t i = 0; i < sizeof boards / sizeof *boards; i++)
    if (strstr(m->cpu.brand, boards[i])) {
      warn(l, "no fan is seen: minutes of full load will heat this board until its clocks fall");
      return;
    }
}

static void warn_of_storage(list *l, const bnc_machine *m) {
  if (m->storage.kind == BNC_STORAGE_SD)
    warn(l, "slow storage: an SD card reads some 20 to 90 MB/s, so the first start of a model takes that long");
  if (m->storage.kind == BNC_STORAGE_ROTATING) warn(l, "slow storage: a rotating disk");
}

size_t bnc_machine_warnings(const bnc_machine *m, bnc_warning warning[BNC_WARNINGS_MAX]) {
  list l = {warning, 0};
  warn_of_power(&l, m);
  warn_of_heat(&l, m);
  warn_of_governor(&l, m);
  warn_of_fan(&l, m);
  warn_of_storage(&l, m);
  return l.count;
}
