/* SPDX-License-Identifier: Apache-2.0 */
/** @file build_id.h  Which build of the library runs: for what is kept on disk and must have this build's bits. */
#ifndef BINOCLE_PLATFORMS_BASE_BUILD_ID_H
#define BINOCLE_PLATFORMS_BASE_BUILD_ID_H

#include <stddef.h>
#include <stdint.h>

#define BNC_BUILD_ID_BYTES 64

/** What the linker wrote over the bytes of this library or program (the GNU build ID), at most BNC_BUILD_ID_BYTES of it. Returns its
   length; 0: it has none. */
size_t bnc_build_id(uint8_t id[BNC_BUILD_ID_BYTES]);

#endif
