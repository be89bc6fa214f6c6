/* SPDX-License-Identifier: Apache-2.0 */
/* Pictures: decode, fit, run vision; and what `encode` shows of it. */
#include <string.h>

#include "platforms/base/array.h"
#include "platforms/base/clock.h"
#include "platforms/machine/memory.h"
#include "runtime/api/session_private.h"
#include "runtime/image/image.h"
#include "runtime/image/raw_pixels.h"
#include "runtime/model/probes.h"

/* The stages that progress names. */
static const char reading[] = "reading the picture", looking[] = "looking at the picture";

void bnc_session_drop_images(bnc_session *session) { session->images = session->opening_images = 0; }

static bool reading_step(void *session, double fraction) { return bnc_session_report(session, reading, fraction); }

/* The picture into vision's input; what was computed before is gone from the arena. */
static bnc_status fit(bnc_session *s, const bnc_image *image) {
  const bnc_file_meta *m = &s->model->file.meta;
  const uint8_t pad[3] = {(uint8_t)(m->pad_colour >> 16), (uint8_t)(m->pad_colour >> 8), (uint8_t)m->pad_colour};
  s->logits = NULL;
  return bnc_image_fit(image, pad, m->input_side, &s->model->kernels.resample, s->pool, bnc_executor_input(s->executor, BNC_PROGRAM_VISION),
                       &s->error);
}

static bnc_status check_vision(bnc_session *s) {
  if (s->model->file.program[BNC_PROGRAM_VISION].head) return BNC_OK;
  return bnc_fail(&s->error, BNC_ERROR_UNSUPPORTED, "%s has no vision: it was compiled from a text-only checkpoint", s->model->file.path);
}

static bnc_status look(bnc_session *s, const bnc_image *image, float *embeddings /* [image_rows, hidden] */) {
  const bnc_file_meta *m = &s->model->file.meta;
  const uint64_t start = bnc_profile_now(s->profile);
  bnc_status status = fit(s, image);
  if (status == BNC_OK) status = bnc_profile_add_phase(s->profile, BNC_PHASE_RESAMPLE, start, &s->error);
  if (status == BNC_OK) status = bnc_session_run(s, BNC_PROGRAM_VISION, 0, looking, NULL);
  if (status != BNC_OK) return status;
  const size_t stride = s->model->file.program[BNC_PROGRAM_VISION].head->output.stride;
  const float *rows = bnc_executor_output(s->executor, BNC_PROGRAM_VISION);
  if (s->vision_leaves) bnc_executor_leave(s->executor, BNC_PROGRAM_VISION);
  for (size_t r = 0; r < m->image_rows; r++) memcpy(embeddings + r * m->hidden, rows + r * stride, m->hidden * sizeof *rows);
  s->statistics.pictures++;
  return BNC_OK;
}

/* Takes the picture over. */
static bnc_status add(bnc_session *s, bnc_image *image) {
  const bnc_file_meta *m = &s->model->file.meta;
  const size_t count = (size_t)m->image_rows * m->hidden, before = s->opening_images + s->images;
  const uint64_t start = bnc_clock_ns();
  bnc_status status = BNC_OK;
  if (!bnc_array_reserve(&s->image, &s->image_capacity, (before + 1) * count, sizeof *s->image))
    status = bnc_fail_memory(&s->error, (before + 1) * count * sizeof *s->image);
  if (status == BNC_OK) {
    float *embeddings = s->image + before * count;
    bnc_picture_key key;
    const bool kept = bnc_picture_cache_key(s->model->pictures, image, &key);
    const bool known = kept && bnc_picture_cache_find(s->model->pictures, &key, embeddings);
    if (known)
      s->statistics.pictures_reused++;
    else
      status = look(s, image, embeddings);
    if (status == BNC_OK && kept && !known) bnc_picture_cache_keep(s->model->pictures, &key, embeddings);
  }
  bnc_image_free(image);
  if (status != BNC_OK) return status;
  s->images++;
  s->statistics.vision_seconds += (double)(bnc_clock_ns() - start) * 1e-9;
  return BNC_OK;
}

/* What a picture's file had wrong is no error where its pixels are there. */
static void warn_of_damage(const bnc_session *session, const bnc_image *image, const char *name) {
  if (image->damage) bnc_context_log(session->model->context, BNC_LOG_WARNING, "%s: %s", name, image->damage);
}

