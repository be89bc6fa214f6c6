/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/platforms/fake_tree.h"
#include "tests/unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char current[400];

const char *fake_root(void) { return current; }

void fake_tree_none(void) {
  unsetenv("BINOCLE_SYSFS");
  fake_vcgencmd(NULL);
}

static void make_folders(const char *file) {
  char path[700];
  snprintf(path, sizeof path, "%s", file);
  for (char *c = path + 1; *c; c++) {
    if (*c != '/') continue;
    *c = 0;
    if (mkdir(path, 0755) < 0 && errno != EEXIST) fail_msg("mkdir %s: %s", path, strerror(errno));
    *c = '/';
  }
}

void fake_tree_begin(const char *name) {
  char cwd[300], command[500];
  assert_non_null(getcwd(cwd, sizeof cwd));
  snprintf(current, sizeof current, "%s/tree-%.40s", cwd, name);
  snprintf(command, sizeof command, "chmod -R u+rwX '%s' 2>/dev/null; rm -rf '%s'; mkdir -p '%s'", current, current, current);
  assert_int_equal(system(command), 0);
  setenv("BINOCLE_SYSFS", current, 1);
  fake_vcgencmd(NULL);
}

static void write_file(const char *path, const char *text, mode_t mode) {
  make_folders(path);
  FILE *f = fopen(path, "wb");
  if (!f) fail_msg("%s: %s", path, strerror(errno));
  fwrite(text, 1, strlen(text), f);
  fclose(f);
  chmod(path, mode);
}

void fake_file(const char *path, const char *text) {
  char full[700];
  snprintf(full, sizeof full, "%s%s", current, path);
  write_file(full, text, 0644);
}

void fake_filef(const char *path, const char *format, ...) {
  char text[1024];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  fake_file(path, text);
}

void fake_remove(const char *path) {
  char full[700];
  snprintf(full, sizeof full, "%s%s", current, path);
  assert_int_equal(unlink(full), 0);
}

void fake_vcgencmd(const char *body) {
  static char original[4096];
  char cwd[300], path[400], value[5000], script[3000];
  if (!original[0]) snprintf(original, sizeof original, "%s", getenv("PATH") ? getenv("PATH") : "/bin:/usr/bin");
  assert_non_null(getcwd(cwd, sizeof cwd));
  snprintf(path, sizeof path, "%s/stub/vcgencmd", cwd);
  unlink(path);
  setenv("PATH", original, 1);
  if (!body) return;
  snprintf(script, sizeof script, "#!/bin/sh\n%s\n", body);
  write_file(path, script, 0755);
  snprintf(value, sizeof value, "%s/stub:%s", cwd, original);
  setenv("PATH", value, 1);
}

static void cpu_file(unsigned cpu, const char *name, const char *text) {
  char path[200];
  snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%u/%s", cpu, name);
  fake_file(path, text);
}

static void arm_cpus(unsigned from, unsigned to, const char *midr, const char *max_khz, const char *capacity) {
  for (unsigned i = from; i <= to; i++) {
    char self[16];
    snprintf(self, sizeof self, "%u\n", i);
    cpu_file(i, "regs/identification/midr_el1", midr);
    cpu_file(i, "cpufreq/cpuinfo_max_freq", max_khz);
    cpu_file(i, "cpufreq/scaling_cur_freq", max_khz);
    cpu_file(i, "cpufreq/scaling_governor", "schedutil\n");
    cpu_file(i, "topology/core_cpus_list", self);
    if (capacity) cpu_file(i, "cpu_capacity", capacity);
  }
}

static void cache(unsigned cpu, unsigned index, const char *level, const char *type, const char *size, const char *shared) {
  static const char *const names[] = {"level", "type", "size", "shared_cpu_list"};
  const char *values[] = {level, type, size, shared};
  for (size_t i = 0; i < 4; i++) {
    char name[64];
    snprintf(name, sizeof name, "cache/index%u/%s", index, names[i]);
    cpu_file(cpu, name, values[i]);
  }
}

void fake_tree_orin(void) {
  static const char chip[] = "/sys/bus/i2c/drivers/ina3221/1-0040/hwmon/hwmon1/";
  static const char *const rails[][3] = {
      {"VDD_IN\n", "5000\n", "1400\n"}, {"VDD_CPU_GPU_CV\n", "5000\n", "400\n"}, {"VDD_SOC\n", "5000\n", "300\n"}};
  fake_tree_begin("orin");
  fake_file("/proc/device-tree/model", "NVIDIA Jetson Orin Nano Developer Kit");
  fake_file("/proc/meminfo", "MemTotal:        7802316 kB\nMemFree:  100 kB\nMemAvailable:    5120000 kB\n");
  fake_file("/proc/sys/kernel/osrelease", "5.15.148-tegra\n");
  fake_file("/sys/devices/system/cpu/online", "0-5\n");
  arm_cpus(0, 5, "0x00000000410fd421\n", "1510400\n", NULL);
  cache(0, 0, "1\n", "Data\n", "64K\n", "0\n");
  cache(0, 1, "1\n", "Instruction\n", "64K\n", "0\n");
  cache(0, 2, "2\n", "Unified\n", "256K\n", "0\n");
  cache(0, 3, "3\n", "Unified\n", "2048K\n", "0-3\n");
  for (unsigned n = 1; n <= 3; n++) {
    for (size_t k = 0; k < 3; k++) {
      char path[128];
      snprintf(path, sizeof path, "%s%s%u%s", chip, k == 2 ? "curr" : "in", n, k == 0 ? "_label" : "_input");
      fake_file(path, rails[n - 1][k]);
    }
  }
  fake_file("/sys/bus/i2c/drivers/ina3221/1-0040/hwmon/hwmon1/in7_label", "sum of shunt voltages\n");
  fake_file("/sys/class/thermal/thermal_zone0/type", "cpu-thermal\n");
  fake_file("/sys/class/thermal/thermal_zone0/temp", "48500\n");
}

