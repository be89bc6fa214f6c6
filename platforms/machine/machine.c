/* SPDX-License-Identifier: Apache-2.0 */
#include "platforms/machine/machine.h"

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "platforms/base/mem.h"
#include "platforms/file/sysfs.h"
#include "platforms/machine/memory.h"
#include "platforms/threads/threads.h"

static void read_system(bnc_machine *m) {
  static const char key[] = "PRETTY_NAME=";
  struct utsname name;
  bnc_sysfs_reader reader;
  char line[160];
  snprintf(m->os, sizeof m->os, "unknown");
  if (bnc_sysfs_string(m->kernel, sizeof m->kernel, "/proc/sys/kernel/osrelease") != BNC_SYSFS_OK)
    snprintf(m->kernel, sizeof m->kernel, "%s", uname(&name) == 0 ? name.release : "unknown");
  if (!bnc_sysfs_reader_open(&reader, "/etc/os-release")) return;
  while (bnc_sysfs_reader_line(&reader, line, sizeof line)) {
    if (strncmp(line, key, sizeof key - 1) != 0) continue;
    const char *value = line + sizeof key - 1;
    value += *value == '"';
    snprintf(m->os, sizeof m->os, "%.*s", (int)strcspn(value, "\""), value);
  }
  bnc_sysfs_reader_close(&reader);
}

static void read_frequencies(bnc_machine *m) {
  for (size_t k = 0; k < m->cpu.cluster_count; k++)
    for (unsigned i = 0; i < BNC_CPU_MAX_CPUS; i++)
      if (m->cpu.cluster_of[i] == k) {
        bnc_frequency_read(i, &m->frequency[k]);
        break;
      }
}

bnc_status bnc_machine_read(bnc_machine *m, const char *path, bnc_error *err) {
  memset(m, 0, sizeof *m);
  bnc_status s = bnc_cpu_detect(&m->cpu, err);
  if (s != BNC_OK) return s;
  bnc_meter_set *set;
  s = bnc_meter_set_open(&set, err);
  if (s != BNC_OK) return s;
  m->meter_count = bnc_meter_set_count(set);
  for (size_t i = 0; i < m->meter_count; i++) m->meters[i] = *bnc_meter_set_info(set, i);
  if (!bnc_meter_set_best(set, &m->best_meter)) m->best_meter = m->meter_count;
  bnc_meter_set_close(set);
  long page = sysconf(_SC_PAGESIZE);
  m->page_bytes = page > 0 ? (size_t)page : 0;
  m->default_threads = bnc_pool_default_threads();
  m->allowed_cpus = bnc_pool_allowed_cpus();
  m->cpu_quota = bnc_cpu_quota();
  bnc_memory_read(&m->memory_total, &m->memory_available);
  read_system(m);
  read_frequencies(m);
  m->zone_count = bnc_thermal_read(m->zones);
  bnc_throttle_read(&m->throttle);
  m->fan = bnc_fan_seen();
  m->under_voltage = bnc_under_voltage_seen();
  m->storage = bnc_storage_read(path);
  return BNC_OK;
}

bnc_status bnc_machine_describe(const char *path, char **text, bool json, bnc_error *err) {
  *text = NULL;
  bnc_machine *m = bnc_mem_zalloc(sizeof *m);
  if (!m) return bnc_fail_memory(err, sizeof *m);
  bnc_status s = bnc_machine_read(m, path, err);
  if (s == BNC_OK) s = json ? bnc_machine_json(m, text, err) : bnc_machine_text(m, text, err);
  bnc_mem_free(m);
  return s;
}
