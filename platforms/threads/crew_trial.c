/* SPDX-License-Identifier: Apache-2.0 */
#include "platforms/threads/crew_trial.h"

#define WINDOW_NS 100000000u /* several rounds of a scheduler that gives programs their turns */
#define GLANCE_NS 25000000u  /* of a window with helpers: enough to see that they are in the way */
#define DISTURBED 0.85       /* the caller had a CPU for less than this share of the time */
#define WORTH 1.35           /* helpers are to bring so much more CPU time: not all of it does what the caller would have done */
enum { LEAST_PATIENCE = 4, MOST_PATIENCE = 16 };

/* A way that wins again was right, and is kept for longer. */
static void decide(bnc_crew_trial *t) {
  const bool incumbent = !t->alone, winner = t->rate[false] < WORTH * t->rate[true];
  t->patience = winner == incumbent && t->patience ? 2 * t->patience : LEAST_PATIENCE;
  if (t->patience > MOST_PATIENCE) t->patience = MOST_PATIENCE;
  t->left = t->patience;
  t->alone = winner;
  t->trying = false;
}

static bool is_disturbed(const bnc_crew_trial *t) { return (double)t->caller < DISTURBED * (double)t->wall; }

/* Waiting for helpers costs the caller more than they do for it. A whole window of that would be felt in a second of pictures. */
static bool are_in_the_way(const bnc_crew_trial *t) {
  return !t->alone && t->wall >= GLANCE_NS && is_disturbed(t) && t->useful < t->caller;
}

void bnc_crew_trial_add(bnc_crew_trial *t, uint64_t wall, uint64_t caller, uint64_t useful) {
  t->wall += wall;
  t->caller += caller;
  t->useful += useful;
  if (t->wall < WINDOW_NS && !are_in_the_way(t)) return;
  /* A caller alone does a second's work per second at most. */
  const bool fine = !t->alone && (!is_disturbed(t) || (double)t->useful >= WORTH * (double)t->wall);
  t->rate[t->alone] = (double)t->useful / (double)t->wall;
  t->wall = t->caller = t->useful = 0;
  if (fine) {
    t->trying = false;
    t->patience = t->left = 0;
  } else if (t->trying) {
    decide(t);
  } else if (t->left > 0) {
    t->left--;
  } else {
    t->alone = !t->alone;
    t->trying = true;
  }
}
