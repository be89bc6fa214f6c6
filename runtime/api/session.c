/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "platforms/base/clock.h"
#include "platforms/base/mem.h"
#include "platforms/base/sized.h"
#include "runtime/api/session_plan.h"
#include "runtime/api/session_private.h"
#include "runtime/exec/packed_cache.h"

typedef struct stage_progress {
  bnc_session *session;
  const char *stage;
} stage_progress;

static bool report(void *context, size_t done, size_t total) {
  const stage_progress *p = context;
  return bnc_session_report(p->session, p->stage, total ? (double)done / (double)total : 1.0);
}

bool bnc_session_report(bnc_session *session, const char *stage, double fraction) {
  const bool asked = session->progress ? session->progress(session->progress_user, stage, fraction) != 0
                                       : bnc_context_progress(session->model->context, stage, fraction);
  return atomic_exchange_explicit(&session->cancelled, false, memory_order_relaxed) || asked;
}

/* The first session of a model finds out what the machine can do and gets the packed weights. */
static bnc_status prepare_model(bnc_model *model, const bnc_model_file *file, bnc_pool *pool, bnc_error *err) {
  bnc_cpu_level level;
  if (model->store) return BNC_OK;
  bnc_status s = bnc_cpu_detect_level(&level, err);
  if (s != BNC_OK) return s;
  bnc_kernels_init(&model->kernels, level);
  return bnc_packed_acquire(&model->store, file, pool, model->context, err);
}

static bnc_status create(bnc_session *s, const bnc_session_settings *settings, bnc_error *err) {
  bnc_model *model = s->model;
  stage_progress progress = {s, "preparing the weights"};
  bnc_run_hooks hooks = {.context = &progress, .step = report};
  bnc_session_plan plan;
  bnc_status status = bnc_pool_create(&s->pool, settings->threads ? settings->threads : model->context->settings.threads, err);
  if (status == BNC_OK) status = bnc_session_plan_make(s, settings, &plan, err);
  const uint64_t start = bnc_clock_ns();
  if (status == BNC_OK) status = prepare_model(model, &s->file, s->pool, err);
  s->pack_ns = bnc_clock_ns() - start;
  if (status == BNC_OK) status = bnc_executor_create(&s->executor, &s->file, s->pool, &model->kernels, model->store, &hooks, err);
  if (status == BNC_OK) status = bnc_session_plan_apply(s, &plan, err);
  if (status == BNC_OK && model->bpe) status = bnc_detokenizer_create(&s->detokenizer, model->bpe, true, err);
  return status;
}

void bnc_session_settle_system(bnc_session *s) {
  const bnc_file_meta *m = &s->model->file.meta;
  const bool own = m->system && s->style.template_ == (bnc_prompt_template)m->prompt_template;
  s->style.system = s->system ? s->system : own ? bnc_model_file_string(&s->model->file, m->system) : NULL;
}

bnc_status bnc_session_create(bnc_model *model, bnc_session **session) { return bnc_session_create_with(model, NULL, session); }

bnc_status bnc_session_create_with(bnc_model *model, const bnc_session_settings *settings, bnc_session **session) {
  bnc_session_settings wanted;
  bnc_session_settings_init(&wanted);
  if (!model) return BNC_ERROR_ARGUMENT;
  bnc_error *err = &model->context->error;
  if (!session) return bnc_fail(err, BNC_ERROR_ARGUMENT, "a session needs a place for its handle");
  *session = NULL;
  if (settings && !bnc_sized_is_set(settings)) return bnc_fail(err, BNC_ERROR_ARGUMENT, "the session's settings have no size");
  if (settings) bnc_sized_read(&wanted, sizeof wanted, settings);
  bnc_session *s = bnc_mem_zalloc(sizeof *s);
  if (!s) return bnc_fail_memory(err, sizeof *s);
  uint64_t start = bnc_clock_ns();
  s->model = model;
  s->private_preamble = wanted.private_preamble != 0;
  s->max_pixels = wanted.max_pixels ? (size_t)wanted.max_pixels : BNC_IMAGE_MAX_PIXELS;
  s->file = model->file;
  s->last_id = s->pending = s->token.id = -1;
  s->style.template_ = (bnc_prompt_template)model->file.meta.prompt_template;
  bnc_session_settle_system(s);
  pthread_mutex_lock(&model->lock);
  bnc_status status = create(s, &wanted, err);
  pthread_mutex_unlock(&model->lock);
  if (status != BNC_OK) {
    bnc_session_destroy(s);
    return status;
  }
  bnc_statistics *t = &s->statistics;
  t->load_seconds = (double)(bnc_clock_ns() - start) * 1e-9;
  t->arena_bytes = bnc_executor_arena_bytes(s->executor);
  t->kv_bytes = bnc_executor_kv_bytes(s->executor);
  t->packed_bytes = bnc_packed_bytes(model->store) + (model->laid && !s->vision_leaves ? bnc_packed_bytes(model->laid) : 0);
  t->packed_memory_bytes = bnc_packed_memory_bytes(model->store);
  t->threads = (uint32_t)bnc_pool_threads(s->pool);
  strncpy(t->cpu_level, bnc_cpu_level_name(model->kernels.level), sizeof t->cpu_level - 1);
  memcpy(t->linear, model->file.linears.name, sizeof t->linear);
  *session = s;
  return BNC_OK;
}

