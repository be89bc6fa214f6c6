/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/devices/estimate.h"

#include <math.h>

/* Shares of the limits that whole models reach: see estimate.h. */
#define SHARE_INT8 0.90
#define SHARE_INT4 0.90
#define SHARE_BF16 0.78
#define SHARE_F32 0.62
#define SHARE_ATTENTION_INT8 0.30
#define SHARE_ATTENTION_F32 0.55
#define SHARE_MEMORY 0.90 /* of decoding, whose weights stream */
#define SHARE_MOVED 0.50  /* of ops that only move activations, out of caches in part */

static double larger(double a, double b) { return a > b ? a : b; }

static double linear_seconds(const bnc_load *l, const bnc_rates *r) {
  const double integer = 2 * l->int8 / (SHARE_INT8 * r->int8) + 2 * l->int4 / (SHARE_INT4 * r->int4);
  return integer + 2 * l->bf16 / (SHARE_BF16 * r->bf16) + 2 * l->f32 / (SHARE_F32 * r->f32);
}

static double attention_seconds(const bnc_load *l, const bnc_rates *r) {
  return 2 * l->attention_int8 / (SHARE_ATTENTION_INT8 * r->int8) + 2 * l->attention_f32 / (SHARE_ATTENTION_F32 * r->f32);
}

static double moved_seconds(double bytes, const bnc_rates *r) { return bytes / (SHARE_MOVED * r->memory); }

static double picture_seconds(const bnc_demand *d, const bnc_rates *r) {
  if (!d->has_vision) return 0;
  return larger(linear_seconds(&d->picture, r), d->picture.weights / (SHARE_MEMORY * r->memory)) + attention_seconds(&d->picture, r) +
         moved_seconds(d->picture.moved, r);
}

/* A prompt of so many rows behind nothing. */
static double prompt_seconds(const bnc_demand *d, const bnc_rates *r, double rows) {
  const double keys = rows * (rows + 1) / 2;
  const bnc_load *each = &d->row, *once = &d->prompt;
  return larger(rows * linear_seconds(each, r) + linear_seconds(once, r), once->weights / (SHARE_MEMORY * r->memory)) +
         2 * keys * d->key_macs / (SHARE_ATTENTION_F32 * r->f32) + moved_seconds(rows * each->moved + once->moved, r);
}

/* One token behind so many rows: bound by what it reads. */
static double token_seconds(const bnc_demand *d, const bnc_rates *r, double rows) {
  const double reading = (d->token.weights + rows * d->key_bytes) / (SHARE_MEMORY * r->memory);
  return larger(linear_seconds(&d->token, r), reading) + moved_seconds(d->token.moved, r);
}

bnc_rates bnc_board_rates(const bnc_board *b) {
  const double cycles = 2.0 * b->cores * b->mhz * 1e6;
  return (bnc_rates){.int8 = cycles * b->int8_macs,
                     .int4 = cycles * b->int4_macs,
                     .bf16 = cycles * b->f32_macs, /* widened in registers, at the levels of the table */
                     .f32 = cycles * b->f32_macs,
                     .memory = b->memory_gbytes * 1e9,
                     .watts = b->watts,
                     .storage = b->storage_mbytes * 1e6,
                     .threads = b->cores};
}

bnc_estimate bnc_estimate_of(const bnc_demand *d, const bnc_rates *r, uint64_t available) {
  const double rows = d->image_rows + BNC_FIT_QUESTION_ROWS;
  bnc_estimate e = {.needed = d->memory.total, .available = available};
  const uint64_t working = d->memory.total - d->memory.weights;
  e.verdict = e.needed <= available ? BNC_FIT_YES : working < available ? BNC_FIT_FROM_STORAGE : BNC_FIT_NO;
  e.picture_s = picture_seconds(d, r);
  e.question_s = prompt_seconds(d, r, rows);
  double token = token_seconds(d, r, rows);
  if (e.verdict == BNC_FIT_FROM_STORAGE && r->storage > 0) {
    /* What does not stay is read again by each pass over the weights. */
    const double again = (double)(e.needed - available) / r->storage;
    e.picture_s += d->has_vision ? again : 0;
    e.question_s += again;
    token += again;
  }
  e.first_token_s = e.picture_s + e.question_s;
  e.tokens_per_s = token > 0 ? 1 / token : 0;
  e.joules_per_picture = r->watts > 0 ? r->watts * e.picture_s : (double)NAN;
  e.joules_per_token = r->watts > 0 ? r->watts * token : (double)NAN;
  return e;
}
