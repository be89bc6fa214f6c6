/* SPDX-License-Identifier: Apache-2.0 */
/* How near decoding is to the rate at which memory can be read: behind a prompt, tokens by turns with one plain reading of the bytes that
 * a token reads of weights, on the same threads; and how often a token's threads wait for each other.
 *
 *   bench_decode MODEL THREADS PROMPT TOKENS ROUNDS   CSV: medians; share: of neighbours, GB/s of decoding (keys and values counted) over
 *                                                     GB/s of reading; joins: per token, 0 on one thread */
#include <binocle/binocle.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/timing.h"
#include "platforms/base/clock.h"
#include "runtime/api/session_private.h"

enum { MOST_ROUNDS = 100, MOST_PROMPT = 4096, PIECE = 1 << 18 };

static volatile float kept;

static void fail(const char *why) {
  fprintf(stderr, "bench_decode: %s\n", why);
  exit(1);
}

static void must(const bnc_session *s, bnc_status status) {
  if (status != BNC_OK) fail(bnc_session_error(s));
}

typedef struct reading {
  const bnc_kernels *kernels;
  const float *data;
} reading;

static void read_pieces(void *context, size_t from, size_t to) {
  const reading *r = context;
  for (size_t i = from; i < to; i++) kept = r->kernels->limits.read(r->data + i * (PIECE / 4), PIECE / 4);
}

/* Of weights, what one token multiplies with. */
static uint64_t weight_bytes(const bnc_model_file *f) {
  const bnc_program *p = &f->program[BNC_PROGRAM_DECODE];
  uint64_t sum = 0;
  for (uint32_t i = 0; i < p->head->ops; i++) {
    if (p->op[i].kind != BNC_OP_LINEAR) continue;
    const bnc_file_weight *w = &f->weight[p->op[i].weight];
    const bnc_weight_sizes sizes = bnc_weight_sizes_of(w);
    sum += (sizes.data + sizes.scales) * p->op[i].attr.linear.count / w->n;
  }
  return sum;
}

static void measure(bnc_session *s, uint32_t tokens, int rounds, const char *name, int prompt) {
  double rate[MOST_ROUNDS], decoded[MOST_ROUNDS], read[MOST_ROUNDS], share[MOST_ROUNDS];
  const bnc_model_file *f = &s->model->file;
  uint64_t weights = weight_bytes(f), joins = 0;
  if (weights > f->data.size) weights = f->data.size;
  const uint64_t kv = bnc_executor_kv_bytes(s->executor) * ((uint64_t)prompt + tokens / 2) / f->meta.context;
  const size_t pieces = (size_t)(weights / PIECE);
  reading r = {&s->model->kernels, (const float *)(const void *)f->data.data};
  bnc_sampling sampling;
  bnc_sampling_init(&sampling);
  sampling.max_tokens = tokens + 1; /* the first is drawn from the prompt's logits */
  sampling.ignore_stop = 1;
  for (int i = 0; i < rounds; i++) {
    const uint64_t start = bnc_clock_ns();
    bnc_pool_run(s->pool, read_pieces, &r, pieces, 1);
    read[i] = (double)(pieces * PIECE) / (double)(bnc_clock_ns() - start);
    bnc_session_restart(s);
    int32_t ids[MOST_PROMPT];
    for (int k = 0; k < prompt; k++) ids[k] = k * 37 % 500;
    must(s, bnc_session_append(s, ids, (size_t)prompt));
    const uint64_t before = bnc_pool_joins(s->pool);
    const double seconds = s->statistics.decode_seconds;
    must(s, bnc_session_generate(s, &sampling, NULL, NULL, NULL));
    joins = bnc_pool_joins(s->pool) - before;
    rate[i] = tokens / (s->statistics.decode_seconds - seconds);
    decoded[i] = rate[i] * (double)(weights + kv) * 1e-9;
    share[i] = decoded[i] / read[i];
  }
  printf("model,threads,prompt,tokens_per_s,weights_mb,kv_mb,decode_gb_s,read_gb_s,share,joins\n%s,%zu,%d,%.3g,%.0f,%.0f,%.3g,%.3g,%.3g,%."
         "1f\n",
         name, bnc_pool_threads(s->pool), prompt, bench_median(rate, (size_t)rounds), (double)weights * 1e-6, (double)kv * 1e-6,
         bench_median(decoded, (size_t)rounds), bench_median(read, (size_t)rounds), bench_median(share, (size_t)rounds),
         (double)joins / tokens);
}

int main(int argc, char **argv) {
  bnc_context_settings settings;
  bnc_context *context;
  bnc_model *model;
  bnc_session *session = NULL;
  if (argc != 6) fail("usage: bench_decode MODEL THREADS PROMPT TOKENS ROUNDS");
  const int prompt = atoi(argv[3]), tokens = atoi(argv[4]), rounds = atoi(argv[5]);
  if (prompt < 1 || prompt > MOST_PROMPT || tokens < 1 || rounds < 1 || rounds > MOST_ROUNDS)
    fail("PROMPT 1 to 4096, TOKENS from 1, ROUNDS 1 to 100");
  bnc_context_settings_init(&settings);
  settings.threads = (unsigned)atoi(argv[2]);
  if (bnc_context_create(&settings, &context) != BNC_OK) fail("no context");
  if (bnc_model_open(context, argv[1], &model) != BNC_OK || bnc_session_create(model, &session) != BNC_OK) fail(bnc_context_error(context));
  const char *slash = strrchr(argv[1], '/');
  measure(session, (uint32_t)tokens, rounds, slash ? slash + 1 : argv[1], prompt);
  bnc_session_destroy(session);
  bnc_model_close(model);
  bnc_context_destroy(context);
  return 0;
}
