/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "platforms/machine.h"
#include "platforms/mem.h"

#define FIRST_SIZE 4096

typedef struct page {
  char *text;
  size_t size, room;
  bool failed;
} page;

__attribute__((format(printf, 2, 3))) static void print(page *p, const char *format, ...) {
  for (int attempt = 0; attempt < 2 && !p->failed; attempt++) {
    va_list args;
    va_start(args, format);
    int n = vsnprintf(p->text + p->size, p->room - p->size, format, args);
    va_end(args);
    if (n < 0) break;
    if ((size_t)n < p->room - p->size) {
      p->size += (size_t)n;
      return;
    }
    char *grown = bnc_mem_realloc(p->text, 2 * p->room + (size_t)n);
    if (!grown) break;
    p->text = grown;
    p->room = 2 * p->room + (size_t)n;
  }
  p->failed = true;
}

/* The left column: a word on the first line of its group. */
static void head(page *p, const char *word) { print(p, "%-10s ", word); }

static void print_bytes(page *p, uint64_t bytes) {
  if (bytes == 0)
    print(p, "unknown");
  else if (bytes < 1u << 20)
    print(p, "%llu KiB", (unsigned long long)(bytes >> 10));
  else if (bytes < 1u << 30)
    print(p, "%.4g MiB", (double)bytes / (1 << 20));
  else
    print(p, "%.1f GiB", (double)bytes / (1 << 30));
}

static void print_cache(page *p, const char *name, const bnc_cpu_cache *cache) {
  if (!cache->bytes) return;
  print(p, "  %s ", name);
  print_bytes(p, cache->bytes);
  if (cache->shared > 1) print(p, " (shared by %u CPUs)", cache->shared);
}

static void print_cpu(page *p, const bnc_machine *m) {
  const bnc_cpu *cpu = &m->cpu;
  head(p, "CPU");
  print(p, "%s, %s, %s\n", cpu->brand, cpu->uarch, bnc_cpu_arch_name(cpu->arch));
  for (size_t k = 0; k < cpu->cluster_count; k++) {
    const bnc_cpu_cluster *c = &cpu->clusters[k];
    head(p, k ? "" : "cores");
    print(p, "%u x %s", c->cores, c->uarch);
    if (c->cpus != c->cores) print(p, " (%u threads)", c->cpus);
    if (c->little) print(p, ", little");
    if (c->max_mhz) print(p, ", up to %u MHz", c->max_mhz);
    if (m->frequency[k].mhz) print(p, ", now %u MHz", m->frequency[k].mhz);
    if (m->frequency[k].governor[0]) print(p, ", governor %s", m->frequency[k].governor);
    print(p, "\n");
    if (!c->l1d.bytes && !c->l2.bytes && !c->l3.bytes) continue;
    head(p, "");
    print_cache(p, "L1d", &c->l1d);
    print_cache(p, "L2", &c->l2);
    print_cache(p, "L3", &c->l3);
    print(p, "\n");
  }
  head(p, "threads");
  print(p, "%zu by default, %zu CPUs allowed", m->default_threads, m->allowed_cpus);
  if (m->cpu_quota > 0) print(p, ", cgroup quota %.2f CPUs", m->cpu_quota);
  print(p, "\n");
  for (unsigned i = 0; i < BNC_CPU_LEVELS; i++) {
    bnc_cpu_level level = (bnc_cpu_level)i;
    if (!bnc_cpu_level_of_arch(level, cpu->arch)) continue;
    head(p, i ? "" : "levels");
    bool used = level == cpu->level;
    print(p, "%-13s %s%s\n", bnc_cpu_level_name(level), bnc_cpu_level_supported(cpu, level) ? "supported" : "not supported", used ? ", used" : "");
  }
}

static void print_system(page *p, const bnc_machine *m) {
  head(p, "memory");
  print_bytes(p, m->memory_total);
  print(p, " in all, ");
  print_bytes(p, m->memory_available);
  print(p, " available, pages of %zu KiB\n", m->page_bytes >> 10);
  head(p, "system");
  print(p, "%s, kernel %s\n", m->os, m->kernel);
}

static void print_meters(page *p, const bnc_machine *m) {
  for (size_t i = 0; i < m->meter_count; i++) {
    const bnc_meter_info *meter = &m->meters[i];
    head(p, i ? "" : "meters");
    print(p, "%-24s %s%s\n", meter->name, meter->available ? bnc_meter_kind_name(meter->kind) : meter->reason, i == m->best_meter ? ", used" : "");
  }
}

static void print_bits(page *p, uint32_t bits) {
  const char *separator = "";
  if (!bits) print(p, "no");
  for (unsigned i = 0; i < 4; i++)
    if (bits >> i & 1) {
      print(p, "%s%s", separator, bnc_throttle_bit_name(i));
      separator = ", ";
    }
}

static void print_thermals(page *p, const bnc_machine *m) {
  head(p, "thermals");
  if (m->zone_count == 0) print(p, "no sensors");
  for (size_t i = 0; i < m->zone_count; i++) {
    if (i > 0 && i % 4 == 0) {
      print(p, "\n");
      head(p, "");
    }
    print(p, "%s%s %.1f C", i % 4 ? ", " : "", m->zones[i].type, m->zones[i].celsius);
  }
  print(p, "\n");
  const bnc_throttle *t = &m->throttle;
  head(p, "throttling");
  if (!t->source) {
    print(p, "not reported by this machine\n");
  } else if (t->events >= 0) {
    print(p, "%lld times since boot\n", (long long)t->events);
  } else {
    print(p, "now: ");
    print_bits(p, t->now);
    print(p, "; since boot: ");
    print_bits(p, t->since_boot);
    print(p, "\n");
  }
}

/* Names out of /sys and /proc: a terminal must not obey what they hold. */
static void make_printable(char *text) {
  for (unsigned char *c = (unsigned char *)text; *c; c++)
    if ((*c < 0x20 && *c != '\n') || *c == 0x7f) *c = '?';
}

bnc_status bnc_machine_text(const bnc_machine *m, char **text, bnc_error *err) {
  page p = {bnc_mem_alloc(FIRST_SIZE), 0, FIRST_SIZE, false};
  *text = NULL;
  if (!p.text) return bnc_fail_memory(err, FIRST_SIZE);
  p.text[0] = 0;
  print_cpu(&p, m);
  print_system(&p, m);
  print_meters(&p, m);
  print_thermals(&p, m);
  if (p.failed) {
    bnc_mem_free(p.text);
    return bnc_fail_memory(err, 2 * p.room);
  }
  make_printable(p.text);
  *text = p.text;
  return BNC_OK;
}
