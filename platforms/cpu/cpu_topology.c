/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cpuinfo.h>

#include "platforms/base/mem.h"
#include "platforms/base/number.h"
#include "platforms/cpu/cpu_record.h"
#include "platforms/file/sysfs.h"

#define CPU_FOLDER "/sys/devices/system/cpu/cpu%u"
/* Cores below this share of the fastest kind's capacity are helpers: waiting for them costs more than they give. */
#define LITTLE_SHARE 0.6

typedef struct one_cpu {
  uint8_t online, atom; /* atom: Intel's efficiency core */
  uint32_t midr, max_mhz, capacity;
} one_cpu;

static unsigned clamp_mhz(int64_t khz) { return khz > 0 && khz < 100000000 ? (unsigned)(khz / 1000) : 0; }

/* ARM: which core each processor of /proc/cpuinfo is. Old 32-bit kernels print one block for all. */
static void read_proc_cpuinfo(one_cpu *cpus, unsigned *processors, char *hardware, size_t hardware_size) {
  static const char *const names[] = {"Hardware", "model name"};
  bnc_sysfs_reader reader;
  char line[256], *key, *value;
  uint64_t at = 0;
  if (!bnc_sysfs_reader_open(&reader, "/proc/cpuinfo")) return;
  while (bnc_sysfs_reader_line(&reader, line, sizeof line)) {
    if (!bnc_sysfs_key_value(line, &key, &value)) continue;
    const char *number_text = value;
    if (strcmp(key, "processor") == 0) {
      at = bnc_number_u64(&number_text, 10, &at) ? at : BNC_CPU_MAX_CPUS;
      if (at < BNC_CPU_MAX_CPUS) ++*processors;
    }
    for (size_t i = 0; i < 2; i++)
      if (strcmp(key, names[i]) == 0 && !hardware[0]) snprintf(hardware, hardware_size, "%s", value);
    if (at >= BNC_CPU_MAX_CPUS) continue;
    uint32_t number = (uint32_t)bnc_number_or_zero(value, strncmp(value, "0x", 2) == 0 ? 16 : 10);
    if (strcmp(key, "CPU implementer") == 0) cpus[at].midr = (number & 0xff) << 24;
    if (strcmp(key, "CPU variant") == 0) cpus[at].midr |= (number & 0xf) << 20;
    if (strcmp(key, "CPU part") == 0) cpus[at].midr |= (number & 0xfff) << 4;
  }
  bnc_sysfs_reader_close(&reader);
}

static void read_online(one_cpu *cpus, unsigned processors) {
  char text[512];
  uint8_t set[BNC_CPU_MAX_CPUS] = {0};
  size_t count = 0;
  if (bnc_sysfs_string(text, sizeof text, "/sys/devices/system/cpu/online") == BNC_SYSFS_OK)
    count = bnc_sysfs_cpu_list(text, set, sizeof set);
  if (count == 0) {
    long n = processors ? (long)processors : bnc_sysfs_relocated() ? 1 : sysconf(_SC_NPROCESSORS_ONLN);
    for (long i = 0; i < (n > 0 ? n : 1) && i < BNC_CPU_MAX_CPUS; i++) set[i] = 1;
  }
  for (size_t i = 0; i < BNC_CPU_MAX_CPUS; i++) cpus[i].online = set[i];
}

static void read_one(one_cpu *cpu, unsigned i, uint16_t *core) {
  int64_t v;
  char text[512];
  uint8_t siblings[BNC_CPU_MAX_CPUS] = {0};
  if (bnc_sysfs_int(&v, CPU_FOLDER "/regs/identification/midr_el1", i) == BNC_SYSFS_OK && v > 0) cpu->midr = (uint32_t)v;
  if (bnc_sysfs_int(&v, CPU_FOLDER "/cpufreq/cpuinfo_max_freq", i) == BNC_SYSFS_OK) cpu->max_mhz = clamp_mhz(v);
  if (bnc_sysfs_int(&v, CPU_FOLDER "/cpu_capacity", i) == BNC_SYSFS_OK && v > 0 && v <= 1 << 20) cpu->capacity = (uint32_t)v;
  *core = (uint16_t)i;
  if (bnc_sysfs_string(text, sizeof text, CPU_FOLDER "/topology/core_cpus_list", i) != BNC_SYSFS_OK &&
      bnc_sysfs_string(text, sizeof text, CPU_FOLDER "/topology/thread_siblings_list", i) != BNC_SYSFS_OK)
    return;
  if (bnc_sysfs_cpu_list(text, siblings, sizeof siblings) == 0 || !siblings[i]) return;
  for (unsigned j = 0; j <= i; j++)
    if (siblings[j]) {
      *core = (uint16_t)j;
      return;
    }
}

