/* SPDX-License-Identifier: Apache-2.0 */
/* Prompts into the KV cache, answers out of it. */
#include <string.h>

#include "platforms/base/clock.h"
#include "platforms/base/mem.h"
#include "runtime/api/preamble.h"
#include "runtime/text/prompt.h"

/* Where the next row of a prompt comes from. */
typedef struct cursor {
  const int32_t *ids;
  size_t count, at;
  size_t image, image_row; /* the picture that is being copied and its next row */
} cursor;

/* Fills rows [0, most) of out [most, hidden]. Returns how many there were. */
static size_t fill_rows(bnc_session *s, cursor *c, float *out, size_t most) {
  const bnc_file_meta *m = &s->model->file.meta;
  size_t rows = 0;
  while (rows < most && c->at < c->count) {
    if (c->ids[c->at] == BNC_IMAGE_TOKEN) {
      size_t left = m->image_rows - c->image_row, take = left < most - rows ? left : most - rows;
      memcpy(out + rows * m->hidden, s->image + (c->image * m->image_rows + c->image_row) * m->hidden, take * m->hidden * sizeof *out);
      rows += take;
      c->image_row += take;
      if (c->image_row == m->image_rows) {
        c->image_row = 0;
        c->image++;
        c->at++;
      }
      s->last_id = -1;
      continue;
    }
    size_t run = 0;
    while (run < most - rows && c->at + run < c->count && c->ids[c->at + run] != BNC_IMAGE_TOKEN) run++;
    bnc_executor_embed(s->executor, c->ids + c->at, run, out + rows * m->hidden);
    rows += run;
    c->at += run;
    s->last_id = c->ids[c->at - 1];
  }
  return rows;
}

/* How far a prompt of several chunks is. */
typedef struct prompt_progress {
  bnc_session *session;
  size_t done, rows, total; /* rows before this chunk, in it, of all chunks */
} prompt_progress;

static bool report_prompt(void *context, size_t done, size_t total) {
  const prompt_progress *p = context;
  const double chunk = (double)p->rows * (double)done / (double)total;
  return bnc_session_report(p->session, "reading the prompt", ((double)p->done + chunk) / (double)p->total);
}

/* A prompt's rows [done, to) of `total`; c stands behind the ids of those before, which are in the cache. */
static bnc_status prefill(bnc_session *s, cursor *c, size_t done, size_t to, size_t total) {
  size_t capacity = bnc_executor_capacity(s->executor, BNC_PROGRAM_PREFILL);
  const size_t kept = done;
  const size_t before = s->rows;
  const int32_t last_id = s->last_id;
  uint64_t start = bnc_clock_ns();
  while (done < to) {
    float *input = bnc_executor_input(s->executor, BNC_PROGRAM_PREFILL);
    size_t rows = fill_rows(s, c, input, to - done < capacity ? to - done : capacity);
    prompt_progress progress = {s, done, rows, total};
    bnc_run_hooks hooks = {.context = &progress, .step = report_prompt};
    bnc_status status = bnc_session_run(s, BNC_PROGRAM_PREFILL, rows, NULL, &hooks);
    if (status != BNC_OK) {
      /* The conversation is what it was before this prompt: what was cached of it will be overwritten. */
      s->rows = before;
      s->last_id = last_id;
      s->logits = NULL;
      return status;
    }
    s->rows += rows;
    done += rows;
  }
  s->logits = bnc_executor_output(s->executor, BNC_PROGRAM_PREFILL);
  s->statistics.prefill_rows += to - kept;
  s->statistics.prefill_seconds += (double)(bnc_clock_ns() - start) * 1e-9;
  return BNC_OK;
}

/* The ids of a prompt, and how many rows they are. */
typedef struct prompt {
  const int32_t *ids;
  size_t count, total, images;
} prompt;

/* A first prompt stays known, for a restart; what the cache holds of it is not computed again, nor what a file keeps of its preamble (NULL:
 * none). Where that is to be kept first, it is computed by itself. */
static bnc_status open_conversation(bnc_session *s, const prompt *p, const bnc_ids *preamble) {
  const size_t shared = bnc_preamble_rows(s, preamble, p->ids, p->count, p->total);
  size_t rows, known = bnc_session_opening(s, p->ids, p->count, p->total, &rows);
  const bool lacks = rows < shared, taken = lacks && bnc_preamble_take(s, preamble);
  if (taken) {
    known = bnc_session_opening(s, p->ids, p->count, p->total, &rows);
    s->statistics.kept_rows += rows;
  }
  cursor c = {.ids = p->ids, .count = p->count, .at = known};
  for (size_t i = 0; i < known; i++) c.image += p->ids[i] == BNC_IMAGE_TOKEN;
  s->opening.count = known;
  s->opening_rows = s->rows = rows;
  bnc_status status = bnc_ids_append(&s->opening, p->ids + known, p->count - known, &s->error);
  if (status == BNC_OK && lacks && !taken) {
    status = prefill(s, &c, rows, shared, p->total);
    if (status == BNC_OK) bnc_preamble_keep(s, preamble, shared);
  }
  if (status == BNC_OK) status = prefill(s, &c, s->rows, p->total, p->total);
  if (status != BNC_OK) {
    s->opening.count = known;
    s->rows = 0;
    s->last_id = -1;
    return status;
  }
  s->opening_rows = p->total;
  s->opening_images = p->images;
  s->images -= p->images;
  return BNC_OK;
}