void fake_tree_pi5(void) {
  fake_tree_begin("pi5");
  fake_file("/proc/device-tree/model", "Raspberry Pi 5 Model B Rev 1.0");
  fake_file("/sys/devices/system/cpu/online", "0-3\n");
  arm_cpus(0, 3, "0x00000000414fd0b1\n", "2400000\n", NULL);
  fake_vcgencmd("case $1 in\n"
                "pmic_read_adc) printf '   VDD_CORE_A current(7)=2.50000000A\\n   EXT5V_A current(1)=1.00000000A\\n"
                "   VDD_CORE_V volt(15)=0.80000000V\\n   EXT5V_V volt(24)=5.00000000V\\n      BATT_V volt(25)=0.00000000V\\n';;\n"
                "get_throttled) echo throttled=0x50000;;\n*) echo 'error=1 error_msg=\"Command not registered\"';;\nesac");
}

void fake_tree_laptop(void) {
  static const char *const siblings[] = {"0-1\n", "2-3\n", "4-5\n", "6-7\n"};
  fake_tree_begin("laptop");
  fake_file("/sys/devices/system/cpu/online", "0-11\n");
  fake_file("/sys/devices/cpu_core/cpus", "0-7\n");
  fake_file("/sys/devices/cpu_atom/cpus", "8-11\n");
  for (unsigned i = 0; i < 12; i++) {
    char self[16];
    snprintf(self, sizeof self, "%u\n", i);
    cpu_file(i, "cpufreq/cpuinfo_max_freq", i >= 8 ? "3500000\n" : i < 2 ? "4800000\n" : "4700000\n");
    cpu_file(i, "topology/thread_siblings_list", i < 8 ? siblings[i / 2] : self);
  }
  cache(0, 0, "1\n", "Data\n", "48K\n", "0-1\n");
  cache(0, 2, "2\n", "Unified\n", "1280K\n", "0-1\n");
  cache(0, 3, "3\n", "Unified\n", "12M\n", "0-11\n");
  fake_file("/sys/class/powercap/intel-rapl:0/name", "package-0\n");
  fake_file("/sys/class/powercap/intel-rapl:0/energy_uj", "1000000\n");
  fake_file("/sys/class/powercap/intel-rapl:0/max_energy_range_uj", "262143328850\n");
  fake_file("/sys/class/powercap/intel-rapl:0:0/name", "core\n");
  fake_file("/sys/class/powercap/intel-rapl:0:0/energy_uj", "5\n");
  fake_file("/sys/class/powercap/intel-rapl:1/name", "psys\n");
  fake_file("/sys/class/powercap/intel-rapl:1/energy_uj", "7000000\n");
  fake_file("/sys/class/powercap/intel-rapl:1/max_energy_range_uj", "262143328850\n");
  fake_file("/sys/class/power_supply/AC/type", "Mains\n");
  fake_file("/sys/class/power_supply/BAT0/type", "Battery\n");
  fake_file("/sys/class/power_supply/BAT0/status", "Discharging\n");
  fake_file("/sys/class/power_supply/BAT0/power_now", "9500000\n");
  fake_file("/sys/devices/system/cpu/cpu0/thermal_throttle/core_throttle_count", "3\n");
  fake_file("/sys/devices/system/cpu/cpu2/thermal_throttle/core_throttle_count", "4\n");
}

void fake_tree_phone(void) {
  fake_tree_begin("phone");
  fake_file("/sys/devices/system/cpu/online", "0-7\n");
  arm_cpus(0, 3, "0x00000000412fd461\n", "1785600\n", "261\n");
  arm_cpus(4, 6, "0x00000000412fd470\n", "2496000\n", "871\n");
  arm_cpus(7, 7, "0x00000000412fd480\n", "2995200\n", "1024\n");
  fake_file("/sys/class/power_supply/usb/type", "USB\n");
  fake_file("/sys/class/power_supply/battery/type", "Battery\n");
  fake_file("/sys/class/power_supply/battery/status", "Discharging\n");
  fake_file("/sys/class/power_supply/battery/current_now", "-900000\n");
  fake_file("/sys/class/power_supply/battery/voltage_now", "4000000\n");
}
