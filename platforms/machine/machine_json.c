/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <yyjson.h>

#include "platforms/base/mem.h"
#include "platforms/machine/machine.h"
#include "platforms/machine/warnings.h"

typedef yyjson_mut_doc doc_t;
typedef yyjson_mut_val val_t;

static void put_text(doc_t *d, val_t *o, const char *key, const char *text) { yyjson_mut_obj_add_strcpy(d, o, key, text); }
static void put_bool(doc_t *d, val_t *o, const char *key, bool value) { yyjson_mut_obj_add_bool(d, o, key, value); }

/* 0 stands for "not known" in our structures and becomes null. */
static void put_known(doc_t *d, val_t *o, const char *key, uint64_t value) {
  if (value)
    yyjson_mut_obj_add_uint(d, o, key, value);
  else
    yyjson_mut_obj_add_null(d, o, key);
}

/* Texts of /sys may hold anything; JSON wants UTF-8. */
static void put_outside(doc_t *d, val_t *o, const char *key, const char *text) {
  char clean[160];
  size_t n = 0;
  for (; text[n] && n + 1 < sizeof clean; n++) clean[n] = (unsigned char)text[n] < 0x80 && (unsigned char)text[n] >= 0x20 ? text[n] : '?';
  clean[n] = 0;
  put_text(d, o, key, clean);
}

static double round_to(double value, double step) { return round(value / step) * step; }

static void put_caches(doc_t *d, val_t *o, const bnc_cpu_cache *l1d, const bnc_cpu_cache *l2, const bnc_cpu_cache *l3) {
  static const char *const names[] = {"l1d", "l2", "l3"};
  const bnc_cpu_cache *caches[] = {l1d, l2, l3};
  val_t *all = yyjson_mut_obj_add_obj(d, o, "caches");
  for (size_t i = 0; i < 3; i++) {
    val_t *c = yyjson_mut_obj_add_obj(d, all, names[i]);
    put_known(d, c, "bytes", caches[i]->bytes);
    put_known(d, c, "shared_by_cpus", caches[i]->shared);
  }
}

static void put_cpu(doc_t *d, val_t *root, const bnc_machine *m) {
  const bnc_cpu *cpu = &m->cpu;
  val_t *o = yyjson_mut_obj_add_obj(d, root, "cpu");
  put_outside(d, o, "brand", cpu->brand);
  put_text(d, o, "uarch", cpu->uarch);
  put_text(d, o, "arch", bnc_cpu_arch_name(cpu->arch));
  yyjson_mut_obj_add_uint(d, o, "cores", cpu->cores);
  yyjson_mut_obj_add_uint(d, o, "cpus", cpu->cpus);
  val_t *features = yyjson_mut_obj_add_arr(d, o, "features");
  const char *name;
  uint32_t bit = 0;
  for (size_t i = 0; (name = bnc_cpu_feature_name(i, &bit)); i++)
    if (cpu->features & bit) yyjson_mut_arr_add_str(d, features, name);
  put_text(d, o, "level", bnc_cpu_level_name(cpu->level));
  put_text(d, o, "level_supported", bnc_cpu_level_name(cpu->supported));
  val_t *levels = yyjson_mut_obj_add_arr(d, o, "levels");
  for (unsigned i = 0; i < BNC_CPU_LEVELS; i++) {
    val_t *l = yyjson_mut_arr_add_obj(d, levels);
    put_text(d, l, "name", bnc_cpu_level_name((bnc_cpu_level)i));
    put_bool(d, l, "supported", bnc_cpu_level_supported(cpu, (bnc_cpu_level)i));
    put_bool(d, l, "used", cpu->level == (bnc_cpu_level)i);
  }
  put_caches(d, o, &cpu->l1d, &cpu->l2, &cpu->l3);
  val_t *clusters = yyjson_mut_obj_add_arr(d, o, "clusters");
  for (size_t k = 0; k < cpu->cluster_count; k++) {
    const bnc_cpu_cluster *c = &cpu->clusters[k];
    val_t *v = yyjson_mut_arr_add_obj(d, clusters);
    put_text(d, v, "uarch", c->uarch);
    put_text(d, v, "kind", c->little ? "little" : "big");
    yyjson_mut_obj_add_uint(d, v, "cores", c->cores);
    yyjson_mut_obj_add_uint(d, v, "cpus", c->cpus);
    put_known(d, v, "max_mhz", c->max_mhz);
    put_known(d, v, "current_mhz", m->frequency[k].mhz);
    if (m->frequency[k].governor[0])
      put_outside(d, v, "governor", m->frequency[k].governor);
    else
      yyjson_mut_obj_add_null(d, v, "governor");
    put_caches(d, v, &c->l1d, &c->l2, &c->l3);
  }
}

static void put_threads(doc_t *d, val_t *root, const bnc_machine *m) {
  val_t *o = yyjson_mut_obj_add_obj(d, root, "threads");
  unsigned big = 0;
  for (size_t k = 0; k < m->cpu.cluster_count; k++) big += m->cpu.clusters[k].little ? 0 : m->cpu.clusters[k].cores;
  yyjson_mut_obj_add_uint(d, o, "big_cores", big);
  yyjson_mut_obj_add_uint(d, o, "default", m->default_threads);
  yyjson_mut_obj_add_uint(d, o, "allowed_cpus", m->allowed_cpus);
  if (m->cpu_quota > 0)
    yyjson_mut_obj_add_real(d, o, "cgroup_quota_cpus", round_to(m->cpu_quota, 0.001));
  else
    yyjson_mut_obj_add_null(d, o, "cgroup_quota_cpus");
}

