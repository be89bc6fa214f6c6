/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <string.h>

#include "tests/ops/checkkern/check.h"

enum { SHOWN = 8 };

void check_failed(check *c, const char *format, ...) {
  ++c->cases;
  if (++c->failures > SHOWN) return;
  va_list list;
  va_start(list, format);
  printf("FAIL %s %s: ", bnc_cpu_level_name(c->test.level), c->kernel);
  vprintf(format, list);
  printf("\n");
  va_end(list);
}

/* xorshift64* */
uint64_t check_random(check *c) {
  c->random ^= c->random >> 12;
  c->random ^= c->random << 25;
  c->random ^= c->random >> 27;
  return c->random * 0x2545f4914f6cdd1dull;
}

size_t check_below(check *c, size_t n) { return (size_t)((check_random(c) >> 32) * (uint64_t)n >> 32); }

float check_normal(check *c) {
  double sum = -6.0;
  for (int i = 0; i < 12; ++i) sum += (double)(check_random(c) >> 40) * 0x1p-24;
  return (float)sum;
}

static float edge(check *c, unsigned kinds) {
  static const float zero[] = {0.0f, -0.0f, 1.0f, -1.0f}, tiny[] = {1e-45f, -1e-45f, 1e-40f, 0x1p-126f, -0x1p-126f, 1e-30f},
                     huge[] = {1e15f, -1e15f, 1e12f, -3e14f};
  for (;;) {
    const unsigned kind = 1u << check_below(c, 5);
    if (!(kinds & kind)) continue;
    if (kind == EDGE_ZERO) return zero[check_below(c, 4)];
#ifdef __arm__ /* NEON of ARMv7 flushes subnormal numbers to zero */
    if (kind == EDGE_TINY) return tiny[5];
#else
    if (kind == EDGE_TINY) return tiny[check_below(c, 6)];
#endif
    if (kind == EDGE_HUGE) return huge[check_below(c, 4)];
    if (kind == EDGE_INFINITE) return check_below(c, 2) ? INFINITY : -INFINITY;
    return NAN;
  }
}

void check_fill(check *c, const tensor *t, float scale, unsigned edges) {
  float *x = t->data;
  for (size_t row = 0; row < t->rows; ++row) {
    for (size_t i = 0; i < t->cols; ++i) {
      x[row * t->stride + i] = edges && !check_below(c, 8) ? edge(c, edges) : scale * check_normal(c);
    }
  }
}

void check_equal(check *c, const tensor *test, const tensor *reference, bool floats, const char *what) {
  const char *damage = tensor_damage(test);
  if (damage) {
    check_failed(c, "%s %s (%zu x %zu, stride %zu)", what, damage, test->rows, test->cols, test->stride);
    return;
  }
  for (size_t row = 0; row < test->rows; ++row) {
    for (size_t i = 0; i < test->cols; ++i) {
      const unsigned char *a = (unsigned char *)test->data + (row * test->stride + i) * test->size;
      const unsigned char *b = (unsigned char *)reference->data + (row * reference->stride + i) * test->size;
      if (!memcmp(a, b, test->size)) continue;
      float x = 0, y = 0;
      if (floats) {
        memcpy(&x, a, sizeof x);
        memcpy(&y, b, sizeof y);
        if (isnan(x) && isnan(y)) continue;
#ifdef __arm__ /* a subnormal intermediate counts as 0 there: see v16_neon.h */
        if (c->test.level >= BNC_CPU_NEON && fabsf(x - y) <= 0x1p-118f) continue;
#endif
        check_failed(c, "%s [%zu][%zu] of %zu x %zu: found %.9g, scalar gives %.9g", what, row, i, test->rows, test->cols, (double)x,
                     (double)y);
      } else {
        check_failed(c, "%s [%zu][%zu] of %zu x %zu: found byte %d, scalar gives %d", what, row, i, test->rows, test->cols,
                     *(const signed char *)a, *(const signed char *)b);
      }
      return;
    }
  }
  check_passed(c);
}

void check_near(check *c, const tensor *test, const double *oracle, double absolute, double relative, const char *what) {
  const char *damage = tensor_damage(test);
  if (damage) {
    check_failed(c, "%s %s (%zu x %zu, stride %zu)", what, damage, test->rows, test->cols, test->stride);
    return;
  }
  for (size_t row = 0; row < test->rows; ++row) {
    for (size_t i = 0; i < test->cols; ++i) {
      const double x = (double)((float *)test->data)[row * test->stride + i], y = oracle[row * test->cols + i];
      if (x == y || (isnan(x) && isnan(y)) || fabs(x - y) <= absolute + relative * fabs(y)) continue;
      check_failed(c, "%s [%zu][%zu] of %zu x %zu: found %.9g, f64 gives %.12g (error %.3g)", what, row, i, test->rows, test->cols, x, y,
                   x - y);
      return;
    }
  }
  check_passed(c);
}
