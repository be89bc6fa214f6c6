/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/text/sampler.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "platforms/base/mem.h"

typedef struct candidate {
  float logit;
  int32_t id;
} candidate;

struct bnc_sampler {
  bnc_sampler_settings settings;
  size_t rows;
  uint64_t state;
  candidate *heap; /* [rows] */
  double *weights; /* [rows] of the kept ones, by falling likelihood (all kept: by id) */
};

bnc_status bnc_sampler_create(bnc_sampler **sampler, size_t rows, const bnc_sampler_settings *settings, bnc_error *err) {
  *sampler = NULL;
  if (rows == 0 || rows > INT32_MAX)
    return bnc_fail(err, BNC_ERROR_ARGUMENT, "sampler: found %zu logits, expected 1 to %d", rows, INT32_MAX);
  if (!(settings->temperature >= 0.0f) || !isfinite(settings->temperature))
    return bnc_fail(err, BNC_ERROR_ARGUMENT, "temperature is %g, expected 0 or more", (double)settings->temperature);
  if (!(settings->top_p > 0.0f && settings->top_p <= 1.0f))
    return bnc_fail(err, BNC_ERROR_ARGUMENT, "top-p is %g, expected more than 0 and at most 1", (double)settings->top_p);
  bnc_sampler *made = bnc_mem_zalloc(sizeof *made);
  if (!made) return bnc_fail_memory(err, sizeof *made);
  made->settings = *settings;
  made->rows = rows;
  made->state = settings->seed;
  if (settings->temperature > 0.0f) {
    made->heap = bnc_mem_array(rows, sizeof *made->heap);
    made->weights = bnc_mem_array(rows, sizeof *made->weights);
    if (!made->heap || !made->weights) {
      bnc_sampler_free(made);
      return bnc_fail_memory(err, rows * (sizeof *made->heap + sizeof *made->weights));
    }
  }
  *sampler = made;
  return BNC_OK;
}

void bnc_sampler_free(bnc_sampler *sampler) {
  if (!sampler) return;
  bnc_mem_free(sampler->heap);
  bnc_mem_free(sampler->weights);
  bnc_mem_free(sampler);
}

void bnc_sampler_reset(bnc_sampler *sampler, uint64_t seed) { sampler->state = seed; }

static double random_fraction(uint64_t *state) {
  uint64_t z = *state += 0x9E3779B97F4A7C15u;
  z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
  z = (z ^ z >> 27) * 0x94D049BB133111EBu;
  return (double)((z ^ z >> 31) >> 11) * 0x1p-53;
}

/* e^x for x <= 0 by IEEE operations alone: the C library's exp differs between machines in the last bit, and a draw that falls
 * there would differ with it. x = k ln 2 + r, |r| <= ln 2 / 2; Taylor to r^13; within 2 ulp. */
static double exp_negative(double x) {
  if (!(x > -700.0)) return 0.0;
  double k = floor(x * 1.4426950408889634074 + 0.5);
  double r = (x - k * 6.93147180369123816490e-01) - k * 1.90821492927058770002e-10;
  double sum = 1.0;
  for (int i = 13; i > 0; i--) sum = 1.0 + sum * r / i;
  return ldexp(sum, (int)k);
}

/* More likely first; of equal ones the lower id. */
static bool before(const candidate *a, const candidate *b) { return a->logit != b->logit ? a->logit > b->logit : a->id < b->id; }

static void sift_down(candidate *heap, size_t count, size_t i) {
  candidate moved = heap[i];
  for (size_t child; (child = 2 * i + 1) < count; i = child) {
    if (child + 1 < count && before(&heap[child + 1], &heap[child])) child++;
    if (!before(&heap[child], &moved)) break;
    heap[i] = heap[child];
  }
  heap[i] = moved;
}

static bnc_status find_highest(const float *logits, size_t rows, size_t *highest, bnc_error *err) {
  size_t best = 0;
  for (size_t i = 0; i < rows; i++) {
    if (isnan(logits[i]) || logits[i] == INFINITY)
      return bnc_fail(err, BNC_ERROR_FORMAT, "logit of token %zu is %s, expected a finite number: the model's weights are damaged", i,
                      isnan(logits[i]) ? "not a number" : "infinite");
    if (logits[i] > logits[best]) best = i;
  }
  *highest = best;
  return BNC_OK;
}

/* e^((logit - highest) / temperature) */
static double weight(const bnc_sampler *s, float logit, float highest) {
  return exp_negative(((double)logit - (double)highest) / (double)s->settings.temperature);
}

/* The first of count weights at which the running sum passes the draw; *last is the last one that has any weight. */
static size_t draw(const double *weights, size_t count, double total, double fraction) {
  double sum = 0.0, target = fraction * total;
  size_t last = 0;
  for (size_t i = 0; i < count; i++) {
    if (weights[i] <= 0.0) continue;
    sum += weights[i];
    last = i;
    if (sum > target) break;
  }
  return last;
}

bnc_status bnc_sampler_next(bnc_sampler *s, const float *logits, int32_t *id, bnc_error *err) {
  size_t highest = 0;
  bnc_status status = find_highest(logits, s->rows, &highest, err);
  if (status != BNC_OK) return status;
  *id = (int32_t)highest;
  if (s->settings.temperature <= 0.0f) return BNC_OK;
  double fraction = random_fraction(&s->state);
  if (logits[highest] == -INFINITY) return BNC_OK;
  size_t keep = s->settings.top_k && s->settings.top_k < s->rows ? s->settings.top_k : s->rows;
  double total = 0.0;
  if (keep == s->rows && s->settings.top_p >= 1.0f) {
    for (size_t i = 0; i < s->rows; i++) total += s->weights[i] = weight(s, logits[i], logits[highest]);
    *id = (int32_t)draw(s->weights, s->rows, total, fraction);
    return BNC_OK;
  }
  for (size_t i = 0; i < s->rows; i++) s->heap[i] = (candidate){logits[i], (int32_t)i};
  for (size_t i = s->rows / 2; i-- > 0;) sift_down(s->heap, s->rows, i);
  /* The heap's freed end takes the kept ones, so that weights[k] belongs to heap[rows - 1 - k]. */
  double all = 0.0, kept = 0.0;
  if (keep == s->rows)
    for (size_t i = 0; i < s->rows; i++) all += weight(s, logits[i], logits[highest]);
  size_t count = 0;
  while (count < keep) {
    candidate top = s->heap[0];
    size_t left = s->rows - 1 - count;
    s->heap[0] = s->heap[left];
    s->heap[left] = top;
    if (left) sift_down(s->heap, left, 0);
    kept += s->weights[count++] = weight(s, top.logit, logits[highest]);
    if (keep == s->rows && kept >= (double)s->settings.top_p * all) break;
  }
  total = kept;
  if (keep < s->rows && s->settings.top_p < 1.0f) { /* top-p of what top-k left */
    size_t cut = 0;
    for (total = 0.0; cut < count && total < (double)s->settings.top_p * kept; cut++) total += s->weights[cut];
    count = cut;
  }
  *id = s->heap[s->rows - 1 - draw(s->weights, count, total, fraction)].id;
  return BNC_OK;
}
