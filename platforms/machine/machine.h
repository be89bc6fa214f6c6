/* SPDX-License-Identifier: Apache-2.0 */
/** @file machine.h  Everything that `binocle devices` tells about this machine, as one structure and as a text. */
#ifndef BINOCLE_PLATFORMS_MACHINE_MACHINE_H
#define BINOCLE_PLATFORMS_MACHINE_MACHINE_H

#include "platforms/cpu/cpu.h"
#include "platforms/energy/meter.h"
#include "platforms/energy/thermal.h"
#include "platforms/machine/storage.h"

typedef struct bnc_machine {
  bnc_cpu cpu;
  bnc_frequency frequency[BNC_CPU_MAX_CLUSTERS]; /* of the first CPU of each cluster */
  size_t default_threads, allowed_cpus;
  double cpu_quota;                        /* 0: none */
  uint64_t memory_total, memory_available; /* bytes; 0: not known */
  size_t page_bytes;
  char kernel[96], os[96]; /* "6.12.1", "Debian GNU/Linux 13 (trixie)"; "unknown" */
  size_t meter_count;
  bnc_meter_info meters[BNC_METER_MAX];
  size_t best_meter; /* index into meters; meter_count: none is available */
  size_t zone_count;
  bnc_thermal_zone zones[BNC_THERMAL_MAX_ZONES];
  bnc_throttle throttle;
  bool under_voltage; /* a Raspberry Pi's supply, as the kernel sees it now */
  bool fan;           /* one that the kernel knows of */
  bnc_storage storage;
} bnc_machine;

/** Fills *machine. storage: of the file or folder `path`, NULL: the working folder. Fails where bnc_cpu_detect does (a wrong BINOCLE_CPU)
 * and without memory. */
bnc_status bnc_machine_read(bnc_machine *machine, const char *path, bnc_error *err);

/** One JSON object, or aligned lines for a person, each ending with a line break; *text is freed with bnc_mem_free. */
bnc_status bnc_machine_json(const bnc_machine *machine, char **text, bnc_error *err);
bnc_status bnc_machine_text(const bnc_machine *machine, char **text, bnc_error *err);

/** Reads this machine and describes it. */
bnc_status bnc_machine_describe(const char *path, char **text, bool json, bnc_error *err);

#endif
