/* SPDX-License-Identifier: Apache-2.0 */
/** @file fit_report.h  How bnc_fit's findings are told. */
#ifndef BINOCLE_RUNTIME_DEVICES_FIT_REPORT_H
#define BINOCLE_RUNTIME_DEVICES_FIT_REPORT_H

#include "platforms/file/page.h"
#include "runtime/devices/estimate.h"

typedef struct bnc_fit_findings {
  const bnc_board *board; /* NULL: this machine */
  bnc_rates rates;
  uint64_t available;              /* bytes of memory */
  const char *bound;               /* what leaves no more */
  const bnc_demand *const *demand; /* [count] */
  size_t count, asked;             /* asked: told of; the rest are candidates of the suggestion */
  const bnc_demand *suggestion;    /* NULL: none fits */
} bnc_fit_findings;

/** Members of a JSON object, each line behind a comma and a line break, and lines for people. */
void bnc_fit_json(bnc_page *page, const bnc_fit_findings *findings);
void bnc_fit_text(bnc_page *page, const bnc_fit_findings *findings);

#endif
