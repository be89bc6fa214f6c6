/* SPDX-License-Identifier: Apache-2.0 */
#include "platforms/threads/crew_trial.h"

#include <math.h>

#define WINDOW_NS 100000000u /* several rounds of a scheduler that gives programs their turns */
#define GLANCE_NS 25000000u  /* of a window: enough to see that a way is clearly the worse one */
#define SHORT_NS 100000u     /* jobs of so much time hardly pay for a second thread everywhere */
#define DISTURBED 0.85       /* the caller had a CPU for less than this share of the time */
#define WORTH 1.05           /* times as fast as the caller alone helpers are to be: they take power too */
#define CLEARLY 1.25         /* times as fast is no accident of a glance */
enum { LEAST_PATIENCE = 4, MOST_PATIENCE = 16, PROBES = 8 };

static bnc_crew_kind *find(bnc_crew_trial *t, uint64_t name) {
  const uint64_t home = (name * 0x9e3779b97f4a7c15u) >> 32;
  for (uint64_t i = home; i < home + PROBES; i++) {
    bnc_crew_kind *k = &t->kind[i % BNC_CREW_KINDS];
    if (k->name == name) return k;
    if (k->name != 0) continue;
    k->name = name;
    return k;
  }
  bnc_crew_kind *k = &t->kind[home % BNC_CREW_KINDS];
  *k = (bnc_crew_kind){.name = name};
  return k;
}

void bnc_crew_trial_job(bnc_crew_trial *t, uint64_t kind, uint64_t wall) {
  bnc_crew_kind *k = find(t, kind);
  k->count[t->way] += 1;
  k->time[t->way] += (double)wall;
  t->jobs++;
}

/* How many times as fast as in the other way jobs are, by the kinds that both have seen; 0: there are none, or half of the time is of kinds
   that are new. A trial that ends at a glance sees few kinds where jobs are long, and it says enough. */
static double gain(const bnc_crew_trial *t, bnc_crew_way other) {
  double all = 0, known = 0, there = 0;
  for (unsigned i = 0; i < BNC_CREW_KINDS; i++) {
    const bnc_crew_kind *k = &t->kind[i];
    if (k->count[other] > 0 || !k->weighed) all += k->time[t->way];
    if (k->count[t->way] == 0 || k->count[other] == 0) continue;
    known += k->time[t->way];
    there += k->time[other] / k->count[other] * k->count[t->way];
  }
  return known == 0 || known < all / 2 ? 0 : there / known;
}

/* What the coming window's way has seen counts half: scheduling is too uneven for a window by itself. */
static void age(bnc_crew_trial *t) {
  for (unsigned i = 0; i < BNC_CREW_KINDS; i++) {
    bnc_crew_kind *k = &t->kind[i];
    k->count[t->way] /= 2;
    k->time[t->way] /= 2;
    if (k->count[t->way] < 0.1) k->count[t->way] = k->time[t->way] = 0;
  }
}

static bool is_disturbed(const bnc_crew_trial *t) { return (double)t->caller < DISTURBED * (double)t->wall; }
/* By CPU time: where others have the CPU in between, short jobs do not look short. */
static bool is_short(const bnc_crew_trial *t) { return t->caller < SHORT_NS * t->jobs; }
/* Whether there is a reason to ask if helpers pay. */
static bool is_doubtful(const bnc_crew_trial *t) { return is_disturbed(t) || is_short(t); }

static bool is_fine(const bnc_crew_trial *t) {
  if (t->way != BNC_CREW_JOINED) return false;
  const double times = gain(t, BNC_CREW_ALONE);
  return times == 0 ? !is_doubtful(t) : !is_disturbed(t) && times >= WORTH;
}

/* To wake a stand-in takes as long as a short job. */
static bool is_rival(const bnc_crew_trial *t, bnc_crew_way way) {
  return way != t->way && (way != BNC_CREW_LED || (t->can_lead && t->disturbed && !is_short(t)));
}

/* How much faster than its strongest rival the way of now is; 0: there is one of which nothing is known. */
static double lead(const bnc_crew_trial *t) {
  double least = HUGE_VAL;
  for (bnc_crew_way way = 0; way < BNC_CREW_WAYS; way++)
    if (is_rival(t, way)) least = fmin(least, gain(t, way));
  return least;
}

/* A trial that is lost, or a way that is in the way, is not borne for a whole window: that would be felt in a second of pictures. */
static bool is_seen_at_a_glance(const bnc_crew_trial *t) {
  const double times = t->trying ? gain(t, t->best) : lead(t);
  if (times == 0) return t->way == BNC_CREW_JOINED && !t->trying && is_doubtful(t);
  return times * CLEARLY < 1;
}

/* A way that wins again was right, and is kept for longer. */
static void settle(bnc_crew_trial *t) {
  t->patience = t->best == t->before && t->patience ? 2 * t->patience : LEAST_PATIENCE;
  if (t->patience > MOST_PATIENCE) t->patience = MOST_PATIENCE;
  t->left = t->patience;
  t->way = t->best;
  t->trying = false;
  for (unsigned i = 0; i < BNC_CREW_KINDS; i++) t->kind[i].weighed = t->kind[i].name != 0;
}

static void try_next(bnc_crew_trial *t) {
  for (bnc_crew_way way = 0; way < BNC_CREW_WAYS; way++)
    if (is_rival(t, way) && t->due & 1u << way) {
      t->due &= ~(1u << way);
      t->way = t->tried = way;
      t->trying = true;
      return;
    }
  settle(t);
}

/* Of all ways of which nothing is known; else of one, by turns: trials take time too. */
static void start_trials(bnc_crew_trial *t) {
  t->best = t->way;
  t->due = 0;
  for (bnc_crew_way way = 0; way < BNC_CREW_WAYS; way++)
    if (is_rival(t, way) && gain(t, way) == 0) t->due |= 1u << way;
  for (unsigned i = 1; t->due == 0 && i <= BNC_CREW_WAYS; i++) {
    const bnc_crew_way way = (t->tried + i) % BNC_CREW_WAYS;
    if (is_rival(t, way)) t->due = 1u << way;
  }
  try_next(t);
}

static void end_trial(bnc_crew_trial *t) {
  const double times = gain(t, t->best);
  if (times == 0) {
    start_trials(t); /* other work than the best way was seen with */
    return;
  }
  if (times > (t->best == BNC_CREW_ALONE ? WORTH : t->way == BNC_CREW_ALONE ? 1 / WORTH : 1)) t->best = t->way;
  try_next(t);
}

void bnc_crew_trial_forget(bnc_crew_trial *t) { *t = (bnc_crew_trial){.can_lead = t->can_lead}; }

void bnc_crew_trial_add(bnc_crew_trial *t, uint64_t wall, uint64_t caller) {
  t->wall += wall;
  t->caller += caller;
  if (t->wall < GLANCE_NS) return;
  if (t->way == BNC_CREW_JOINED) t->disturbed = is_disturbed(t);
  if (t->wall < WINDOW_NS && !is_seen_at_a_glance(t)) return;
  if (is_fine(t)) {
    t->trying = false;
    t->patience = t->left = 0;
  } else if (t->trying) {
    end_trial(t);
  } else if (t->left > 0 && lead(t) * CLEARLY >= 1) {
    t->left--;
  } else {
    t->before = t->way;
    start_trials(t);
  }
  t->wall = t->caller = t->jobs = 0;
  age(t);
}
