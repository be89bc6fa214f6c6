/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/api/session_plan.h"

#include <stdio.h>

#include "platforms/machine/memory.h"
#include "runtime/describe/describe.h"
#include "runtime/exec/laid_weights.h"
#include "runtime/image/image.h"
#include "runtime/model/weight_slabs.h"

#define TEXT_ROWS 256u                     /* beside a picture: below it a conversation is none */
#define PICTURE_PIXEL_BYTES 4u             /* 3 once it is decoded, and a byte of its file */
#define PICTURE_LEAST ((uint64_t)4 << 20)  /* pixels that a session with pictures always takes: reduced, those of a phone */
#define PICTURE_SHARE 8u                   /* of what is left for weights where they are streamed */
#define ROOMY 2u                           /* times what a model needs, and vision's weights stay behind a picture */
#define LEAST_WEIGHTS ((uint64_t)24 << 20) /* three parts that are streamed (residency.c): read, put away, fetched */

void bnc_session_settings_init(bnc_session_settings *settings) { *settings = (bnc_session_settings){.size = sizeof *settings}; }

static const char *cache_name(uint32_t kv_dtype) {
  static const char *const names[] = {[BNC_KV_F32] = "f32", [BNC_KV_F16] = "f16", [BNC_KV_INT8] = "int8"};
  return names[kv_dtype];
}

static double mb(uint64_t bytes) { return (double)bytes * 1e-6; }

static void set_context(bnc_file_meta *m, uint32_t rows) {
  m->context = rows;
  if (m->reference_limit > rows) m->reference_limit = rows;
}

/* Fewer rows than this are refused: a picture, a question and an answer. */
static uint32_t least_context(const bnc_file_meta *m) {
  const uint64_t rows = (uint64_t)m->image_rows + TEXT_ROWS;
  return rows < m->context ? (uint32_t)rows : m->context;
}

/* What streaming cannot do without: the largest layer, and what goes before and behind it. */
static uint64_t least_weights(const bnc_model_file *f) {
  uint64_t most = 0;
  for (size_t i = 0; i < f->weights; i++) {
    const uint64_t bytes = bnc_weight_sizes_of(&f->weight[i]).data;
    if ((i != f->meta.embedding || f->meta.tied_embeddings) && bytes > most) most = bytes;
  }
  return most + LEAST_WEIGHTS;
}

static bnc_status check_settings(const bnc_session *s, const bnc_session_settings *settings, bnc_error *err) {
  const uint32_t most = s->file.meta.context;
  if (settings->kv_cache > 1 + BNC_KV_INT8) return bnc_fail(err, BNC_ERROR_ARGUMENT, "%u is no type of a KV cache", settings->kv_cache);
  if (settings->context > most)
    return bnc_fail(err, BNC_ERROR_ARGUMENT, "a context of %u rows, expected at most the %u that the model was compiled for",
                    settings->context, most);
  if (settings->max_pixels > BNC_IMAGE_MAX_PIXELS)
    return bnc_fail(err, BNC_ERROR_ARGUMENT, "pictures of %llu pixels, expected at most %u", (unsigned long long)settings->max_pixels,
                    BNC_IMAGE_MAX_PIXELS);
  return BNC_OK;
}

/* All but weights. */
static uint64_t needed(const bnc_session *s, uint64_t other) { return bnc_executor_needs(&s->file, bnc_pool_threads(s->pool)) + other; }

/* The longest context of at least `least` rows whose session leaves `weights` of `room`; false: none does. */
static bool shorten(bnc_session *s, uint32_t least, uint64_t weights, uint64_t room, uint64_t other) {
  const bnc_file_meta before = s->file.meta;
  uint32_t low = least, high = before.context; /* low fits, or is yet to be tried */
  set_context(&s->file.meta, least);
  if (needed(s, other) + weights > room) {
    s->file.meta = before;
    return false;
  }
  while (low < high) {
    const uint32_t middle = high - (high - low) / 2;
    s->file.meta = before;
    set_context(&s->file.meta, middle);
    if (needed(s, other) + weights <= room)
      low = middle;
    else
      high = middle - 1;
  }
  s->file.meta = before;
  set_context(&s->file.meta, low);
  return true;
}

static bnc_status fit(bnc_session *s, const bnc_session_settings *settings, const bnc_session_plan *plan, uint64_t other, bnc_error *err) {
  bnc_file_meta *m = &s->file.meta;
  const uint32_t least = settings->context ? m->context : least_context(m);
  const uint64_t at_least = least_weights(&s->file);
  if (needed(s, other) + plan->weights <= plan->room) return BNC_OK;
  if (settings->kv_cache == 0) m->kv_dtype = BNC_KV_INT8;
  if (shorten(s, least, plan->weights, plan->room, other)) return BNC_OK;
  if (shorten(s, least, at_least < plan->weights ? at_least : plan->weights, plan->room, other)) return BNC_OK;
  set_context(m, least);
  const uint64_t fits = needed(s, other) + (at_least < plan->weights ? at_least : plan->weights);
  return bnc_fail(err, BNC_ERROR_LIMIT,
                  "%s: the memory limit is %.1f MB, expected at least %.1f MB (%u rows of context, KV cache %s, weights read from the file "
                  "again and again)",
                  s->file.path, mb(plan->room), mb(fits), least, cache_name(m->kv_dtype));
}

