/* SPDX-License-Identifier: Apache-2.0 */
#include "platforms/threads/crew_trial.h"

#define WINDOW_NS 100000000u /* several rounds of a scheduler that gives programs their turns */
#define GLANCE_NS 25000000u  /* of a window: enough to see that a way is clearly the worse one */
#define SHORT_NS 50000u      /* jobs of so much time hardly pay for a second thread everywhere */
#define DISTURBED 0.85       /* the caller had a CPU for less than this share of the time */
#define WORTH 1.05           /* times as fast as alone helpers are to be: they take power too */
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
  k->count[t->alone] += 1;
  k->time[t->alone] += (double)wall;
  t->jobs++;
  t->taken += wall;
}

/* How many times as fast as alone jobs are with helpers, by those kinds that there are now; 0: the other way has not seen half of them. */
static double gain(const bnc_crew_trial *t) {
  const bool now = t->alone;
  double all = 0, known = 0, other = 0;
  for (unsigned i = 0; i < BNC_CREW_KINDS; i++) {
    const bnc_crew_kind *k = &t->kind[i];
    all += k->time[now];
    if (k->count[now] == 0 || k->count[!now] == 0) continue;
    known += k->time[now];
    other += k->time[!now] / k->count[!now] * k->count[now];
  }
  if (known == 0 || other == 0 || known < all / 2) return 0;
  return now ? known / other : other / known;
}

/* What the coming window's way has seen counts half: scheduling is too uneven for a window by itself. */
static void age(bnc_crew_trial *t) {
  for (unsigned i = 0; i < BNC_CREW_KINDS; i++) {
    bnc_crew_kind *k = &t->kind[i];
    k->count[t->alone] /= 2;
    k->time[t->alone] /= 2;
    if (k->count[t->alone] < 0.1) k->count[t->alone] = k->time[t->alone] = 0;
  }
}

/* A way that wins again was right, and is kept for longer. */
static void decide(bnc_crew_trial *t, double times) {
  const bool incumbent = !t->alone, winner = times < WORTH;
  t->patience = winner == incumbent && t->patience ? 2 * t->patience : LEAST_PATIENCE;
  if (t->patience > MOST_PATIENCE) t->patience = MOST_PATIENCE;
  t->left = t->patience;
  t->alone = winner;
  t->trying = false;
}

static bool is_disturbed(const bnc_crew_trial *t) { return (double)t->caller < DISTURBED * (double)t->wall; }
/* Whether there is a reason to ask if helpers pay. */
static bool is_doubtful(const bnc_crew_trial *t) { return is_disturbed(t) || t->taken < SHORT_NS * t->jobs; }

/* That the other way is faster. */
static bool is_clear(const bnc_crew_trial *t, double times) { return t->alone ? times > CLEARLY : times > 0 && times * CLEARLY < 1; }

/* A trial that is lost, or helpers that are in the way, are not borne for a whole window: that would be felt in a second of pictures. */
static bool is_seen_at_a_glance(const bnc_crew_trial *t, double times) {
  return is_clear(t, times) || (!t->alone && !t->trying && is_doubtful(t) && times == 0);
}

void bnc_crew_trial_forget(bnc_crew_trial *t) { *t = (bnc_crew_trial){0}; }

void bnc_crew_trial_add(bnc_crew_trial *t, uint64_t wall, uint64_t caller) {
  t->wall += wall;
  t->caller += caller;
  if (t->wall < GLANCE_NS) return;
  const double times = gain(t);
  if (t->wall < WINDOW_NS && !is_seen_at_a_glance(t, times)) return;
  const bool fine = !t->alone && (times == 0 ? !is_doubtful(t) : !is_disturbed(t) && times >= WORTH);
  t->wall = t->caller = t->jobs = t->taken = 0;
  if (fine) {
    t->trying = false;
    t->patience = t->left = 0;
  } else if (t->trying && times > 0) {
    decide(t, times);
  } else if (!t->trying && t->left > 0 && times > 0 && !is_clear(t, times)) {
    t->left--;
  } else {
    t->alone = !t->alone;
    t->trying = true;
  }
  age(t);
}