/* Takes over a picture whose decoding began at `start`. */
static bnc_status add_decoded(bnc_session *session, bnc_image *image, const char *name, uint64_t start) {
  const bnc_status s = bnc_profile_add_phase(session->profile, BNC_PHASE_PICTURE, start, &session->error);
  warn_of_damage(session, image, name);
  if (s == BNC_OK) return add(session, image);
  bnc_image_free(image);
  return s;
}

/* Says where the limit comes from. */
static bnc_status told(bnc_session *session, bnc_status status) {
  char text[BNC_ERROR_TEXT_SIZE];
  if (status != BNC_ERROR_LIMIT || !session->pixels_limited) return status;
  memcpy(text, session->error.text, sizeof text);
  return bnc_fail(&session->error, status, "%s under this memory limit", text);
}

bnc_status bnc_session_add_image_file(bnc_session *session, const char *path) {
  bnc_image image;
  if (!session) return BNC_ERROR_ARGUMENT;
  if (!path) return bnc_fail(&session->error, BNC_ERROR_ARGUMENT, "a picture needs a path");
  bnc_image_watch watch = {.step = reading_step, .context = session};
  bnc_status s = check_vision(session);
  const uint64_t start = bnc_profile_now(session->profile);
  if (s == BNC_OK) s = told(session, bnc_image_load(&image, path, session->max_pixels, &watch, &session->error));
  return s == BNC_OK ? add_decoded(session, &image, path, start) : s;
}

bnc_status bnc_session_add_image(bnc_session *session, const void *bytes, size_t size) {
  bnc_image image;
  if (!session) return BNC_ERROR_ARGUMENT;
  if (!bytes) return bnc_fail(&session->error, BNC_ERROR_ARGUMENT, "a picture needs bytes");
  bnc_image_watch watch = {.step = reading_step, .context = session};
  bnc_status s = check_vision(session);
  const uint64_t start = bnc_profile_now(session->profile);
  if (s == BNC_OK) s = told(session, bnc_image_decode(&image, bytes, size, session->max_pixels, &watch, &session->error));
  return s == BNC_OK ? add_decoded(session, &image, "a picture in memory", start) : s;
}

bnc_status bnc_session_add_pixels(bnc_session *session, const bnc_pixels *pixels) {
  bnc_image image;
  if (!session) return BNC_ERROR_ARGUMENT;
  bnc_status s = check_vision(session);
  if (s == BNC_OK) s = bnc_image_from_pixels(&image, pixels, &session->error);
  return s == BNC_OK ? add(session, &image) : s;
}

typedef struct collector {
  bnc_session *session;
  const bnc_program *program;
  uint32_t *probe; /* [parts] the stage's, each value once; a run completes them in an order of its own */
  size_t parts, done;
  bnc_array *array;
  bnc_status status;
} collector;

static void collect(void *context, const bnc_file_probe *probe, const float *value) {
  collector *c = context;
  bnc_array *a = c->array;
  size_t rows = probe->value.rows, cols = probe->value.cols, part = 0;
  while (part < c->parts && probe != &c->program->probe[c->probe[part]]) part++;
  if (part == c->parts || c->status != BNC_OK) return;
  if (!a->values) {
    a->shape[0] = c->parts;
    a->shape[1] = rows;
    a->shape[2] = cols;
    c->status = bnc_memory_check(c->parts * (uint64_t)rows * cols * sizeof *a->values, "this stage", &c->session->error);
    if (c->status != BNC_OK) return;
    a->values = bnc_mem_array(c->parts, rows * cols * sizeof *a->values);
    if (!a->values) c->status = bnc_fail_memory(&c->session->error, c->parts * rows * cols * sizeof *a->values);
  }
  if (c->status == BNC_OK && (rows != a->shape[1] || cols != a->shape[2]))
    c->status = bnc_fail(&c->session->error, BNC_ERROR_UNSUPPORTED, "part %zu of this stage has %zu x %zu values, another has %zu x %zu",
                         part, rows, cols, a->shape[1], a->shape[2]);
  if (c->status != BNC_OK) return;
  for (size_t r = 0; r < rows; r++) memcpy(a->values + (part * rows + r) * cols, value + r * probe->value.stride, cols * sizeof *value);
  c->done++;
}

static bool encode_step(void *context, size_t done, size_t total) {
  const collector *c = context;
  return bnc_session_report(c->session, looking, (double)done / (double)total);
}

