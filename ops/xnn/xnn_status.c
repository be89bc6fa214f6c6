/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/xnn/xnn_status.h"

const char *bnc_xnn_status_text(enum xnn_status status) {
  switch (status) {
    case xnn_status_uninitialized: return "not initialised";
    case xnn_status_invalid_parameter: return "invalid parameter";
    case xnn_status_unsupported_parameter: return "unsupported parameter";
    case xnn_status_unsupported_hardware: return "unsupported hardware";
    case xnn_status_out_of_memory: return "out of memory";
    default: return "failed";
  }
}
