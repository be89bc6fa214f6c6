/* SPDX-License-Identifier: Apache-2.0 */
/** @file fake_tree.h  Makes /sys and /proc trees of machines that we do not own, below the test's own folder, and points BINOCLE_SYSFS
 * there. */
#ifndef BINOCLE_TESTS_FAKE_TREE_H
#define BINOCLE_TESTS_FAKE_TREE_H

#include <stdint.h>

#include "tests/unit.h"

/** Back to the real machine; PATH without a vcgencmd stub. */
void fake_tree_none(void);
/** A fresh, empty tree. */
void fake_tree_begin(const char *name);
/** Writes one file of it, making folders; text may be replaced later by another call. */
void fake_file(const char *path, const char *text);
__attribute__((format(printf, 2, 3))) void fake_filef(const char *path, const char *format, ...);
void fake_remove(const char *path);
/** Puts a shell script named vcgencmd into PATH; body sees the argument as $1. NULL: removes it. */
void fake_vcgencmd(const char *body);
/** The tree's root. */
const char *fake_root(void);

/** NVIDIA Jetson Orin Nano: 6 x Cortex-A78AE in two clusters, ina3221 with VDD_IN 5000 mV * 1400 mA = 7 W. */
void fake_tree_orin(void);
/** Raspberry Pi 5: 4 x Cortex-A76, vcgencmd with 5 V * 1 A and 0.8 V * 2.5 A, throttled=0x50000. */
void fake_tree_pi5(void);
/** Laptop, Alder Lake: 4 P-cores with 2 threads (0-7) and 4 E-cores (8-11), RAPL package-0 and psys, battery BAT0 discharging at 9.5 W. */
void fake_tree_laptop(void);
/** Phone, Snapdragon 8 Gen 1: 1 x X2, 3 x A710, 4 x A510; battery by current and voltage, 0.9 A * 4 V. */
void fake_tree_phone(void);

#endif