/* Pictures that a further prompt used are gone; those that came later wait on. */
static bnc_status continue_conversation(bnc_session *s, const prompt *p) {
  cursor c = {.ids = p->ids, .count = p->count, .image = s->opening_images};
  const size_t images = p->images;
  bnc_status status = prefill(s, &c, 0, p->total, p->total);
  if (status != BNC_OK) return status;
  size_t one = (size_t)s->model->file.meta.image_rows * s->model->file.meta.hidden;
  float *waiting = s->image + s->opening_images * one;
  s->images -= images;
  if (s->images && images) memmove(waiting, waiting + images * one, s->images * one * sizeof *waiting);
  return BNC_OK;
}

/* Rows of a prompt of these ids, and how many pictures it shows. */
static bnc_status count_rows(bnc_session *s, const int32_t *ids, size_t count, size_t *total, size_t *images) {
  const bnc_file_meta *m = &s->file.meta;
  *images = *total = 0;
  for (size_t i = 0; i < count; i++) {
    if (ids[i] == BNC_IMAGE_TOKEN) {
      ++*images;
      *total += m->image_rows;
    } else if (ids[i] < 0 || (uint32_t)ids[i] >= m->vocabulary) {
      return bnc_fail(&s->error, BNC_ERROR_ARGUMENT, "id %d at position %zu, expected 0 to %u, or %d for a picture", ids[i], i,
                      m->vocabulary - 1, BNC_IMAGE_TOKEN);
    } else {
      ++*total;
    }
  }
  if (*images > s->images)
    return bnc_fail(&s->error, BNC_ERROR_ARGUMENT, "the prompt shows %zu pictures, but %zu were given", *images, s->images);
  return *total ? BNC_OK : bnc_fail(&s->error, BNC_ERROR_ARGUMENT, "an empty prompt");
}

/* ids as they are, a pending token in front of them already; the preamble of a first question, or NULL. */
static bnc_status append(bnc_session *s, const int32_t *ids, size_t count, const bnc_ids *preamble) {
  const bnc_file_meta *m = &s->file.meta;
  size_t images, total;
  bnc_status status = count_rows(s, ids, count, &total, &images);
  if (status != BNC_OK) return status;
  s->cut = false;
  if (!s->started && total > m->reference_limit) {
    total = m->reference_limit;
    s->cut = true;
  }
  if (s->rows + total > m->context)
    return bnc_fail(
        &s->error, BNC_ERROR_LIMIT,
        "the conversation has %zu rows and %zu more do not fit into the context of %u: compile with a larger --context, or start anew",
        s->rows, total, m->context);
  const prompt p = {ids, count, total, images};
  status = s->started ? continue_conversation(s, &p) : open_conversation(s, &p, preamble);
  if (status == BNC_OK) status = bnc_ids_append(&s->history, ids, count, &s->error);
  if (status == BNC_OK) {
    s->started = true;
    s->pending = -1;
  }
  return status;
}

bnc_status bnc_session_append(bnc_session *session, const int32_t *ids, size_t count) {
  if (!session) return BNC_ERROR_ARGUMENT;
  if (!ids && count) return bnc_fail(&session->error, BNC_ERROR_ARGUMENT, "append needs ids");
  bnc_ids all = {0};
  bnc_status s = session->pending >= 0 ? bnc_ids_append(&all, &session->pending, 1, &session->error) : BNC_OK;
  if (s == BNC_OK) s = bnc_ids_append(&all, ids, count, &session->error);
  if (s == BNC_OK) s = append(session, all.data, all.count, NULL);
  bnc_ids_free(&all);
  return s;
}

bnc_status bnc_session_check_tokenizer(bnc_session *s) {
  if (s->model->bpe) return BNC_OK;
  return bnc_fail(&s->error, BNC_ERROR_UNSUPPORTED,
                  "%s has no tokenizer: its checkpoint had no tokenizer.json; use ids (`binocle score`) instead", s->model->file.path);
}

