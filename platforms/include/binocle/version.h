/* SPDX-License-Identifier: Apache-2.0 */
/** @file version.h  Which library this is. */
#ifndef BINOCLE_VERSION_H
#define BINOCLE_VERSION_H

#include <binocle/export.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The library's version, such as "0.1.0". Never NULL; lives as long as the library is loaded. */
BNC_API const char *bnc_version(void);

#ifdef __cplusplus
}
#endif
#endif