void bnc_session_destroy(bnc_session *session) {
  if (!session) return;
  bnc_profile_free(session->profile); /* it watches the pool */
  bnc_executor_destroy(session->executor);
  bnc_mem_free(session->pacer);
  bnc_detokenizer_free(session->detokenizer);
  bnc_pool_destroy(session->pool);
  bnc_mem_free(session->image);
  bnc_ids_free(&session->opening);
  bnc_ids_free(&session->history);
  bnc_constraint_free(session->constraint);
  bnc_mem_free(session->system);
  bnc_mem_free(session->restored_logits);
  bnc_mem_free(session);
}

void bnc_session_set_progress(bnc_session *session, bnc_on_progress progress, void *user) {
  if (!session) return;
  session->progress = progress;
  session->progress_user = user;
}

void bnc_session_cancel(bnc_session *session) {
  if (session) atomic_store_explicit(&session->cancelled, true, memory_order_relaxed);
}

bnc_status bnc_session_set_system(bnc_session *session, const char *text) {
  if (!session) return BNC_ERROR_ARGUMENT;
  if (session->started)
    return bnc_fail(&session->error, BNC_ERROR_ARGUMENT, "the conversation has begun: reset it to change the system text");
  char *copy = text ? bnc_mem_strndup(text, strlen(text)) : NULL;
  if (text && !copy) return bnc_fail_memory(&session->error, strlen(text) + 1);
  bnc_mem_free(session->system);
  session->system = copy;
  bnc_session_settle_system(session);
  return BNC_OK;
}

bnc_status bnc_session_set_template(bnc_session *session, const char *name) {
  if (!session) return BNC_ERROR_ARGUMENT;
  if (session->started) return bnc_fail(&session->error, BNC_ERROR_ARGUMENT, "the conversation has begun: reset it to change the template");
  if (!name) {
    session->style.template_ = (bnc_prompt_template)session->model->file.meta.prompt_template;
  } else if (!bnc_prompt_template_find(name, &session->style.template_)) {
    return bnc_fail(&session->error, BNC_ERROR_ARGUMENT, "there is no prompt template '%.60s', expected %s", name,
                    bnc_prompt_template_names());
  }
  bnc_session_settle_system(session);
  return BNC_OK;
}

const char *bnc_session_error(const bnc_session *session) { return session ? session->error.text : "no session was given"; }

static void forget_conversation(bnc_session *session) {
  session->rows = session->history.count = 0;
  session->last_id = session->pending = session->token.id = -1;
  session->cut = session->started = false;
  session->logits = NULL;
}

void bnc_session_reset(bnc_session *session) {
  if (!session) return;
  bnc_session_drop_images(session);
  session->opening.count = session->opening_rows = 0;
  forget_conversation(session);
}

void bnc_session_restart(bnc_session *session) {
  if (!session || !session->started) return;
  session->images = session->opening_images;
  session->opening_images = 0;
  forget_conversation(session);
}

size_t bnc_session_opening(const bnc_session *session, const int32_t *ids, size_t count, size_t total, size_t *rows) {
  const size_t most =
      session->opening_rows < total ? session->opening_rows : total - 1; /* the last row is computed: its logits are wanted */
  size_t i = 0;
  *rows = 0;
  for (; i < count && i < session->opening.count && ids[i] == session->opening.data[i]; i++) {
    const size_t step = ids[i] == BNC_IMAGE_TOKEN ? session->model->file.meta.image_rows : 1;
    if (*rows + step > most) break;
    *rows += step;
  }
  return i;
}

int bnc_session_was_cut(const bnc_session *session) { return session && session->cut; }
size_t bnc_session_rows(const bnc_session *session) { return session ? session->rows : 0; }

bnc_status bnc_session_logits(bnc_session *session, const float **logits, size_t *count) {
  if (!session) return BNC_ERROR_ARGUMENT;
  if (!logits || !count) return bnc_fail(&session->error, BNC_ERROR_ARGUMENT, "logits need a place");
  if (!session->logits)
    return bnc_fail(&session->error, BNC_ERROR_ARGUMENT,
                    "there are no logits: nothing was asked or appended since the last picture or reset");
  *logits = session->logits;
  *count = session->model->file.meta.vocabulary;
  return BNC_OK;
}

bnc_status bnc_session_get_statistics(const bnc_session *session, bnc_statistics *statistics) {
  if (!session || !bnc_sized_is_set(statistics)) return BNC_ERROR_ARGUMENT;
  bnc_sized_write(statistics, &session->statistics, sizeof *statistics);
  return BNC_OK;
}

bnc_status bnc_session_run(bnc_session *session, bnc_program_id id, size_t rows, const char *stage, const bnc_run_hooks *hooks) {
  stage_progress progress = {session, stage};
  bnc_run_hooks steps = {.context = &progress, .step = report};
  if (!hooks && stage) hooks = &steps;
  /* Weights are read from the file as they are: what somebody wrote into it meanwhile must not become an answer. */
  const bnc_model_file *file = &session->model->file;
  bnc_status status = bnc_model_file_unchanged(file, &session->error);
  if (status != BNC_OK) return status;
  status = session->profile && !session->profile->end
               ? bnc_session_run_profiled(session, id, rows, hooks)
               : bnc_executor_run(session->executor, id, rows, session->rows, hooks, &session->error);
  return status == BNC_OK ? bnc_model_file_unchanged(file, &session->error) : status;
}
