/* SPDX-License-Identifier: Apache-2.0 */
/* Each line of the input as one that an external meter writes. What is accepted is a power that there can be, at a moment that can be told.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "platforms/energy/meter_command.h"
#include "platforms/energy/meter_source.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  char line[128];
  for (size_t at = 0; at < size;) {
    const uint8_t *end = memchr(data + at, '\n', size - at);
    const size_t length = end ? (size_t)(end - data) - at : size - at;
    const size_t kept = length < sizeof line - 1 ? length : sizeof line - 1;
    double seconds, watts;
    memcpy(line, data + at, kept);
    line[kept] = 0;
    if (bnc_meter_line_parse(line, &seconds, &watts)) {
      if (!(watts >= 0 && watts <= BNC_METER_MAX_WATTS)) abort();
      if (!isnan(seconds) && !(seconds >= 0 && isfinite(seconds))) abort();
    }
    at += length + 1;
  }
  return 0;
}
