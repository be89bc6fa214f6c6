/* SPDX-License-Identifier: Apache-2.0 */
#include <binocle/version.h>

const char *bnc_version(void) { return BINOCLE_VERSION; }
