/* SPDX-License-Identifier: Apache-2.0 */
/* Rounds: every number of threads has its turn in each, so that a slow moment of the machine meets all of them. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "runtime/program/bench/bench.h"

/* Sums over the repetitions of a round: seconds, rows and tokens, joules. */
typedef struct sums {
  double vision, prefill, decode, first;
  double rows, decoded;
  double joules[3], net[3];
} sums;

static int on_token(void *user, int32_t id, const char *text, size_t length) {
  bnc_bench *b = user;
  (void)text;
  (void)length;
  if (id < 0) return bnc_interrupted();
  const double now = bnc_seconds();
  if (b->first == 0) b->first = now - b->start - (b->joules.reading - b->start_reading);
  if (b->last_token > 0 && b->tokens < b->token_room) b->token[b->tokens++] = (float)(now - b->last_token);
  b->last_token = now;
  return bnc_interrupted();
}

/* A round's latencies find room before it begins: nothing is allocated between tokens. */
static int make_room(bnc_bench *b) {
  const size_t wanted = b->tokens + (size_t)b->gen_tokens;
  if (wanted > BNC_BENCH_TOKENS) {
    b->tokens_left_out += b->gen_tokens;
    b->token_room = b->tokens;
    return BNC_EXIT_DONE;
  }
  if (wanted > b->token_room) {
    const size_t room = 2 * b->token_room + wanted;
    float *grown = realloc(b->token, room * sizeof *grown);
    if (!grown) return bnc_work_refuse(&b->work, "out of memory for the latencies of %zu tokens", room);
    b->token = grown;
    b->token_room = room;
  }
  return BNC_EXIT_DONE;
}

/* A picture stands at the front of the ids. */
static int once(bnc_bench *b, bnc_session *session, sums *s) {
  bnc_statistics before = {.size = sizeof before}, after = {.size = sizeof after};
  bnc_sampling sampling;
  bnc_sampling_init(&sampling);
  sampling.max_tokens = (uint32_t)b->gen_tokens;
  sampling.ignore_stop = 1;
  const int code = make_room(b);
  if (code != BNC_EXIT_DONE) return code;
  bnc_session_reset(session);
  bnc_session_get_statistics(session, &before);
  double joules[4], at[4]; /* before vision, prefill and decode, and at the end */
  b->first = b->last_token = 0;
  joules[0] = bnc_joules_now(&b->joules);
  at[0] = bnc_seconds();
  b->start_reading = b->joules.reading;
  b->start = bnc_seconds();
  bnc_status status = b->image ? bnc_session_add_image_file(session, bnc_work_input(b->image)) : BNC_OK;
  joules[1] = bnc_joules_now(&b->joules);
  at[1] = bnc_seconds();
  if (status == BNC_OK) status = bnc_session_append(session, b->ids, b->id_count);
  joules[2] = bnc_joules_now(&b->joules);
  at[2] = bnc_seconds();
  if (status == BNC_OK) status = bnc_session_generate(session, &sampling, on_token, b, NULL);
  joules[3] = bnc_joules_now(&b->joules);
  at[3] = bnc_seconds();
  if (status != BNC_OK) return bnc_work_fail(&b->work, status, NULL, bnc_session_error(session));
  if (bnc_interrupted()) return BNC_EXIT_INTERRUPTED;
  bnc_session_get_statistics(session, &after);
  s->vision += after.vision_seconds - before.vision_seconds;
  s->prefill += after.prefill_seconds - before.prefill_seconds;
  s->decode += after.decode_seconds - before.decode_seconds;
  s->rows += (double)(after.prefill_rows - before.prefill_rows);
  s->decoded += (double)(after.decode_tokens - before.decode_tokens);
  s->first += b->first > 0 ? b->first : (double)NAN;
  for (int i = 0; i < 3; i++) {
    s->joules[i] += joules[i + 1] - joules[i];
    s->net[i] += bnc_joules_net(&b->joules, joules[i + 1] - joules[i], at[i + 1] - at[i]);
  }
  return BNC_EXIT_DONE;
}

static double over(double a, double b) { return b > 0 ? a / b : (double)NAN; }

static void settle(bnc_bench *b, bnc_bench_round *r, const sums *s) {
  const double n = (double)r->repetitions;
  r->value[BNC_TIMING_VISION] = b->image ? s->vision / n : (double)NAN;
  r->value[BNC_TIMING_PREFILL] = over(s->rows, s->prefill);
  r->value[BNC_TIMING_DECODE] = over(s->decoded, s->decode);
  r->value[BNC_TIMING_FIRST_TOKEN] = s->first / n;
  r->value[BNC_TIMING_JOULES_PICTURE] = b->image ? s->joules[0] / n : (double)NAN;
  r->value[BNC_TIMING_JOULES_PROMPT] = over(s->joules[1], s->rows);
  r->value[BNC_TIMING_JOULES_GENERATED] = over(s->joules[2], s->decoded);
  r->value[BNC_TIMING_NET_PICTURE] = b->image ? s->net[0] / n : (double)NAN;
  r->value[BNC_TIMING_NET_PROMPT] = over(s->net[1], s->rows);
  r->value[BNC_TIMING_NET_GENERATED] = over(s->net[2], s->decoded);
  r->joules = s->joules[0] + s->joules[1] + s->joules[2];
}

static void look(bnc_machine_state *state) {
  state->size = sizeof *state;
  bnc_machine_look(state);
}