bnc_status bnc_session_plan_make(bnc_session *s, const bnc_session_settings *settings, bnc_session_plan *plan, bnc_error *err) {
  bnc_file_meta *m = &s->file.meta;
  const bnc_memory_prediction p = bnc_predict_memory(&s->file);
  const bnc_memory_room room = bnc_memory_room_for_maps();
  const uint64_t text = p.weights - p.vision_weights, other = p.other;
  bnc_status status = check_settings(s, settings, err);
  if (status != BNC_OK) return status;
  *plan = (bnc_session_plan){.room = room.bytes, .bound = room.bound, .limited = settings->memory_limit != 0};
  plan->pixels_chosen = settings->max_pixels != 0;
  plan->weights = text > p.vision_weights ? text : p.vision_weights; /* those of vision leave when it is done */
  if (settings->kv_cache) m->kv_dtype = settings->kv_cache - 1;      /* bnc_cache_type has a default in front */
  if (settings->context) set_context(m, settings->context);
  if (plan->limited) {
    plan->room = settings->memory_limit;
    plan->bound = "the memory limit";
    status = fit(s, settings, plan, other, err);
  }
  plan->needed = needed(s, plan->limited ? other : 0);
  plan->whole = plan->needed + p.weights;
  s->file.sparing = plan->whole > plan->room;
  s->vision_leaves = plan->limited || plan->whole > plan->room / ROOMY;
  return status;
}

/* Under a limit and without a choice of the caller's, a picture takes what weights leave. Returns the bytes left for weights. */
static uint64_t limit_pictures(bnc_session *s, const bnc_session_plan *plan, uint64_t left) {
  const uint64_t least = PICTURE_LEAST * PICTURE_PIXEL_BYTES, most = (uint64_t)BNC_IMAGE_MAX_PIXELS * PICTURE_PIXEL_BYTES;
  const bool streamed = plan->weights > left;
  if (!plan->limited || plan->pixels_chosen || !s->file.program[BNC_PROGRAM_VISION].head) return left;
  uint64_t bytes = streamed ? left / PICTURE_SHARE : left - plan->weights;
  if (bytes < least) bytes = least;
  if (bytes >= most) bytes = most;
  s->max_pixels = (size_t)(bytes / PICTURE_PIXEL_BYTES);
  s->pixels_limited = bytes < most;
  if (s->pixels_limited)
    bnc_context_log(s->model->context, BNC_LOG_INFO,
                    "the memory limit leaves %.1f MB for a picture: one of more than %zu pixels is reduced, of %u times as many refused",
                    mb(bytes), s->max_pixels, BNC_IMAGE_MAX_REDUCED);
  return streamed && left >= bytes + least_weights(&s->file) ? left - bytes : left;
}

/* Where vision's weights stay behind a picture, they may be there once more, as they are multiplied with. */
static bnc_status lay_out(bnc_session *s, const bnc_session_plan *plan, bnc_error *err) {
  bnc_model *model = s->model;
  uint64_t bytes = 0;
  if (s->vision_leaves) return BNC_OK;
  bnc_status status = bnc_laid_weights_bytes(&s->file, model->kernels.level, &bytes, err);
  const bool fits = bytes && plan->whole + bytes <= plan->room / ROOMY;
  if (status == BNC_OK && fits && !model->laid)
    status = bnc_laid_weights_acquire(&model->laid, &s->file, &model->kernels, s->pool, model->context, err);
  if (status == BNC_OK && fits) bnc_executor_set_laid(s->executor, model->laid);
  return status;
}

bnc_status bnc_session_plan_apply(bnc_session *s, const bnc_session_plan *plan, bnc_error *err) {
  const bnc_file_meta *m = &s->file.meta, *whole = &s->model->file.meta;
  const uint64_t taken = plan->needed + bnc_packed_memory_bytes(s->model->store);
  const uint64_t left = limit_pictures(s, plan, taken < plan->room ? plan->room - taken : 0);
  uint64_t streamed = 0;
  if (m->context != whole->context || m->kv_dtype != whole->kv_dtype)
    bnc_context_log(s->model->context, BNC_LOG_INFO, "a context of %u rows (of %u), KV cache %s: %.1f MB", m->context, whole->context,
                    cache_name(m->kv_dtype), mb(bnc_executor_kv_bytes(s->executor)));
  if (plan->weights <= left) return lay_out(s, plan, err);
  const bnc_status status = bnc_executor_limit_weights(s->executor, left, !plan->limited, &streamed, err);
  if (status == BNC_OK)
    bnc_context_log(s->model->context, BNC_LOG_WARNING,
                    "%s leaves %.1f MB for %.1f MB of weights: %.1f MB of them are read from the file again and again, which is slow",
                    plan->bound, mb(left), mb(plan->weights), mb(streamed));
  return status;
}
