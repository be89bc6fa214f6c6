/* SPDX-License-Identifier: Apache-2.0 */
/* The form of answers. */
#include <binocle/constrain.h>

#include "runtime/api/session_private.h"

#define MOST_CHOICES 65536u

/* The model's tokens, as all its sessions use them. */
static bnc_status find_vocabulary(bnc_model *model, bnc_error *err) {
  const bnc_file_meta *m = &model->file.meta;
  pthread_mutex_lock(&model->lock);
  const bnc_status s =
      model->vocabulary ? BNC_OK : bnc_vocabulary_create(&model->vocabulary, model->bpe, m->vocabulary, m->stop, m->stops, err);
  pthread_mutex_unlock(&model->lock);
  return s;
}

static bnc_status check_texts(bnc_constraint_kind kind, const char *const *texts, size_t count, bnc_error *err) {
  const size_t least = kind != BNC_CONSTRAINT_NONE, most = kind == BNC_CONSTRAINT_CHOICE ? MOST_CHOICES : least;
  if ((unsigned)kind > BNC_CONSTRAINT_JSON_SCHEMA)
    return bnc_fail(err, BNC_ERROR_ARGUMENT, "found constraint %d, expected a bnc_constraint_kind", (int)kind);
  if (count < least || count > most)
    return bnc_fail(err, BNC_ERROR_ARGUMENT, "the constraint has %zu texts, expected %zu to %zu", count, least, most);
  for (size_t i = 0; i < count; i++)
    if (!texts || !texts[i]) return bnc_fail(err, BNC_ERROR_ARGUMENT, "text %zu of the constraint is not given", i);
  return BNC_OK;
}

bnc_status bnc_session_constrain(bnc_session *session, bnc_constraint_kind kind, const char *const *texts, size_t count) {
  if (!session) return BNC_ERROR_ARGUMENT;
  bnc_error *err = &session->error;
  bnc_constraint *made = NULL;
  bnc_status s = check_texts(kind, texts, count, err);
  if (s == BNC_OK && kind != BNC_CONSTRAINT_NONE) {
    s = bnc_session_check_tokenizer(session);
    if (s == BNC_OK) s = find_vocabulary(session->model, err);
    if (s == BNC_OK)
      s = bnc_constraint_create(&made, session->model->vocabulary, session->model->file.meta.vocabulary, kind, texts, count, err);
  }
  if (s != BNC_OK) return s;
  bnc_constraint_free(session->constraint);
  session->constraint = made;
  return BNC_OK;
}