static bnc_bench_round *add_round(bnc_bench *b) {
  if (b->rounds == b->round_room) {
    const size_t room = 2 * b->round_room + 64;
    bnc_bench_round *grown = realloc(b->round, room * sizeof *grown);
    if (!grown) return NULL;
    b->round = grown;
    b->round_room = room;
  }
  bnc_bench_round *r = &b->round[b->rounds];
  *r = (bnc_bench_round){.token = b->tokens};
  return r;
}

/* Repetitions until `seconds` are over, one at least. */
static int measure_round(bnc_bench *b, unsigned setting, double seconds) {
  sums s = {0};
  int code = BNC_EXIT_DONE;
  bnc_bench_round *r = add_round(b);
  if (!r) return bnc_work_refuse(&b->work, "out of memory for %zu rounds", b->rounds);
  r->setting = setting;
  look(&r->before);
  while (code == BNC_EXIT_DONE && (r->repetitions == 0 || bnc_seconds() - r->before.wall_s < seconds)) {
    code = once(b, b->setting[setting].session, &s);
    r->repetitions++;
  }
  look(&r->after);
  r->tokens = b->tokens - r->token;
  r->at = r->after.wall_s - b->origin;
  settle(b, r, &s);
  if (code == BNC_EXIT_DONE) b->rounds++;
  return code;
}

static void sleep_for(double seconds) {
  const struct timespec time = {.tv_sec = (time_t)seconds, .tv_nsec = (long)((seconds - (double)(time_t)seconds) * 1e9)};
  nanosleep(&time, NULL); /* Ctrl-C ends it early */
}

static int cool_down(bnc_bench *b) {
  const double start = bnc_seconds();
  bnc_machine_state state;
  bool hot = b->cooldown_celsius > 0;
  for (double left = b->cooldown_s; (left > 0 || hot) && !bnc_interrupted(); left = b->cooldown_s - (bnc_seconds() - start)) {
    look(&state);
    if (b->cooldown_celsius > 0) {
      if (isnan(state.celsius))
        return bnc_work_refuse(&b->work, "--cooldown %s: this machine tells no temperature, expected seconds to wait", b->cooldown_text);
      hot = state.celsius > b->cooldown_celsius && bnc_seconds() - start < BNC_BENCH_COOLING_LIMIT_S;
      if (!hot) break;
    }
    bnc_progress_show(&b->work.progress, "cooling down", b->cooldown_s > 0 ? 1 - left / b->cooldown_s : 0);
    sleep_for(left > 0 && left < 0.5 ? left : 0.5);
  }
  if (b->cooldown_celsius > 0 && bnc_seconds() - start >= BNC_BENCH_COOLING_LIMIT_S)
    bnc_work_note(&b->work, "warning: still %.1f C after %.0f s of cooling, expected %g", state.celsius, BNC_BENCH_COOLING_LIMIT_S,
                  b->cooldown_celsius);
  return bnc_interrupted() ? BNC_EXIT_INTERRUPTED : BNC_EXIT_DONE;
}

/* Every second round goes the other way through the settings. */
static int each_setting(bnc_bench *b, uint64_t number, double seconds) {
  int code = BNC_EXIT_DONE;
  for (unsigned i = 0; code == BNC_EXIT_DONE && i < b->settings; i++) {
    if (b->rounds > 0 || b->cooldown_celsius > 0) code = cool_down(b);
    if (code == BNC_EXIT_DONE) code = measure_round(b, number % 2 ? b->settings - 1 - i : i, seconds);
  }
  return code;
}

static int sustain(bnc_bench *b) {
  const double whole = b->minutes * 60, round = fmax(1, whole / BNC_BENCH_ROUNDS * b->settings);
  int code = BNC_EXIT_DONE;
  bnc_bench_watch_start(&b->watch, fmax(0.5, whole / (BNC_BENCH_ROUNDS - 10)));
  for (uint64_t i = 0; code == BNC_EXIT_DONE && (i == 0 || bnc_seconds() - b->origin < whole); i++) {
    b->work.whole = "a sustained run";
    b->work.whole_done = (bnc_seconds() - b->origin) / whole;
    code = each_setting(b, i, fmin(round, whole / 4));
  }
  bnc_bench_watch_stop(&b->watch);
  b->cut_short = code == BNC_EXIT_INTERRUPTED && b->rounds > 0;
  return code;
}

int bnc_bench_measure(bnc_bench *b) {
  b->id_count = (size_t)b->prompt_tokens + (b->image != NULL);
  b->ids = malloc(b->id_count * sizeof *b->ids);
  if (!b->ids) return bnc_work_refuse(&b->work, "out of memory for %zu ids", b->id_count);
  for (size_t i = 0; i < b->id_count; i++) b->ids[i] = (int32_t)(i * 37 % b->work.info.vocabulary);
  if (b->image) b->ids[0] = BNC_IMAGE_TOKEN;
  int code = bnc_joules_begin(&b->joules, &b->work);
  b->origin = bnc_seconds();
  for (uint64_t i = 0; code == BNC_EXIT_DONE && i < b->warm_up; i++) {
    code = each_setting(b, i, 0);
    b->rounds = b->tokens = 0; /* they do not count */
    b->tokens_left_out = 0;
  }
  b->origin = bnc_seconds();
  if (code == BNC_EXIT_DONE && b->minutes > 0) code = sustain(b);
  for (uint64_t i = 0; code == BNC_EXIT_DONE && i < b->repeat; i++) code = each_setting(b, i, 0);
  return code;
}
