/* SPDX-License-Identifier: Apache-2.0 */
/** @file unit.h  cmocka, behind the headers whose types it takes for granted. */
#ifndef BINOCLE_TESTS_UNIT_H
#define BINOCLE_TESTS_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h> /* in a block of its own: sorted includes would put it first */

#endif
