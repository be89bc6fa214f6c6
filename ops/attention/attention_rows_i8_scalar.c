/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <math.h>

#include "ops/attention/attention.h"
#include "ops/math_f32.h"

static float greatest(const float *x, size_t n, size_t stride) {
  float a = 0.0f;
  for (size_t i = 0; i < n; ++i) a = fabsf(x[i * stride]) > a ? fabsf(x[i * stride]) : a;
  return a;
}
static float inverse(float a) { return a > BNC_ATTENTION_I8_TINY ? 127.0f / a : 0.0f; }
static float rounded(float x, float factor) { return fmaf(x, factor, BNC_ATTENTION_I8_MAGIC) - BNC_ATTENTION_I8_MAGIC; }

/* One query of a head over a block of n keys. */
static void block(const bnc_attention_args *a, const float *q /* [d] */, const float *k /* [n, d] */, const float *v /* [n, d] */, size_t n,
                  float *m, float *l, float *out /* [d] */) {
  const size_t d = a->head_size;
  const float a_q = greatest(q, d, 1), by_q = inverse(a_q), scale = bnc_attention_i8_step(a_q) * a->scale, before = *m;
  float p[BNC_ATTENTION_BLOCK], sum = 0.0f;
  for (size_t j = 0; j < n; ++j) {
    const float *key = k + j * a->k_stride, a_k = greatest(key, d, 1), by_k = inverse(a_k);
    float dot = 0.0f;
    for (size_t i = 0; i < d; ++i) dot += rounded(q[i], by_q) * rounded(key[i], by_k);
    p[j] = (dot * bnc_attention_i8_step(a_k)) * scale;
    *m = p[j] > *m ? p[j] : *m;
  }
  for (size_t j = 0; j < n; ++j) sum += p[j] = rounded(bnc_exp_f32(p[j] - *m), 255.0f);
  const float alpha = bnc_exp_f32(before - *m);
  *l = fmaf(*l, alpha, sum);
  for (size_t i = 0; i < d; ++i) {
    const float a_v = greatest(v + i, n, a->v_stride), by_v = inverse(a_v);
    float total = 0.0f;
    for (size_t j = 0; j < n; ++j) total += p[j] * rounded(v[j * a->v_stride + i], by_v);
    out[i] = fmaf(total, bnc_attention_i8_step(a_v), out[i] * alpha);
  }
}

void bnc_attention_rows_i8_scalar(const bnc_attention_args *args, size_t kv_head, size_t from, size_t to, void *scratch) {
  const size_t group = args->heads / args->kv_heads, d = args->head_size;
  (void)scratch;
  assert(args->keys && !args->causal && d <= BNC_ATTENTION_I8_SIZE);
  for (size_t t = from * group; t < to * group; ++t) {
    const size_t at = (kv_head * group + t % group) * d;
    float *out = args->out + t / group * args->out_stride + at, m = -INFINITY, l = 0.0f; /* [d] */
    for (size_t i = 0; i < d; ++i) out[i] = 0.0f;
    for (size_t base = 0; base < args->keys; base += BNC_ATTENTION_BLOCK) {
      const size_t n = args->keys - base < BNC_ATTENTION_BLOCK ? args->keys - base : BNC_ATTENTION_BLOCK;
      block(args, args->q + t / group * args->q_stride + at, args->k + base * args->k_stride + kv_head * d,
            args->v + base * args->v_stride + kv_head * d, n, &m, &l, out);
    }
    for (size_t i = 0; i < d; ++i) out[i] *= 1.0f / l;
  }
}
