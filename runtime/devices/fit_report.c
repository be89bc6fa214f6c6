/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/devices/fit_report.h"

#include <math.h>
#include <stdio.h>

static const char *const verdicts[] = {"fits", "from storage", "does not fit"};

/* Three significant digits: no estimate has more. NaN: not known. */
static void member(bnc_page *p, const char *name, double value) {
  if (isfinite(value))
    bnc_page_print(p, ", \"%s\": %.3g", name, value);
  else
    bnc_page_print(p, ", \"%s\": null", name);
}

static void fit_json(bnc_page *p, const bnc_demand *d, const bnc_fit_findings *f) {
  const bnc_estimate e = bnc_estimate_of(d, &f->rates, f->available);
  bnc_page_print(p, "\n    {\"model\": \"%s\", \"verdict\": \"%s\", \"memory_bytes\": %llu, \"weight_bytes\": %llu", d->name,
                 verdicts[e.verdict], (unsigned long long)e.needed, (unsigned long long)d->weight_bytes);
  const bool runs = e.verdict != BNC_FIT_NO;
  bnc_page_print(p, ", \"image_rows\": %u, \"prompt_rows\": %u", d->image_rows, d->image_rows + BNC_FIT_QUESTION_ROWS);
  member(p, "picture_s", runs && d->has_vision ? e.picture_s : (double)NAN);
  member(p, "prompt_s", runs ? e.question_s : (double)NAN);
  member(p, "first_token_s", runs ? e.first_token_s : (double)NAN);
  member(p, "tokens_per_s", runs ? e.tokens_per_s : (double)NAN);
  member(p, "joules_per_picture", runs && d->has_vision ? e.joules_per_picture : (double)NAN);
  member(p, "joules_per_token", runs ? e.joules_per_token : (double)NAN);
  bnc_page_print(p, "}");
}

void bnc_fit_json(bnc_page *p, const bnc_fit_findings *f) {
  const bnc_rates *r = &f->rates;
  bnc_page_print(p, ",\n  \"estimated\": true,\n  \"assumptions\": \"%s\"",
                 f->board ? bnc_board_assumptions : "this machine's limits, measured, times the share of them that whole models reach");
  bnc_page_print(p, ",\n  \"rates\": {\"threads\": %zu, \"measured\": %s", r->threads, f->board ? "false" : "true");
  member(p, "int8_gops", r->int8 * 1e-9);
  member(p, "bf16_gops", r->bf16 * 1e-9);
  member(p, "f32_gflops", r->f32 * 1e-9);
  member(p, "memory_gbytes_per_s", r->memory * 1e-9);
  member(p, "storage_mbytes_per_s", r->storage > 0 ? r->storage * 1e-6 : (double)NAN);
  bnc_page_print(p, ", \"storage_measured\": %s", r->storage_measured ? "true" : "false");
  member(p, "watts", r->watts > 0 ? r->watts : (double)NAN);
  member(p, "cpu_share", f->board ? (double)NAN : r->share);
  member(p, "seconds", f->board ? (double)NAN : r->seconds);
  bnc_page_print(p, "},\n  \"free_bytes\": %llu,\n  \"bound\": \"%s\",\n  \"fit\": [", (unsigned long long)f->available, f->bound);
  for (size_t i = 0; i < f->asked; i++) {
    if (i) bnc_page_print(p, ",");
    fit_json(p, f->demand[i], f);
  }
  bnc_page_print(p, "\n  ],\n  \"suggestion\": ");
  if (f->suggestion)
    bnc_page_print(p, "\"%s\"", f->suggestion->name);
  else
    bnc_page_print(p, "null");
}

/* Bytes in the unit that suits them. */
typedef struct amount {
  char text[24];
} amount;

static amount amount_of(uint64_t bytes) {
  amount a;
  snprintf(a.text, sizeof a.text, "%.2f %s", (double)bytes * (bytes < 1000000000 ? 1e-6 : 1e-9), bytes < 1000000000 ? "MB" : "GB");
  return a;
}

static void fit_text(bnc_page *p, const bnc_demand *d, const bnc_fit_findings *f) {
  const bnc_estimate e = bnc_estimate_of(d, &f->rates, f->available);
  bnc_page_print(p, "%-10s %s\n", "model", d->name);
  bnc_page_print(p, "%-10s needs %s, of which %s are weights; %s are free: %s\n", "", amount_of(e.needed).text,
                 amount_of(d->memory.weights).text, amount_of(e.available).text, verdicts[e.verdict]);
  if (e.verdict == BNC_FIT_NO) return;
  if (d->has_vision)
    bnc_page_print(p, "%-10s %.3g s for a picture, %.3g s for a question about it, then %.3g tokens/s\n", "", e.picture_s, e.question_s,
                   e.tokens_per_s);
  else
    bnc_page_print(p, "%-10s %.3g s for a question, then %.3g tokens/s\n", "", e.question_s, e.tokens_per_s);
  if (isfinite(e.joules_per_token))
    bnc_page_print(p, "%-10s %.3g J for a picture, %.3g J for a token, at %.3g W\n", "", e.joules_per_picture, e.joules_per_token,
                   f->rates.watts);
}

void bnc_fit_text(bnc_page *p, const bnc_fit_findings *f) {
  const bnc_rates *r = &f->rates;
  bnc_page_print(p, "%-10s int8 %.3g GOP/s, bf16 %.3g GOP/s, f32 %.3g GFLOP/s, memory %.3g GB/s, %zu threads",
                 f->board ? "assumed" : "measured", r->int8 * 1e-9, r->bf16 * 1e-9, r->f32 * 1e-9, r->memory * 1e-9, r->threads);
  if (!f->board) bnc_page_print(p, ", in %.1f s", r->seconds);
  bnc_page_print(p, "\n");
  if (r->storage > 0) bnc_page_print(p, "%-10s storage %.3g MB/s\n", r->storage_measured ? "measured" : "assumed", r->storage * 1e-6);
  if (!f->board && r->share < BNC_FIT_BUSY)
    bnc_page_print(p, "%-10s other programs take %.0f %% of the CPUs: the times below are without them\n", "warning", 100 * (1 - r->share));
  for (size_t i = 0; i < f->asked; i++) fit_text(p, f->demand[i], f);
  bnc_page_print(p, "%-10s %s\n", "suggestion",
                 f->suggestion ? f->suggestion->name : "none of these fits; the bundled pocket model does (quant/pocket)");
  bnc_page_print(p, "%-10s %s\n", "estimated",
                 f->board ? bnc_board_assumptions
                          : "the times, from this machine's limits; by how much they are off elsewhere is in bench/baselines");
}
