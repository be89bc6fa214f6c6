/* SPDX-License-Identifier: Apache-2.0 */
/** @file page.h  Text that grows as it is printed: descriptions for people, schedules, pictures in SVG. */
#ifndef BINOCLE_PLATFORMS_FILE_PAGE_H
#define BINOCLE_PLATFORMS_FILE_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "platforms/base/error.h"

/** Zero-initialised is empty. Failures are kept until bnc_page_finish. */
typedef struct bnc_page {
  char *text; /* NUL-terminated once anything is printed */
  size_t size, room;
  bool failed;
} bnc_page;

/** Formats onto the end. %f and %g print the locale's decimal point: what machines read uses bnc_page_fixed. */
__attribute__((format(printf, 2, 3))) void bnc_page_print(bnc_page *page, const char *format, ...);
/** value with two decimals and a point, in any locale. */
void bnc_page_fixed(bnc_page *page, double value);
/** "812 B", "17.3 KB", "4.62 GB": decimal units, as disks and networks count, with three digits. */
void bnc_page_bytes(bnc_page *page, uint64_t bytes);
/** The same for counts: "14.5 G". */
void bnc_page_count(bnc_page *page, uint64_t count);
/** Hands the text over as a bnc_mem string, or frees it and fails. */
bnc_status bnc_page_finish(bnc_page *page, char **text, bnc_error *err);

#endif