/* x86 boards give single cores a higher boost clock; that makes no other kind of core. */
static bool same_kind(const one_cpu *a, const one_cpu *b) {
  if (a->midr >> 24 != b->midr >> 24 || (a->midr & 0xfff0) != (b->midr & 0xfff0) || a->atom != b->atom) return false;
  if (!a->midr) return true;
  return a->capacity && b->capacity ? a->capacity == b->capacity : a->max_mhz == b->max_mhz;
}

static void read_cache(unsigned cpu, bnc_cpu_cluster *c) {
  char entries[16][BNC_SYSFS_NAME], folder[BNC_SYSFS_PATH], text[512];
  uint8_t set[BNC_CPU_MAX_CPUS];
  snprintf(folder, sizeof folder, CPU_FOLDER "/cache", cpu);
  size_t count = bnc_sysfs_list(folder, "index[0-9]*", entries, 16);
  for (size_t i = 0; i < count; i++) {
    int64_t level;
    const char *end = text;
    uint64_t size;
    if (bnc_sysfs_int(&level, "%s/%s/level", folder, entries[i]) != BNC_SYSFS_OK || level < 1 || level > 3) continue;
    bnc_sysfs_string(text, sizeof text, "%s/%s/type", folder, entries[i]);
    if (strcmp(text, "Instruction") == 0) continue;
    bnc_sysfs_string(text, sizeof text, "%s/%s/size", folder, entries[i]);
    if (!bnc_number_u64(&end, 10, &size)) continue;
    unsigned shift = *end == 'K' ? 10 : *end == 'M' ? 20 : 0;
    if (size == 0 || size > (SIZE_MAX >> 1) >> shift) continue;
    bnc_cpu_cache *cache = level == 1 ? &c->l1d : level == 2 ? &c->l2 : &c->l3;
    cache->bytes = (size_t)size << shift;
    memset(set, 0, sizeof set);
    if (bnc_sysfs_string(text, sizeof text, "%s/%s/shared_cpu_list", folder, entries[i]) == BNC_SYSFS_OK)
      cache->shared = (unsigned)bnc_sysfs_cpu_list(text, set, sizeof set);
  }
}

/* Device trees often leave caches out; cpuinfo knows them from the kind of core. It looks at the real machine only. */
static void guess_cache(unsigned cpu, bnc_cpu_cluster *c) {
  if (c->l1d.bytes || bnc_sysfs_relocated() || !bnc_cpuinfo_start()) return;
  for (uint32_t i = 0; i < cpuinfo_get_processors_count(); i++) {
    const struct cpuinfo_processor *p = cpuinfo_get_processor(i);
    if (p->linux_id != (int)cpu) continue;
    const struct cpuinfo_cache *from[3] = {p->cache.l1d, p->cache.l2, p->cache.l3};
    bnc_cpu_cache *to[3] = {&c->l1d, &c->l2, &c->l3};
    for (size_t k = 0; k < 3; k++)
      if (from[k]) *to[k] = (bnc_cpu_cache){from[k]->size, from[k]->processor_count};
  }
}

static void name_cluster(const bnc_cpu *cpu, const one_cpu *kind, bnc_cpu_cluster *c) {
  const bnc_cpu_arm_part *part = kind->midr ? bnc_cpu_arm_part_find(kind->midr) : NULL;
  if (part)
    snprintf(c->uarch, sizeof c->uarch, "%s", part->name);
  else if (kind->midr)
    snprintf(c->uarch, sizeof c->uarch, "core 0x%02x/0x%03x", kind->midr >> 24, kind->midr >> 4 & 0xfff);
  else
    snprintf(c->uarch, sizeof c->uarch, "%.20s%s", cpu->uarch, kind->atom ? " E-core" : "");
}

/* How fast one core is, in units that only compare within one machine. */
static double strength(const one_cpu *kind, const bnc_cpu_cluster *c) {
  const bnc_cpu_arm_part *part = kind->midr ? bnc_cpu_arm_part_find(kind->midr) : NULL;
  if (kind->capacity) return kind->capacity;
  return (c->max_mhz ? c->max_mhz : 1000) * ((part && part->little) || kind->atom ? 0.4 : 1.0);
}

