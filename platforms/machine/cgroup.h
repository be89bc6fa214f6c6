/* SPDX-License-Identifier: Apache-2.0 */
/** @file cgroup.h  The control groups (v1 and v2) that hold this process. */
#ifndef BINOCLE_PLATFORMS_MACHINE_CGROUP_H
#define BINOCLE_PLATFORMS_MACHINE_CGROUP_H

#include <stdbool.h>

/** One group: its folder below /sys/fs/cgroup, as sysfs.h takes paths, and whether it is of version 2. */
typedef void (*bnc_cgroup_visit)(void *context, const char *folder, bool v2);

/** Visits this process's group and all groups above it, which hold it too, in every hierarchy that has the controller ("cpu", "memory").
 * Where the groups' tree is not mounted as /proc says, folders may be absent. */
void bnc_cgroup_climb(const char *controller, bnc_cgroup_visit visit, void *context);

#endif
