/* SPDX-License-Identifier: Apache-2.0 */
#include "platforms/file/page.h"
#include "platforms/machine/machine.h"
#include "platforms/machine/warnings.h"

/* The left column: a word on the first line of its group. */
static void head(bnc_page *p, const char *word) { bnc_page_print(p, "%-10s ", word); }

/* In powers of 1000, as what models need is told and asked for everywhere; caches and pages are made in powers of two. */
static void print_memory(bnc_page *p, uint64_t bytes) {
  if (bytes == 0)
    bnc_page_print(p, "unknown");
  else
    bnc_page_print(p, "%.2f GB", (double)bytes * 1e-9);
}

static void print_cache(bnc_page *p, const char *name, const bnc_cpu_cache *cache) {
  if (!cache->bytes) return;
  if (cache->bytes < 1u << 20)
    bnc_page_print(p, "  %s %llu KiB", name, (unsigned long long)(cache->bytes >> 10));
  else
    bnc_page_print(p, "  %s %.4g MiB", name, (double)cache->bytes / (1 << 20));
  if (cache->shared > 1) bnc_page_print(p, " (shared by %u CPUs)", cache->shared);
}

static void print_cpu(bnc_page *p, const bnc_machine *m) {
  const bnc_cpu *cpu = &m->cpu;
  head(p, "CPU");
  bnc_page_print(p, "%s, %s, %s\n", cpu->brand, cpu->uarch, bnc_cpu_arch_name(cpu->arch));
  for (size_t k = 0; k < cpu->cluster_count; k++) {
    const bnc_cpu_cluster *c = &cpu->clusters[k];
    head(p, k ? "" : "cores");
    bnc_page_print(p, "%u x %s", c->cores, c->uarch);
    if (c->cpus != c->cores) bnc_page_print(p, " (%u threads)", c->cpus);
    if (c->little) bnc_page_print(p, ", little");
    if (c->max_mhz) bnc_page_print(p, ", up to %u MHz", c->max_mhz);
    if (m->frequency[k].mhz) bnc_page_print(p, ", now %u MHz", m->frequency[k].mhz);
    if (m->frequency[k].governor[0]) bnc_page_print(p, ", governor %s", m->frequency[k].governor);
    bnc_page_print(p, "\n");
    if (!c->l1d.bytes && !c->l2.bytes && !c->l3.bytes) continue;
    head(p, "");
    print_cache(p, "L1d", &c->l1d);
    print_cache(p, "L2", &c->l2);
    print_cache(p, "L3", &c->l3);
    bnc_page_print(p, "\n");
  }
  head(p, "threads");
  bnc_page_print(p, "%zu by default, %zu CPUs allowed", m->default_threads, m->allowed_cpus);
  if (m->cpu_quota > 0) bnc_page_print(p, ", cgroup quota %.2f CPUs", m->cpu_quota);
  bnc_page_print(p, "\n");
  for (unsigned i = 0; i < BNC_CPU_LEVELS; i++) {
    bnc_cpu_level level = (bnc_cpu_level)i;
    if (!bnc_cpu_level_of_arch(level, cpu->arch)) continue;
    head(p, i ? "" : "levels");
    bool used = level == cpu->level;
    bnc_page_print(p, "%-13s %s%s\n", bnc_cpu_level_name(level), bnc_cpu_level_supported(cpu, level) ? "supported" : "not supported",
                   used ? ", used" : "");
  }
}

static void print_system(bnc_page *p, const bnc_machine *m) {
  head(p, "memory");
  print_memory(p, m->memory_total);
  bnc_page_print(p, " in all, ");
  print_memory(p, m->memory_available);
  bnc_page_print(p, " available, pages of %zu KiB\n", m->page_bytes >> 10);
  head(p, "system");
  bnc_page_print(p, "%s, kernel %s\n", m->os, m->kernel);
}

static void print_meters(bnc_page *p, const bnc_machine *m) {
  for (size_t i = 0; i < m->meter_count; i++) {
    const bnc_meter_info *meter = &m->meters[i];
    head(p, i ? "" : "meters");
    bnc_page_print(p, "%-24s %s%s\n", meter->name, meter->available ? bnc_meter_kind_name(meter->kind) : meter->reason,
                   i == m->best_meter ? ", used" : "");
  }
}

static void print_bits(bnc_page *p, uint32_t bits) {
  const char *separator = "";
  if (!bits) bnc_page_print(p, "no");
  for (unsigned i = 0; i < 4; i++)
    if (bits >> i & 1) {
      bnc_page_print(p, "%s%s", separator, bnc_throttle_bit_name(i));
      separator = ", ";
    }
}

static void print_thermals(bnc_page *p, const bnc_machine *m) {
  head(p, "thermals");
  if (m->zone_count == 0) bnc_page_print(p, "no sensors");
  for (size_t i = 0; i < m->zone_count; i++) {
    if (i > 0 && i % 4 == 0) {
      bnc_page_print(p, "\n");
      head(p, "");
    }
    bnc_page_print(p, "%s%s %.1f C", i % 4 ? ", " : "", m->zones[i].type, m->zones[i].celsius);
  }
  bnc_page_print(p, "\n");
  const bnc_throttle *t = &m->throttle;
  head(p, "throttling");
  if (!t->source) {
    bnc_page_print(p, "not reported by this machine\n");
    return;
  }
  if (t->events < 0 || t->now) {
    bnc_page_print(p, "now: ");
    print_bits(p, t->now);
    bnc_page_print(p, "%s", t->now_only ? "" : "; ");
  }
  if (t->events >= 0) {
    bnc_page_print(p, "%lld times since boot%s", (long long)t->events, t->over_current ? ", by over-current or under-voltage" : "");
  } else if (!t->now_only) {
    bnc_page_print(p, "since boot: ");
    print_bits(p, t->since_boot);
  }
  bnc_page_print(p, "\n");
}

static void print_rest(bnc_page *p, const bnc_machine *m) {
  bnc_warning warning[BNC_WARNINGS_MAX];
  const size_t count = bnc_machine_warnings(m, warning);
  head(p, "storage");
  bnc_page_print(p, "%s%s%s\n", m->storage.device, m->storage.device[0] ? ", " : "", bnc_storage_kind_name(m->storage.kind));
  for (size_t i = 0; i < count; i++) {
    head(p, i ? "" : "warning");
    bnc_page_print(p, "%s\n", warning[i]);
  }
}

/* Names out of /sys and /proc: a terminal must not obey what they hold. */
static void make_printable(char *text) {
  for (unsigned char *c = (unsigned char *)text; *c; c++)
    if ((*c < 0x20 && *c != '\n') || *c == 0x7f) *c = '?';
}

bnc_status bnc_machine_text(const bnc_machine *m, char **text, bnc_error *err) {
  bnc_page p = {0};
  print_cpu(&p, m);
  print_system(&p, m);
  print_meters(&p, m);
  print_thermals(&p, m);
  print_rest(&p, m);
  if (!p.failed) make_printable(p.text);
  return bnc_page_finish(&p, text, err);
}
