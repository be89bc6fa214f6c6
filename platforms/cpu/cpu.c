/* SPDX-License-Identifier: Apache-2.0 */
#include "platforms/cpu/cpu.h"

#include <stdlib.h>

#include "platforms/cpu/cpu_record.h"

bnc_status bnc_cpu_detect_level(bnc_cpu_level *level, bnc_error *err) {
  return bnc_cpu_cap_level(getenv("BINOCLE_CPU"), BNC_CPU_ARCH, bnc_cpu_probe_features(), level, err);
}

bnc_status bnc_cpu_detect(bnc_cpu *cpu, bnc_error *err) {
  *cpu = (bnc_cpu){.arch = BNC_CPU_ARCH, .features = bnc_cpu_probe_features()};
  cpu->supported = bnc_cpu_best_level(cpu->arch, cpu->features);
  bnc_cpu_probe_names(cpu->brand, sizeof cpu->brand, cpu->uarch, sizeof cpu->uarch);
  bnc_cpu_read_topology(cpu);
  return bnc_cpu_cap_level(getenv("BINOCLE_CPU"), cpu->arch, cpu->features, &cpu->level, err);
}
