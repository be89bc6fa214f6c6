/* SPDX-License-Identifier: Apache-2.0 */
/* A plugin for qemu-user (TCG plugins, API 1 and later) that counts executed instructions between marks: each execution of the function
   check_mark prints the count so far on standard error, as "mark N". For programs of one thread. bench/arm/count.py builds and uses it.
   Debian ships no header for such plugins: the few functions used are declared here, after qemu's documentation. */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

struct qemu_plugin_tb;
struct qemu_plugin_insn;
typedef void tb_translated(uint64_t id, struct qemu_plugin_tb *tb);
typedef void tb_executed(unsigned cpu, void *user);
extern void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t id, tb_translated *callback);
extern void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *tb, tb_executed *callback, int flags, void *user);
extern size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
extern struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t i);
extern const char *qemu_plugin_insn_symbol(const struct qemu_plugin_insn *insn);

#ifndef PLUGIN_API
#define PLUGIN_API 1
#endif
__attribute__((visibility("default"))) int qemu_plugin_version = PLUGIN_API;

static uint64_t count;

static void block(unsigned cpu, void *instructions) {
  (void)cpu;
  count += (uintptr_t)instructions;
}

static void mark(unsigned cpu, void *instructions) {
  block(cpu, instructions);
  fprintf(stderr, "mark %" PRIu64 "\n", count);
}

static void translated(uint64_t id, struct qemu_plugin_tb *tb) {
  const char *symbol = qemu_plugin_insn_symbol(qemu_plugin_tb_get_insn(tb, 0));
  (void)id;
  qemu_plugin_register_vcpu_tb_exec_cb(tb, symbol && strcmp(symbol, "check_mark") == 0 ? mark : block, 0,
                                       (void *)(uintptr_t)qemu_plugin_tb_n_insns(tb));
}

int qemu_plugin_install(uint64_t id, const void *info, int argc, char **argv);
__attribute__((visibility("default"))) int qemu_plugin_install(uint64_t id, const void *info, int argc, char **argv) {
  (void)info;
  (void)argc;
  (void)argv;
  qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
  return 0;
}
