/* SPDX-License-Identifier: Apache-2.0 */
/** @file default_text.h  The text of compile --calibration default: for those who have none that is like what the model will read, which is
   better. */
#ifndef BINOCLE_QUANT_CALIBRATE_DEFAULT_TEXT_H
#define BINOCLE_QUANT_CALIBRATE_DEFAULT_TEXT_H

#include <stddef.h>

extern const char bnc_default_calibration[]; /* ASCII */
extern const size_t bnc_default_calibration_size;

#endif
