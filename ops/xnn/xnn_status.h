/* SPDX-License-Identifier: Apache-2.0 */
/** @file xnn_status.h  What XNNPACK's statuses mean, in words. */
#ifndef BINOCLE_OPS_XNN_XNN_STATUS_H
#define BINOCLE_OPS_XNN_XNN_STATUS_H

#include <xnnpack.h>

const char *bnc_xnn_status_text(enum xnn_status status);

#endif
