/* SPDX-License-Identifier: Apache-2.0 */
/** @file map_advice.h  What the system should do with parts of a read-only file map. Only advice: nothing is ever wrong after it, and
 * systems that know less of it do less. */
#ifndef BINOCLE_PLATFORMS_FILE_MAP_ADVICE_H
#define BINOCLE_PLATFORMS_FILE_MAP_ADVICE_H

#include <stddef.h>

/** The range will be read soon: the disk may begin now. */
void bnc_map_fetch(const void *from, size_t size);
/** The range is read again and again: let it come into memory in pages as large as the system has for files, however little it reads ahead.
 * Small ones cost up to half the rate at which memory can be read (bench/baselines/pages-*.csv). */
void bnc_map_prefer_large(const void *from, size_t size);
/** The range is not needed again before the rest of the map is, and memory is short: the system gives it up now. Where it may not (a file
 * of somebody else), this is bnc_map_put_away. */
void bnc_map_give_up(const void *from, size_t size);
/** The range is not read for a while: its whole pages leave the process and are the first that the system gives up when it lacks memory.
 * What reads them again finds them in the system's cache, or reads the file. Never for memory that is no file map: its content would be
 * gone. */
void bnc_map_put_away(const void *from, size_t size);

#endif