static void put_system(doc_t *d, val_t *root, const bnc_machine *m) {
  val_t *o = yyjson_mut_obj_add_obj(d, root, "memory");
  put_known(d, o, "total_bytes", m->memory_total);
  put_known(d, o, "available_bytes", m->memory_available);
  put_known(d, o, "page_bytes", m->page_bytes);
  o = yyjson_mut_obj_add_obj(d, root, "system");
  put_outside(d, o, "os", m->os);
  put_outside(d, o, "kernel", m->kernel);
}

static void put_meters(doc_t *d, val_t *root, const bnc_machine *m) {
  val_t *all = yyjson_mut_obj_add_arr(d, root, "meters");
  for (size_t i = 0; i < m->meter_count; i++) {
    const bnc_meter_info *meter = &m->meters[i];
    val_t *o = yyjson_mut_arr_add_obj(d, all);
    put_outside(d, o, "name", meter->name);
    put_text(d, o, "kind", bnc_meter_kind_name(meter->kind));
    put_text(d, o, "method", meter->counter ? "energy counter" : "power samples");
    put_bool(d, o, "available", meter->available);
    put_bool(d, o, "used", i == m->best_meter);
    if (meter->available)
      yyjson_mut_obj_add_null(d, o, "reason");
    else
      put_outside(d, o, "reason", meter->reason);
  }
}

/* What slows the machine down, and what it rests on. */
static void put_rest(doc_t *d, val_t *root, const bnc_machine *m) {
  bnc_warning warning[BNC_WARNINGS_MAX];
  const size_t count = bnc_machine_warnings(m, warning);
  put_bool(d, root, "fan", m->fan);
  val_t *o = yyjson_mut_obj_add_obj(d, root, "storage");
  if (m->storage.device[0])
    put_outside(d, o, "device", m->storage.device);
  else
    yyjson_mut_obj_add_null(d, o, "device");
  put_text(d, o, "kind", bnc_storage_kind_name(m->storage.kind));
  val_t *all = yyjson_mut_obj_add_arr(d, root, "warnings");
  for (size_t i = 0; i < count; i++) {
    char clean[BNC_WARNING_SIZE];
    size_t n = 0;
    for (; warning[i][n]; n++) clean[n] = (unsigned char)warning[i][n] < 0x80 && (unsigned char)warning[i][n] >= 0x20 ? warning[i][n] : '?';
    clean[n] = 0;
    yyjson_mut_arr_add_strcpy(d, all, clean);
  }
}

static void put_bits(doc_t *d, val_t *o, const char *key, uint32_t bits) {
  val_t *list = yyjson_mut_obj_add_arr(d, o, key);
  for (unsigned i = 0; i < 4; i++)
    if (bits >> i & 1) yyjson_mut_arr_add_str(d, list, bnc_throttle_bit_name(i));
}

static void put_thermals(doc_t *d, val_t *root, const bnc_machine *m) {
  val_t *all = yyjson_mut_obj_add_arr(d, root, "thermals");
  for (size_t i = 0; i < m->zone_count; i++) {
    val_t *o = yyjson_mut_arr_add_obj(d, all);
    put_outside(d, o, "type", m->zones[i].type);
    yyjson_mut_obj_add_real(d, o, "celsius", m->zones[i].celsius);
  }
  const bnc_throttle *t = &m->throttle;
  if (!t->source) {
    yyjson_mut_obj_add_null(d, root, "throttling");
    return;
  }
  val_t *o = yyjson_mut_obj_add_obj(d, root, "throttling");
  put_text(d, o, "source", t->source);
  put_bits(d, o, "now", t->now);
  if (t->now_only)
    yyjson_mut_obj_add_null(d, o, "since_boot");
  else
    put_bits(d, o, "since_boot", t->since_boot);
  if (t->events >= 0)
    yyjson_mut_obj_add_sint(d, o, "events", t->events);
  else
    yyjson_mut_obj_add_null(d, o, "events");
}

/* Adding to a document without memory silently leaves members out: the allocator remembers that it failed. */
static void *watch(void *failed, void *ptr) {
  if (!ptr) *(bool *)failed = true;
  return ptr;
}
static void *watched_malloc(void *failed, size_t size) { return watch(failed, bnc_mem_alloc(size)); }
static void *watched_realloc(void *failed, void *ptr, size_t old_size, size_t size) {
  (void)old_size;
  return watch(failed, bnc_mem_realloc(ptr, size));
}
static void watched_free(void *failed, void *ptr) {
  (void)failed;
  bnc_mem_free(ptr);
}

bnc_status bnc_machine_json(const bnc_machine *m, char **text, bnc_error *err) {
  *text = NULL;
  bool failed = false;
  const yyjson_alc watched = {watched_malloc, watched_realloc, watched_free, &failed};
  doc_t *d = yyjson_mut_doc_new(&watched);
  if (!d) return bnc_fail_memory(err, sizeof *d);
  val_t *root = yyjson_mut_obj(d);
  yyjson_mut_doc_set_root(d, root);
  put_cpu(d, root, m);
  put_threads(d, root, m);
  put_system(d, root, m);
  put_meters(d, root, m);
  put_thermals(d, root, m);
  put_rest(d, root, m);
  size_t size = 0;
  char *out = failed ? NULL : yyjson_mut_write_opts(d, YYJSON_WRITE_PRETTY_TWO_SPACES | YYJSON_WRITE_NEWLINE_AT_END, &watched, &size, NULL);
  yyjson_mut_doc_free(d);
  if (!out)
    return bnc_fail(err, failed ? BNC_ERROR_MEMORY : BNC_ERROR_INTERNAL, failed ? "out of memory" : "the machine's description is no JSON");
  *text = out;
  return BNC_OK;
}
