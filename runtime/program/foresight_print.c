/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <string.h>

#include "runtime/program/foresight.h"
#include "runtime/program/json_object.h"

static const char *name_of(unsigned cache) { return cache ? bnc_work_caches[cache] : "its own"; }

static void print_agreement(const char *name, const bnc_agreement *m, uint64_t n) {
  const double ratio = exp(bnc_mean_of(&m->more, n));
  bnc_console_print("  %-8s %9.4f +- %-8.4f %9.5f +- %-8.5f %7.2f +- %-5.2f\n", name, ratio, ratio * bnc_mean_error(&m->more, n),
                    bnc_mean_of(&m->divergence, n), bnc_mean_error(&m->divergence, n), 100 * bnc_mean_of(&m->same, n),
                    100 * bnc_mean_error(&m->same, n));
}

static void print_caches(const bnc_foresight *f) {
  bnc_console_print("by type of the KV cache:\n  %-8s %21s %21s %16s\n", "", "perplexity over f32's", "KL divergence, nats",
                    "same token, %");
  for (unsigned cache = 0; cache < BNC_CACHES; cache++)
    if (f->measured[cache]) print_agreement(name_of(cache), &f->model[cache], f->tokens);
}

static void print_layers(const bnc_foresight *f) {
  bnc_console_print("by layer:\n  %-16s %6s %9s %21s %23s %10s\n", "", "bits", "rows", "relative L2", "cosine", "least");
  for (size_t i = 0; i < f->layers.layers; i++) {
    const bnc_layer_apartness *l = &f->layers.layer[i];
    bnc_console_print("  %-6s %-9s %6.2f %9llu %10.5f +- %-8.5f %11.6f +- %-8.6f %10.6f\n", l->vision ? "vision" : "text", l->name, l->bits,
                      (unsigned long long)l->rows, bnc_mean_of(&l->distance, l->rows), bnc_mean_error(&l->distance, l->rows),
                      bnc_mean_of(&l->cosine, l->rows), bnc_mean_error(&l->cosine, l->rows), l->least);
  }
}

static void print_lines(const bnc_foresight *f, const char *reference) {
  const uint64_t n = f->tokens;
  const bnc_agreement *m = &f->model[0];
  const double perplexity = exp(bnc_mean_of(&m->loss, n)), ratio = exp(bnc_mean_of(&m->more, n));
  bnc_console_print("perplexity %.4f +- %.4f over %llu tokens ", perplexity, perplexity * bnc_mean_error(&m->loss, n),
                    (unsigned long long)n);
  if (f->questions)
    bnc_console_print("of %llu answers\n", (unsigned long long)f->questions);
  else
    bnc_console_print("in windows of %zu\n", f->window);
  bnc_console_print("%.2f bits per weight in the layers, %.2f of the whole file\n", f->layer_bits, f->file_bits);
  if (!reference) return;
  bnc_console_print("against %s, %.2f times as large:\n", reference, (double)f->reference_bytes / (double)f->bytes);
  bnc_console_print("  perplexity over its own %.4f +- %.4f\n", ratio, ratio * bnc_mean_error(&m->more, n));
  bnc_console_print("  KL divergence           %.5f +- %.5f nats\n", bnc_mean_of(&m->divergence, n), bnc_mean_error(&m->divergence, n));
  bnc_console_print("  same likeliest token    %.2f +- %.2f %%\n", 100 * bnc_mean_of(&m->same, n), 100 * bnc_mean_error(&m->same, n));
  bnc_console_print("  logits, relative L2     %.5f +- %.5f\n", bnc_mean_of(&m->distance, n), bnc_mean_error(&m->distance, n));
  bnc_console_print("  logits, cosine          %.6f +- %.6f\n", bnc_mean_of(&m->cosine, n), bnc_mean_error(&m->cosine, n));
  if (!f->layers.layers) return;
  print_caches(f);
  print_layers(f);
}

static void put(bnc_json_object *o, const char *name, const char *error_name, const bnc_mean *m, uint64_t n) {
  bnc_json_real(o, name, bnc_mean_of(m, n));
  bnc_json_real(o, error_name, bnc_mean_error(m, n));
}

