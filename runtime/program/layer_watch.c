/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/program/layer_watch.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct bnc_kept_layer {
  char name[64];
  size_t rows, cols;
  uint64_t at; /* bytes */
  bool taken;
};

__attribute__((format(printf, 2, 3))) static void fail(bnc_layer_watch *w, const char *format, ...) {
  va_list args;
  if (w->why[0]) return;
  va_start(args, format);
  vsnprintf(w->why, sizeof w->why, format, args);
  va_end(args);
}

bool bnc_layer_watch_open(bnc_layer_watch *w, const char *beside) {
  char path[4096];
  *w = (bnc_layer_watch){.file = -1};
  const int length = snprintf(path, sizeof path, "%s.XXXXXX", beside);
  if (length > 0 && (size_t)length < sizeof path) w->file = mkstemp(path);
  if (w->file < 0)
    fail(w, "%.200s: no file can be made beside it", beside);
  else
    unlink(path);
  return w->file >= 0;
}

void bnc_layer_watch_free(bnc_layer_watch *w) {
  if (w->file >= 0) close(w->file);
  free(w->layer);
  free(w->kept);
  free(w->buffer);
  *w = (bnc_layer_watch){.file = -1};
}

/* Room for one element more than `count`. */
static void *grown(bnc_layer_watch *w, void *items, size_t count, size_t *room, size_t size) {
  if (count < *room) return items;
  const size_t wanted = count + count / 2 + 64;
  void *larger = realloc(items, wanted * size);
  if (larger)
    *room = wanted;
  else
    fail(w, "out of memory for %zu layers", wanted);
  return larger;
}

static bool reserve(bnc_layer_watch *w, size_t floats) {
  if (floats <= w->buffer_room) return true;
  float *larger = realloc(w->buffer, floats * sizeof *larger);
  if (!larger) {
    fail(w, "out of memory for %zu values of a layer", floats);
    return false;
  }
  w->buffer = larger;
  w->buffer_room = floats;
  return true;
}

static bool store(bnc_layer_watch *w, const float *values, size_t count) {
  const char *data = (const char *)values;
  for (size_t left = count * sizeof *values; left;) {
    const ssize_t done = pwrite(w->file, data, left, (off_t)w->bytes);
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) {
      fail(w, "what the layers compute cannot be kept: %s", strerror(done < 0 ? errno : ENOSPC));
      return false;
    }
    data += done;
    left -= (size_t)done;
    w->bytes += (uint64_t)done;
  }
  return true;
}

static bool load(bnc_layer_watch *w, uint64_t at, size_t count) {
  char *data = (char *)w->buffer;
  for (size_t left = count * sizeof *w->buffer; left;) {
    const ssize_t done = pread(w->file, data, left, (off_t)at);
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) {
      fail(w, "what the layers computed cannot be read again: %s", strerror(done < 0 ? errno : EIO));
      return false;
    }
    data += done;
    left -= (size_t)done;
    at += (uint64_t)done;
  }
  return true;
}

void bnc_layer_watch_reference(void *user, const bnc_layer_values *l) {
  bnc_layer_watch *w = user;
  if (w->why[0] || !reserve(w, l->rows * l->cols)) return;
  bnc_kept_layer *kept = grown(w, w->kept, w->kept_count, &w->kept_room, sizeof *kept);
  if (!kept) return;
  w->kept = kept;
  kept += w->kept_count++;
  *kept = (bnc_kept_layer){.rows = l->rows, .cols = l->cols, .at = w->bytes};
  snprintf(kept->name, sizeof kept->name, "%s", l->name);
  for (size_t r = 0; r < l->rows; r++) memcpy(w->buffer + r * l->cols, l->values + r * l->stride, l->cols * sizeof *w->buffer);
  store(w, w->buffer, l->rows * l->cols);
}

/* "crop0.layer3" is one of vision's layer3; names without a tile are the text model's, but for the two behind the tiles. */
static bnc_layer_apartness *layer_of(bnc_layer_watch *w, const bnc_layer_values *l) {
  const char *dot = strrchr(l->name, '.'), *name = dot ? dot + 1 : l->name;
  const bool vision = dot || strncmp(name, "layer", 5) != 0;
  for (size_t i = 0; i < w->layers; i++)
    if (w->layer[i].vision == vision && strcmp(w->layer[i].name, name) == 0) return &w->layer[i];
  bnc_layer_apartness *layer = grown(w, w->layer, w->layers, &w->layer_room, sizeof *layer);
  if (!layer) return NULL;
  w->layer = layer;
  layer += w->layers++;
  *layer = (bnc_layer_apartness){.vision = vision, .least = 1, .bits = l->weights ? 8.0 * (double)l->bytes / (double)l->weights : 0};
  snprintf(layer->name, sizeof layer->name, "%s", name);
  return layer;
}

static void compare_row(bnc_layer_apartness *layer, const float *a, const float *b, size_t cols) {
  double aa = 0, bb = 0, ab = 0, apart = 0;
  for (size_t i = 0; i < cols; i++) {
    const double x = (double)a[i], y = (double)b[i];
    aa += x * x;
    bb += y * y;
    ab += x * y;
    apart += (x - y) * (x - y);
  }
  const double cosine = aa > 0 && bb > 0 ? ab / sqrt(aa * bb) : aa == bb, distance = bb > 0 ? sqrt(apart / bb) : aa > 0;
  bnc_mean_add(&layer->distance, distance);
  bnc_mean_add(&layer->cosine, cosine);
  if (cosine < layer->least) layer->least = cosine;
  layer->rows++;
}

void bnc_layer_watch_model(void *user, const bnc_layer_values *l) {
  bnc_layer_watch *w = user;
  size_t i = 0;
  while (i < w->kept_count && (w->kept[i].taken || strcmp(w->kept[i].name, l->name) != 0)) i++;
  if (w->why[0]) return;
  if (i == w->kept_count || w->kept[i].rows != l->rows || w->kept[i].cols != l->cols) {
    fail(w, "the reference's %s has other rows than the model's %zu x %zu: they are not of one checkpoint", l->name, l->rows, l->cols);
    return;
  }
  bnc_layer_apartness *layer = layer_of(w, l);
  w->kept[i].taken = true;
  if (!layer || !load(w, w->kept[i].at, l->rows * l->cols)) return;
  for (size_t r = 0; r < l->rows; r++) compare_row(layer, l->values + r * l->stride, w->buffer + r * l->cols, l->cols);
}

bool bnc_layer_watch_next(bnc_layer_watch *w) {
  for (size_t i = 0; i < w->kept_count; i++)
    if (!w->kept[i].taken) fail(w, "the model computes no %s, which the reference does", w->kept[i].name);
  w->kept_count = 0;
  w->bytes = 0;
  return !w->why[0];
}
