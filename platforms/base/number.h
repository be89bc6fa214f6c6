/* SPDX-License-Identifier: Apache-2.0 */
/** @file number.h  Numbers out of text, without the locale that strtod obeys. */
#ifndef BINOCLE_PLATFORMS_BASE_NUMBER_H
#define BINOCLE_PLATFORMS_BASE_NUMBER_H

#include <stdbool.h>
#include <stdint.h>

/** Digits of base 10 or 16 at *text ("0x" in front is skipped for 16), moving *text behind them. false: none, or more than 64 bits. */
bool bnc_number_u64(const char **text, unsigned base, uint64_t *value);
/** As above without moving on: 0 where there is no number. */
uint64_t bnc_number_or_zero(const char *text, unsigned base);
/** Digits with an optional decimal point: "12", "0.75". */
bool bnc_number_decimal(const char **text, double *value);

#endif