bnc_status bnc_session_ask(bnc_session *session, const char *text) {
  const bnc_exchange question = {text, NULL};
  if (!session) return BNC_ERROR_ARGUMENT;
  bnc_error *err = &session->error;
  if (!text) return bnc_fail(err, BNC_ERROR_ARGUMENT, "a question needs text");
  if (!session->started) return bnc_session_converse(session, &question, 1);
  bnc_status s = bnc_session_check_tokenizer(session);
  if (s != BNC_OK) return s;
  bnc_ids ids = {0};
  if (session->pending >= 0) s = bnc_ids_append(&ids, &session->pending, 1, err);
  const int32_t last = session->pending >= 0 ? session->pending : session->last_id;
  if (s == BNC_OK) s = bnc_prompt_next(session->model->bpe, session->style.template_, text, session->images, last, &ids, err);
  if (s == BNC_OK) s = append(session, ids.data, ids.count, NULL);
  bnc_ids_free(&ids);
  return s;
}

bnc_status bnc_session_answer_ids(bnc_session *session, const char *answer, int32_t **ids, size_t *count) {
  bnc_ids list = {0};
  if (!session) return BNC_ERROR_ARGUMENT;
  if (!answer || !ids || !count) return bnc_fail(&session->error, BNC_ERROR_ARGUMENT, "answer_ids needs an answer and a place for its ids");
  *ids = NULL;
  *count = 0;
  bnc_status s = bnc_session_check_tokenizer(session);
  if (s == BNC_OK) s = bnc_prompt_answer(session->model->bpe, session->style.template_, answer, &list, &session->error);
  if (s != BNC_OK) {
    bnc_ids_free(&list);
    return s;
  }
  *ids = list.data;
  *count = list.count;
  return BNC_OK;
}

/* The ids of a conversation that begins; the last exchange may have its answer where `answered` says so. */
static bnc_status begin(bnc_session *s, const bnc_exchange *exchanges, size_t count, bool answered, bnc_ids *ids) {
  bnc_error *err = &s->error;
  bnc_status status = bnc_session_check_tokenizer(s);
  if (status != BNC_OK) return status;
  if (s->started) return bnc_fail(err, BNC_ERROR_ARGUMENT, "the conversation has begun: restart or reset it first");
  if (!exchanges || count == 0) return bnc_fail(err, BNC_ERROR_ARGUMENT, "a conversation needs a question");
  for (size_t i = 0; i < count; i++) {
    const bool last = i + 1 == count;
    if (!exchanges[i].question || (last ? exchanges[i].answer && !answered : !exchanges[i].answer))
      return bnc_fail(err, BNC_ERROR_ARGUMENT, "exchange %zu of %zu: expected a question and, in all but the last, its answer", i, count);
  }
  return bnc_prompt_conversation(s->model->bpe, &s->style, exchanges, count, s->images, ids, err);
}

bnc_status bnc_session_converse(bnc_session *session, const bnc_exchange *exchanges, size_t count) {
  bnc_ids ids = {0}, preamble = {0};
  if (!session) return BNC_ERROR_ARGUMENT;
  bnc_status s = begin(session, exchanges, count, false, &ids);
  if (s == BNC_OK) s = bnc_prompt_preamble(session->model->bpe, &session->style, &preamble, &session->error);
  if (s == BNC_OK) s = append(session, ids.data, ids.count, &preamble);
  bnc_ids_free(&ids);
  bnc_ids_free(&preamble);
  return s;
}

static bnc_status take_rows(bnc_session *s, const bnc_ids *ids, bnc_array *rows) {
  const bnc_file_meta *m = &s->file.meta;
  cursor c = {.ids = ids->data, .count = ids->count};
  const int32_t last_id = s->last_id;
  size_t total, images;
  bnc_status status = count_rows(s, ids->data, ids->count, &total, &images);
  if (status != BNC_OK) return status;
  if (total > m->reference_limit) total = m->reference_limit;
  rows->values = bnc_mem_array(total * m->hidden, sizeof *rows->values);
  if (!rows->values) return bnc_fail_memory(&s->error, total * m->hidden * sizeof *rows->values);
  rows->rank = 2;
  rows->shape[0] = total;
  rows->shape[1] = m->hidden;
  fill_rows(s, &c, rows->values, total);
  s->last_id = last_id;
  return BNC_OK;
}

bnc_status bnc_session_prompt_rows(bnc_session *session, const bnc_exchange *exchanges, size_t count, bnc_array *rows) {
  bnc_ids ids = {0};
  if (!session) return BNC_ERROR_ARGUMENT;
  if (!rows) return bnc_fail(&session->error, BNC_ERROR_ARGUMENT, "prompt_rows needs a place for its rows");
  *rows = (bnc_array){0};
  bnc_status s = begin(session, exchanges, count, true, &ids);
  if (s == BNC_OK) s = take_rows(session, &ids, rows);
  bnc_ids_free(&ids);
  return s;
}
