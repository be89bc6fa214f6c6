/* SPDX-License-Identifier: Apache-2.0 */
/** @file version.h  Which library this is. */
#ifndef BINOCLE_VERSION_H
#define BINOCLE_VERSION_H

#include <binocle/export.h>

/** The version of these headers, for programs that must build with several: breaking changes raise MAJOR, additions MINOR. CMakeLists.txt
 * reads the project's version from here. */
#define BNC_VERSION_MAJOR 0
#define BNC_VERSION_MINOR 2 /**< additions */
#define BNC_VERSION_PATCH 0 /**< mends */
/** The three as one number that grows: 0.2.0 is 200. */
#define BNC_VERSION (BNC_VERSION_MAJOR * 10000 + BNC_VERSION_MINOR * 100 + BNC_VERSION_PATCH)

#ifdef __cplusplus
extern "C" {
#endif

/** The library's version, such as "0.1.0". Never NULL; lives as long as the library is loaded. */
BNC_API const char *bnc_version(void);

#ifdef __cplusplus
}
#endif
#endif
