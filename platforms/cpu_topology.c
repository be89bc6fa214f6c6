/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "platforms/cpu_record.h"

void bnc_cpu_read_topology(bnc_cpu *cpu) {
  memset(cpu->cluster_of, 0xff, sizeof cpu->cluster_of);
  cpu->cluster_count = 1;
  memcpy(cpu->clusters[0].uarch, cpu->uarch, sizeof cpu->uarch);
}
