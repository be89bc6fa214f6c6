/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/text/stop_texts.h"

#include <string.h>

/* Bytes at the end of the held text that may begin a stop text. */
static size_t possible_beginning(const bnc_stop_texts *s) {
  size_t most = 0;
  for (size_t i = 0; i < s->count; i++) {
    const size_t length = strlen(s->texts[i]);
    size_t tail = length - 1 < s->held.size ? length - 1 : s->held.size;
    while (tail > most && memcmp(s->held.data + s->held.size - tail, s->texts[i], tail) != 0) tail--;
    if (tail > most) most = tail;
  }
  return most;
}

/* Where the first stop text begins, or SIZE_MAX. */
static size_t find_stop(const bnc_stop_texts *s) {
  size_t first = SIZE_MAX;
  for (size_t i = 0; i < s->count; i++) {
    const char *hit = memmem(s->held.data, s->held.size, s->texts[i], strlen(s->texts[i]));
    if (hit && (size_t)(hit - s->held.data) < first) first = (size_t)(hit - s->held.data);
  }
  return first;
}

bnc_status bnc_stop_texts_push(bnc_stop_texts *s, const char *piece, size_t length, const char **out, size_t *size, bnc_error *err) {
  *out = piece;
  *size = s->met ? 0 : length;
  if (s->count == 0 || s->met) return BNC_OK;
  s->held.size -= s->released; /* the last call's text goes now */
  if (s->held.size) memmove(s->held.data, s->held.data + s->released, s->held.size);
  s->released = 0;
  bnc_status status = bnc_text_append(&s->held, piece, length, err);
  if (status != BNC_OK) return status;
  const size_t stop = s->held.size ? find_stop(s) : SIZE_MAX;
  s->met = stop != SIZE_MAX;
  s->released = s->met ? stop : s->held.size - possible_beginning(s);
  *out = s->held.data ? s->held.data : "";
  *size = s->released;
  return BNC_OK;
}

void bnc_stop_texts_finish(bnc_stop_texts *s, const char **out, size_t *size) {
  *out = s->held.data ? s->held.data + s->released : "";
  *size = s->met ? 0 : s->held.size - s->released;
  s->released = s->held.size;
}

void bnc_stop_texts_free(bnc_stop_texts *s) { bnc_text_free(&s->held); }
