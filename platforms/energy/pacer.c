/* SPDX-License-Identifier: Apache-2.0 */
#include "platforms/energy/pacer.h"

#include <math.h>
#include <time.h>

#include "platforms/base/clock.h"

#define LOOK_NS 200000000u /* between two looks at the meter */
#define QUANTUM_NS 2e6     /* of pauses: shorter ones cost more in waking than they save */
#define SLICE_NS 20e6      /* the longest pause at a time */
#define AIM 0.98           /* of the limit */
#define SETTLE_S 2.0       /* in which energy beyond the limit is won back */
#define CREDIT_S 1.0       /* of rest that may be used later */
#define LEAST 0.02         /* of all threads: some work always goes on */

static double within(double x, double low, double high) { return x < low ? low : x > high ? high : x; }

/* Straight between rest and all threads busy. */
static double estimated_level(const bnc_pacer_settings *s) { return (double)s->threads * (s->limit - s->idle) / (s->busy - s->idle); }

static double keep_level(const bnc_pacer *p, double level) { return within(level, LEAST * (double)p->set.threads, (double)p->set.most); }

void bnc_pacer_init(bnc_pacer *p, const bnc_pacer_settings *settings) {
  *p = (bnc_pacer){.set = *settings};
  const bnc_pacer_settings *s = &p->set;
  const double start = s->limit <= 0 ? (double)s->most : s->busy > 0 ? estimated_level(s) : 0.5 * (double)s->most;
  p->level = keep_level(p, start);
}

static void look(bnc_pacer *p, uint64_t now) {
  const double aim = AIM * p->set.limit;
  if (p->set.limit <= 0 || p->set.busy > 0 || (p->tick && now - p->tick < LOOK_NS)) return;
  const double joules = p->set.joules(p->set.context);
  if (isnan(joules)) return; /* the level stays until the meter is back */
  const uint64_t at = bnc_clock_ns();
  if (p->tick) {
    const double seconds = bnc_clock_seconds(p->tick, at), watts = (joules - p->last) / seconds;
    p->over = fmax(p->over + (watts - aim) * seconds, -CREDIT_S * aim);
    const double target = within(aim - p->over / SETTLE_S, 0.5 * aim, 1.2 * aim);
    const double idle = p->set.idle < 0.95 * target ? p->set.idle : 0; /* NaN: not less */
    const double ratio = watts > idle ? (target - idle) / (watts - idle) : 2;
    p->level = keep_level(p, p->level * sqrt(within(ratio, 0.25, 2)));
  } else {
    p->first = joules;
    p->first_at = at;
  }
  p->tick = at;
  p->last = joules;
  p->last_at = at;
}

size_t bnc_pacer_threads(const bnc_pacer *p) { return (size_t)ceil(p->level - 1e-9); }

void bnc_pacer_begin(bnc_pacer *p) {
  p->mark = bnc_clock_ns();
  look(p, p->mark);
  p->mark = bnc_clock_ns();
}

void bnc_pacer_add_work(bnc_pacer *p) {
  const uint64_t now = bnc_clock_ns();
  const double worked = (double)(now - p->mark), threads = (double)bnc_pacer_threads(p), share = p->level / threads;
  p->worked += worked;
  p->threads_worked += worked * threads;
  p->owed += worked * (1 / share - 1);
  look(p, now);
  p->mark = bnc_clock_ns();
}

bool bnc_pacer_pause(bnc_pacer *p) {
  if (p->owed < QUANTUM_NS) return false;
  const uint64_t start = bnc_clock_ns();
  nanosleep(&(struct timespec){0, (long)fmin(p->owed, SLICE_NS)}, NULL);
  const uint64_t end = bnc_clock_ns();
  p->owed -= (double)(end - start);
  p->paused += (double)(end - start);
  look(p, end);
  p->mark = bnc_clock_ns();
  return true;
}

double bnc_pacer_watts(const bnc_pacer *p) {
  return p->last_at > p->first_at ? (p->last - p->first) / bnc_clock_seconds(p->first_at, p->last_at) : (double)NAN;
}
