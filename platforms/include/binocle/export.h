/* SPDX-License-Identifier: Apache-2.0 */
/** @file export.h  BNC_API marks what the library offers; every other symbol stays inside it. */
#ifndef BINOCLE_EXPORT_H
#define BINOCLE_EXPORT_H

#if defined(__GNUC__)
#define BNC_API __attribute__((visibility("default")))
#else
#define BNC_API
#endif

#endif
