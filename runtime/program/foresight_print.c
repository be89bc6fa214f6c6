/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "runtime/program/foresight.h"
#include "runtime/program/json_object.h"

static void print_lines(const bnc_foresight *f, const char *reference) {
  const uint64_t n = f->tokens;
  const double perplexity = exp(bnc_mean_of(&f->loss, n)), ratio = exp(bnc_mean_of(&f->more, n));
  bnc_console_print("perplexity %.4f +- %.4f over %llu tokens in windows of %zu\n", perplexity, perplexity * bnc_mean_error(&f->loss, n),
                    (unsigned long long)n, f->window);
  bnc_console_print("%.2f bits per weight in the layers, %.2f of the whole file\n", f->layer_bits, f->file_bits);
  if (!reference) return;
  bnc_console_print("against %s, %.2f times as large:\n", reference, (double)f->reference_bytes / (double)f->bytes);
  bnc_console_print("  perplexity over its own %.4f +- %.4f\n", ratio, ratio * bnc_mean_error(&f->more, n));
  bnc_console_print("  KL divergence           %.5f +- %.5f nats\n", bnc_mean_of(&f->divergence, n), bnc_mean_error(&f->divergence, n));
  bnc_console_print("  same likeliest token    %.2f +- %.2f %%\n", 100 * bnc_mean_of(&f->same, n), 100 * bnc_mean_error(&f->same, n));
  bnc_console_print("  logits, relative L2     %.5f +- %.5f\n", bnc_mean_of(&f->distance, n), bnc_mean_error(&f->distance, n));
  bnc_console_print("  logits, cosine          %.6f +- %.6f\n", bnc_mean_of(&f->cosine, n), bnc_mean_error(&f->cosine, n));
}

static void put(bnc_json_object *o, const char *name, double value, const char *error_name, double error) {
  bnc_json_real(o, name, value);
  bnc_json_real(o, error_name, error);
}

static int print_json(bnc_work *w, const bnc_foresight *f, const char *reference) {
  const uint64_t n = f->tokens;
  const double loss = bnc_mean_of(&f->loss, n), error = bnc_mean_error(&f->loss, n), ratio = exp(bnc_mean_of(&f->more, n));
  bnc_json_object o;
  bnc_json_begin(&o, w->context);
  put(&o, "perplexity", exp(loss), "perplexity_error", exp(loss) * error);
  put(&o, "nats_per_token", loss, "nats_per_token_error", error);
  bnc_json_count(&o, "tokens", n);
  bnc_json_count(&o, "context", f->window);
  bnc_json_count(&o, "skip", f->skip ? f->skip : 1);
  bnc_json_count(&o, "file_bytes", f->bytes);
  bnc_json_open(&o, "bits_per_weight", "{");
  bnc_json_real(&o, "layers", f->layer_bits);
  bnc_json_real(&o, "file", f->file_bits);
  bnc_json_close(&o, "}");
  if (reference) {
    bnc_json_open(&o, "against", "{");
    bnc_json_words(&o, "model", reference);
    bnc_json_count(&o, "file_bytes", f->reference_bytes);
    bnc_json_real(&o, "perplexity", exp(bnc_mean_of(&f->reference_loss, n)));
    put(&o, "perplexity_ratio", ratio, "perplexity_ratio_error", ratio * bnc_mean_error(&f->more, n));
    put(&o, "kl", bnc_mean_of(&f->divergence, n), "kl_error", bnc_mean_error(&f->divergence, n));
    put(&o, "top1", bnc_mean_of(&f->same, n), "top1_error", bnc_mean_error(&f->same, n));
    put(&o, "relative_l2", bnc_mean_of(&f->distance, n), "relative_l2_error", bnc_mean_error(&f->distance, n));
    put(&o, "cosine", bnc_mean_of(&f->cosine, n), "cosine_error", bnc_mean_error(&f->cosine, n));
    bnc_json_close(&o, "}");
  }
  const bnc_status status = bnc_json_end(&o);
  return status == BNC_OK ? BNC_EXIT_DONE : bnc_work_fail(w, status, NULL, bnc_context_error(w->context));
}

int bnc_foresight_print(bnc_work *w, const bnc_foresight *found, const char *reference) {
  if (w->json) return print_json(w, found, reference);
  print_lines(found, reference);
  return BNC_EXIT_DONE;
}