static bnc_status encode_stage(bnc_session *s, bnc_image_stage stage, bnc_array *array) {
  const bnc_program *program = &s->model->file.program[BNC_PROGRAM_VISION];
  collector c = {.session = s, .program = program, .array = array};
  bnc_run_hooks hooks = {.context = &c, .probe = collect, .step = encode_step};
  c.probe = bnc_mem_array(program->head->probes + 1, sizeof *c.probe);
  if (!c.probe) return bnc_fail_memory(&s->error, program->head->probes * sizeof *c.probe);
  c.parts = bnc_program_stage_probes(program, (uint32_t)stage, c.probe);
  bnc_status status = BNC_OK;
  if (c.parts == 0)
    status = bnc_fail(&s->error, BNC_ERROR_UNSUPPORTED, "%s does not compute this stage: it has one view and no DEM", s->model->file.path);
  if (status == BNC_OK) status = bnc_session_run(s, BNC_PROGRAM_VISION, 0, NULL, &hooks);
  if (status == BNC_OK) status = c.status;
  if (status == BNC_OK && c.done != c.parts)
    status = bnc_fail(&s->error, BNC_ERROR_INTERNAL, "%zu of %zu parts of this stage were computed", c.done, c.parts);
  bnc_mem_free(c.probe);
  array->rank = 3;
  if (status != BNC_OK || stage == BNC_IMAGE_TILES) return status;
  array->rank = 2; /* the one part itself */
  array->shape[0] = array->shape[1];
  array->shape[1] = array->shape[2];
  return BNC_OK;
}

/* The table of normalised bytes is an operand of whichever op reads the picture. */
static const float *find_levels(const bnc_model_file *file) {
  const bnc_program *program = &file->program[BNC_PROGRAM_VISION];
  for (uint32_t i = 0; i < program->head->ops; i++)
    for (int k = 0; k < BNC_OP_INPUTS; k++)
      if (bnc_op_info_of(program->op[i].kind)->in[k] == BNC_ROLE_LEVELS)
        return (const float *)(const void *)(file->constants.data + program->op[i].in[k].offset);
  return NULL;
}

static bnc_status encode_pixels(bnc_session *s, bnc_array *array) {
  size_t side = s->model->file.meta.input_side, plane = side * side;
  const uint8_t *picture = bnc_executor_input(s->executor, BNC_PROGRAM_VISION);
  const float *levels = find_levels(&s->model->file);
  if (!levels) return bnc_fail(&s->error, BNC_ERROR_UNSUPPORTED, "the vision program reads no picture");
  bnc_status status = bnc_memory_check(3 * (uint64_t)plane * sizeof *array->values, "a picture as floats", &s->error);
  if (status != BNC_OK) return status;
  array->values = bnc_mem_array(3 * plane, sizeof *array->values);
  if (!array->values) return bnc_fail_memory(&s->error, 3 * plane * sizeof *array->values);
  for (size_t i = 0; i < plane; i++)
    for (size_t c = 0; c < 3; c++) array->values[c * plane + i] = levels[c * 256 + picture[3 * i + c]];
  array->rank = 3;
  array->shape[0] = 3;
  array->shape[1] = array->shape[2] = side;
  return BNC_OK;
}

bnc_status bnc_session_encode(bnc_session *session, const char *image_path, bnc_image_stage stage, bnc_array *array) {
  bnc_image image;
  if (!session) return BNC_ERROR_ARGUMENT;
  if (!image_path || !array || (unsigned)stage > BNC_IMAGE_PROJECTOR)
    return bnc_fail(&session->error, BNC_ERROR_ARGUMENT, "encode needs a picture, a stage and a place");
  *array = (bnc_array){0};
  bnc_image_watch watch = {.step = reading_step, .context = session};
  bnc_status s = check_vision(session);
  if (s == BNC_OK) s = told(session, bnc_image_load(&image, image_path, session->max_pixels, &watch, &session->error));
  if (s != BNC_OK) return s;
  warn_of_damage(session, &image, image_path);
  s = fit(session, &image);
  bnc_image_free(&image);
  if (s == BNC_OK) s = stage == BNC_IMAGE_PIXELS ? encode_pixels(session, array) : encode_stage(session, stage, array);
  if (s != BNC_OK) bnc_array_free(array);
  return s;
}

void bnc_array_free(bnc_array *array) {
  if (!array) return;
  bnc_mem_free(array->values);
  *array = (bnc_array){0};
}
