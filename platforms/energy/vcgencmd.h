/* SPDX-License-Identifier: Apache-2.0 */
/** @file vcgencmd.h  What Raspberry Pi firmware says, through the system's `vcgencmd` program (looked up in PATH). */
#ifndef BINOCLE_PLATFORMS_ENERGY_VCGENCMD_H
#define BINOCLE_PLATFORMS_ENERGY_VCGENCMD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Whether the program is there. */
bool bnc_vcgencmd_present(void);
/** Its output, cut to size - 1 bytes; false where it is absent, fails, prints nothing or takes longer than two seconds. */
bool bnc_vcgencmd_run(const char *argument, char *output, size_t size);

/**
 * Board power in watts from `pmic_read_adc` output: lines "NAME_A current(i)=..A" and "NAME_V volt(j)=..V"; 1.1451 * sum(V * I) + 0.5879,
 * a published fit for the Pi 5 without USB loads. false where no rail has both.
 */
bool bnc_vcgencmd_parse_pmic(const char *output, double *watts);
/** "throttled=0x50005"; false where it is not that. */
bool bnc_vcgencmd_parse_throttled(const char *output, uint32_t *bits);

#endif