/* exp of a mean. */
static void put_power(bnc_json_object *o, const char *name, const char *error_name, const bnc_mean *m, uint64_t n) {
  const double value = exp(bnc_mean_of(m, n));
  bnc_json_real(o, name, value);
  bnc_json_real(o, error_name, value * bnc_mean_error(m, n));
}

static void put_agreement(bnc_json_object *o, const bnc_agreement *m, uint64_t n) {
  put_power(o, "perplexity_ratio", "perplexity_ratio_error", &m->more, n);
  put(o, "kl", "kl_error", &m->divergence, n);
  put(o, "top1", "top1_error", &m->same, n);
  put(o, "relative_l2", "relative_l2_error", &m->distance, n);
  put(o, "cosine", "cosine_error", &m->cosine, n);
}

static void put_caches(bnc_json_object *o, const bnc_foresight *f, const bnc_work *w) {
  bnc_json_open(o, "kv", "{");
  for (unsigned cache = 1; cache < BNC_CACHES; cache++) {
    const bnc_agreement *m = &f->model[cache == w->info.kv_cache ? 0 : cache];
    bnc_json_open(o, bnc_work_caches[cache], "{");
    put_power(o, "perplexity", "perplexity_error", &m->loss, f->tokens);
    put_agreement(o, m, f->tokens);
    bnc_json_close(o, "}");
  }
  bnc_json_close(o, "}");
}

static void put_layers(bnc_json_object *o, const bnc_foresight *f, const char *name, bool vision) {
  bnc_json_open(o, name, "[");
  for (size_t i = 0; i < f->layers.layers; i++) {
    const bnc_layer_apartness *l = &f->layers.layer[i];
    if (l->vision != vision) continue;
    bnc_json_open(o, NULL, "{");
    bnc_json_words(o, "name", l->name);
    bnc_json_real(o, "bits_per_weight", l->bits);
    bnc_json_count(o, "rows", l->rows);
    put(o, "relative_l2", "relative_l2_error", &l->distance, l->rows);
    put(o, "cosine", "cosine_error", &l->cosine, l->rows);
    bnc_json_real(o, "least_cosine", l->least);
    bnc_json_close(o, "}");
  }
  bnc_json_close(o, "]");
}

static int print_json(bnc_work *w, const bnc_foresight *f, const char *reference) {
  const uint64_t n = f->tokens;
  const bnc_agreement *m = &f->model[0];
  bnc_json_object o;
  bnc_json_begin(&o, w->context);
  put_power(&o, "perplexity", "perplexity_error", &m->loss, n);
  put(&o, "nats_per_token", "nats_per_token_error", &m->loss, n);
  bnc_json_count(&o, "tokens", n);
  if (f->questions) {
    bnc_json_count(&o, "questions", f->questions);
  } else {
    bnc_json_count(&o, "context", f->window);
    bnc_json_count(&o, "skip", f->skip ? f->skip : 1);
  }
  bnc_json_count(&o, "file_bytes", f->bytes);
  bnc_json_open(&o, "bits_per_weight", "{");
  bnc_json_real(&o, "layers", f->layer_bits);
  bnc_json_real(&o, "file", f->file_bits);
  bnc_json_close(&o, "}");
  if (reference) {
    bnc_json_open(&o, "against", "{");
    bnc_json_words(&o, "model", reference);
    bnc_json_count(&o, "file_bytes", f->reference_bytes);
    put_power(&o, "perplexity", "perplexity_error", &f->reference_loss, n);
    put_agreement(&o, m, n);
    bnc_json_close(&o, "}");
  }
  if (f->layers.layers) {
    put_caches(&o, f, w);
    put_layers(&o, f, "vision_layers", true);
    put_layers(&o, f, "text_layers", false);
  }
  const bnc_status status = bnc_json_end(&o);
  return status == BNC_OK ? BNC_EXIT_DONE : bnc_work_fail(w, status, NULL, bnc_context_error(w->context));
}

int bnc_foresight_print(bnc_work *w, const bnc_foresight *found, const char *reference) {
  if (w->json) return print_json(w, found, reference);
  print_lines(found, reference);
  return BNC_EXIT_DONE;
}
