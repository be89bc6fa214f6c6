/* SPDX-License-Identifier: Apache-2.0 */
/** @file warnings.h  What slows a machine down and could be changed. */
#ifndef BINOCLE_PLATFORMS_MACHINE_WARNINGS_H
#define BINOCLE_PLATFORMS_MACHINE_WARNINGS_H

#include "platforms/machine/machine.h"

#define BNC_WARNINGS_MAX 12
#define BNC_WARNING_SIZE 200

typedef char bnc_warning[BNC_WARNING_SIZE];

/** A sentence for each: under-voltage, throttling, heat, a slow governor, a missing fan, slow storage. Returns how many. */
size_t bnc_machine_warnings(const bnc_machine *machine, bnc_warning warning[BNC_WARNINGS_MAX]);

#endif