/* Groups the online CPUs by kind. Returns, per cluster, one CPU of it. */
static void group(bnc_cpu *cpu, const one_cpu *cpus, unsigned *member) {
  cpu->cluster_count = 0;
  for (unsigned i = 0; i < BNC_CPU_MAX_CPUS; i++) {
    if (!cpus[i].online) continue;
    size_t k = 0;
    while (k < cpu->cluster_count && !same_kind(&cpus[member[k]], &cpus[i])) k++;
    if (k == cpu->cluster_count) {
      if (k == BNC_CPU_MAX_CLUSTERS)
        k--;
      else
        member[cpu->cluster_count++] = i;
    }
    bnc_cpu_cluster *c = &cpu->clusters[k];
    cpu->cluster_of[i] = (uint8_t)k;
    c->cpus++;
    if (cpu->core_of[i] == i || !cpus[cpu->core_of[i]].online) c->cores++;
    if (cpus[i].max_mhz > c->max_mhz) c->max_mhz = cpus[i].max_mhz;
  }
}

/* Fastest kind first. Insertion sort over at most 8, renumbering cluster_of. */
static void order(bnc_cpu *cpu, double *speed) {
  uint8_t place[BNC_CPU_MAX_CLUSTERS], to[BNC_CPU_MAX_CLUSTERS];
  bnc_cpu_cluster sorted[BNC_CPU_MAX_CLUSTERS];
  size_t n = cpu->cluster_count;
  for (size_t i = 0; i < n; i++) {
    size_t k = i;
    for (; k > 0 && speed[place[k - 1]] < speed[i]; k--) place[k] = place[k - 1];
    place[k] = (uint8_t)i;
  }
  for (size_t i = 0; i < n; i++) {
    sorted[i] = cpu->clusters[place[i]];
    sorted[i].little = speed[place[i]] < LITTLE_SHARE * speed[place[0]];
    to[place[i]] = (uint8_t)i;
  }
  memcpy(cpu->clusters, sorted, n * sizeof sorted[0]);
  for (size_t i = 0; i < BNC_CPU_MAX_CPUS; i++)
    if (cpu->cluster_of[i] < n) cpu->cluster_of[i] = to[cpu->cluster_of[i]];
}

static void read_brand(bnc_cpu *cpu, const char *hardware) {
  char model[sizeof cpu->brand];
  /* Device trees end their strings with NUL. */
  if (bnc_sysfs_string(model, sizeof model, "/proc/device-tree/model") == BNC_SYSFS_OK && model[0])
    memcpy(cpu->brand, model, sizeof model);
  else if (strcmp(cpu->brand, "unknown") == 0 && hardware[0])
    snprintf(cpu->brand, sizeof cpu->brand, "%s", hardware);
}

void bnc_cpu_read_topology(bnc_cpu *cpu) {
  char hardware[64] = "", text[512];
  unsigned processors = 0, member[BNC_CPU_MAX_CLUSTERS] = {0};
  double speed[BNC_CPU_MAX_CLUSTERS];
  uint8_t atom[BNC_CPU_MAX_CPUS] = {0};
  memset(cpu->cluster_of, 0xff, sizeof cpu->cluster_of);
  cpu->cluster_count = 1;
  cpu->clusters[0] = (bnc_cpu_cluster){.cores = 1, .cpus = 1};
  cpu->cores = cpu->cpus = 1;
  snprintf(cpu->clusters[0].uarch, sizeof cpu->clusters[0].uarch, "%s", cpu->uarch);
  one_cpu *cpus = bnc_mem_array(BNC_CPU_MAX_CPUS, sizeof *cpus);
  if (!cpus) return;
  cpu->clusters[0] = (bnc_cpu_cluster){0};
  read_proc_cpuinfo(cpus, &processors, hardware, sizeof hardware);
  read_brand(cpu, hardware);
  read_online(cpus, processors);
  if (bnc_sysfs_string(text, sizeof text, "/sys/devices/cpu_atom/cpus") == BNC_SYSFS_OK) bnc_sysfs_cpu_list(text, atom, sizeof atom);
  for (unsigned i = 0; i < BNC_CPU_MAX_CPUS; i++) {
    if (!cpus[i].online) continue;
    cpus[i].atom = atom[i];
    read_one(&cpus[i], i, &cpu->core_of[i]);
  }
  group(cpu, cpus, member);
  cpu->cores = cpu->cpus = 0;
  for (size_t k = 0; k < cpu->cluster_count; k++) {
    bnc_cpu_cluster *c = &cpu->clusters[k];
    name_cluster(cpu, &cpus[member[k]], c);
    read_cache(member[k], c);
    guess_cache(member[k], c);
    speed[k] = strength(&cpus[member[k]], c);
    cpu->cores += c->cores;
    cpu->cpus += c->cpus;
  }
  order(cpu, speed);
  bnc_mem_free(cpus);
  memcpy(cpu->uarch, cpu->clusters[0].uarch, sizeof cpu->uarch);
  cpu->l1d = cpu->clusters[0].l1d;
  cpu->l2 = cpu->clusters[0].l2;
  cpu->l3 = cpu->clusters[0].l3;
}
