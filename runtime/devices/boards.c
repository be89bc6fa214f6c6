/* SPDX-License-Identifier: Apache-2.0 */
/* The table of estimates. Nothing in it was measured by us.
 *   macs per cycle   bench/baselines/arm-loops.csv (llvm-mca): matmul_i8, matmul_i4 and attention on the level; the A57 as the A72, the
 *                    A78 as neoverse-n1, A710 and X2 as neoverse-n2, the A53 in-order
 *   mhz              the data sheet's, less where such boards are known to fall under load without a large cooler (phones)
 *   memory           what benchmarks of others commonly read with all cores: 25 to 60 % of the theoretical rate
 *   taken            a system without a desktop; Android and JetPack with theirs
 *   storage          an SD card, an eMMC, an NVMe or UFS
 *   watts, idle      the board's input with busy cores, and without work, screen and radio off. pi3, pi4: a USB meter's, PidRamble's
 *                    "Power Consumption Benchmarks" (stress --cpu 4). pi5: 10 W from 5.3 J per token of an 8B model; its PMIC's 7.7 and
 *                    2.1 W (ml-energy/zeus, issue 273) are 9.4 and 3.0 at the board's input. All others are judgements, without a source;
 *                    of agx-orin, T-MAC's paper has 10.4 W while its CPU decodes, on rails that it does not name */
#include "runtime/devices/boards.h"

#include <string.h>

const char bnc_board_assumptions[] =
    "not measured: data sheets, inner loops in a model of the core (llvm-mca), memory rates as others measured them, and the share of such "
    "limits that whole models reach on x86; cooled, nothing else running";

static const bnc_board boards[] = {
    {"pi3", "Raspberry Pi 3 B+, 1 GB, SD card", BNC_CPU_NEON, 4, 1400, 2.7, 3.9, 1.3, 2.2, 1.0, 0.2, 22, 5.1, 1.9, "Raspberry Pi 3"},
    {"zero2", "Raspberry Pi Zero 2 W, 512 MB, SD card", BNC_CPU_NEON, 4, 1000, 2.7, 3.9, 1.3, 1.9, 0.5, 0.15, 22, 3, 0.7,
     "Raspberry Pi Zero 2"},
    {"pi4", "Raspberry Pi 4 B, 4 GB, SD card", BNC_CPU_NEON, 4, 1800, 7.7, 8, 4, 4.5, 4.0, 0.3, 44, 6.4, 2.7, "Raspberry Pi 4"},
    {"pi5", "Raspberry Pi 5, 8 GB, SD card", BNC_CPU_NEON_DOTPROD, 4, 2400, 32, 32, 6.8, 10, 8.0, 0.4, 88, 10, 3.0, "Raspberry Pi 5"},
    {"jetson-nano", "NVIDIA Jetson Nano, 4 GB, SD card", BNC_CPU_NEON, 4, 1430, 7.7, 8, 4, 9, 4.0, 0.9, 85, 9, 1.9, "NVIDIA Jetson Nano"},
    {"orin-nano", "NVIDIA Jetson Orin Nano, 8 GB, NVMe", BNC_CPU_NEON_DOTPROD, 6, 1500, 32, 32, 6.8, 28, 7.4, 1.2, 1500, 12, 4.8,
     "NVIDIA Jetson Orin Nano"},
    {"agx-orin", "NVIDIA Jetson AGX Orin, 32 GB, NVMe", BNC_CPU_NEON_DOTPROD, 8, 2200, 32, 32, 6.8, 65, 30.0, 1.8, 2000, 28, 9.0,
     "NVIDIA Jetson AGX Orin"},
    {"phone-mid", "phone with 2 x Cortex-A78, 6 GB, UFS", BNC_CPU_NEON_DOTPROD, 2, 2200, 32, 32, 6.8, 11, 5.6, 3.0, 500, 4, 0.8, NULL},
    {"phone-flagship", "phone with Cortex-X2 and 3 x Cortex-A710, 12 GB, UFS", BNC_CPU_NEON_I8MM, 4, 2300, 63, 63, 6.8, 28, 11.4, 5.5, 1500,
     7, 1.0, NULL},
};
enum { BOARDS = sizeof boards / sizeof *boards };

const bnc_board *bnc_board_at(size_t index) { return index < BOARDS ? &boards[index] : NULL; }

const bnc_board *bnc_board_find(const char *name) {
  for (size_t i = 0; i < BOARDS; i++)
    if (strcmp(boards[i].name, name) == 0) return &boards[i];
  return NULL;
}

const bnc_board *bnc_board_of_brand(const char *brand) {
  for (size_t i = 0; i < BOARDS; i++)
    if (boards[i].brand && strncmp(boards[i].brand, brand, strlen(boards[i].brand)) == 0) return &boards[i];
  return NULL;
}
