/* SPDX-License-Identifier: Apache-2.0 */
/** @file boards.h  Machines that are not at hand, as far as their speed can be told from data sheets: estimates. */
#ifndef BINOCLE_RUNTIME_DEVICES_BOARDS_H
#define BINOCLE_RUNTIME_DEVICES_BOARDS_H

#include <stddef.h>

#include "platforms/cpu/cpu.h"

typedef struct bnc_board {
  const char *name, *title;
  bnc_cpu_level level;
  unsigned cores, mhz;                   /* of the fast cores, at the clock that they hold under load */
  double int8_macs, int4_macs, f32_macs; /* multiply-accumulates per cycle and core in our inner loops */
  double memory_gbytes;                  /* GB/s that those cores read together */
  double ram_gbytes, taken_gbytes;       /* of which system and other programs take so many */
  double storage_mbytes;                 /* MB/s read from what such a board usually starts from */
  double watts, idle;                    /* the whole board, cores busy and at rest */
  const char *brand;                     /* how such a machine begins to call itself; NULL: many do, each its own way */
} bnc_board;

/** Which assumptions all rows share, in one line. */
extern const char bnc_board_assumptions[];

/** NULL behind the last; NULL where there is none of that name. */
const bnc_board *bnc_board_at(size_t index);
const bnc_board *bnc_board_find(const char *name);
/** The board that a machine of this brand (bnc_cpu.brand) is; NULL: none of the table. */
const bnc_board *bnc_board_of_brand(const char *brand);

#endif
