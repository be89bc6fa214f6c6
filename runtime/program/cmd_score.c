/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/program/commands.h"
#include "runtime/program/work.h"

#define NO_LAYER UINT64_MAX

typedef struct score_arguments {
  const char *model, *ids, *force, *output;
  uint64_t layer; /* NO_LAYER: none */
  bnc_text_list images;
} score_arguments;

/* What a layer told, row by row. */
typedef struct layer_rows {
  char name[32];
  float *values; /* [rows, columns] */
  size_t rows, columns, room;
  bool failed; /* no memory */
} layer_rows;

static void keep_layer(void *user, const bnc_layer_values *layer) {
  layer_rows *l = user;
  if (l->failed || strcmp(layer->name, l->name) != 0) return;
  if (l->rows + layer->rows > l->room) {
    const size_t room = 2 * l->room + layer->rows;
    float *larger = realloc(l->values, room * layer->cols * sizeof *larger);
    l->failed = !larger;
    if (!larger) return;
    l->values = larger;
    l->room = room;
  }
  l->columns = layer->cols;
  for (size_t i = 0; i < layer->rows; i++)
    memcpy(l->values + l->rows++ * layer->cols, layer->values + i * layer->stride, layer->cols * sizeof *l->values);
}

typedef struct id_list {
  int32_t *id;
  size_t count;
} id_list;

static int load_ids(bnc_work *work, const char *path, id_list *list) {
  const bnc_status status = bnc_ids_load(work->context, path, &list->id, &list->count);
  if (status != BNC_OK) return bnc_work_fail(work, status, NULL, bnc_context_error(work->context));
  return list->count ? BNC_EXIT_DONE : bnc_work_refuse(work, "%s: has no ids, expected at least one", path);
}

/* Before anything is computed: ids of the vocabulary, pictures as many as placeholders. */
static int check_ids(bnc_work *work, const char *path, const id_list *list, size_t pictures) {
  size_t placeholders = 0;
  for (size_t i = 0; i < list->count; i++) {
    const int32_t id = list->id[i];
    if (id == BNC_IMAGE_TOKEN)
      placeholders++;
    else if (id < 0 || (uint32_t)id >= work->info.vocabulary)
      return bnc_work_refuse(work, "%s: id %d at position %zu, expected 0 to %u, or %d for a picture", path, id, i,
                             work->info.vocabulary - 1, BNC_IMAGE_TOKEN);
  }
  if (placeholders == pictures) return BNC_EXIT_DONE;
  return bnc_work_refuse(work, "%s: has %zu placeholders (%d) for pictures, but %zu picture%s given", path, placeholders, BNC_IMAGE_TOKEN,
                         pictures, pictures == 1 ? " is" : "s are");
}

typedef struct forced_rows {
  float *next; /* [vocabulary] ...: where the next row goes */
  size_t columns;
} forced_rows;

static int take_rows(void *user, size_t first, size_t count, const float *logits, size_t stride) {
  forced_rows *rows = user;
  (void)first;
  for (size_t i = 0; i < count; i++, rows->next += rows->columns)
    memcpy(rows->next, logits + i * stride, rows->columns * sizeof *rows->next);
  return bnc_interrupted();
}

/* logits: [forced ids or 1, vocabulary] */
static int compute(bnc_work *work, const score_arguments *a, const id_list *ids, const id_list *force, float *logits) {
  const float *last;
  size_t count;
  bnc_status status = bnc_session_append(work->session, ids->id, ids->count);
  if (status == BNC_OK) status = bnc_session_logits(work->session, &last, &count);
  if (status != BNC_OK) return bnc_work_fail(work, status, a->ids, bnc_session_error(work->session));
  if (bnc_session_was_cut(work->session))
    bnc_work_note(work,
                  "%s: the prompt was cut to its first %u rows, the most that this model reads; 'binocle compile --context' sets that",
                  a->ids, work->info.prompt_limit);
  memcpy(logits, last, count * sizeof *last);
  if (force->count < 2) return BNC_EXIT_DONE; /* nothing is asked behind the last forced id */
  forced_rows rows = {logits + count, count};
  status = bnc_session_append_each(work->session, force->id, force->count - 1, take_rows, &rows);
  return status == BNC_OK ? BNC_EXIT_DONE : bnc_work_fail(work, status, a->force, bnc_session_error(work->session));
}

static int save_layer(bnc_work *work, const score_arguments *a, const layer_rows *layer) {
  const size_t shape[2] = {layer->rows, layer->columns};
  if (layer->failed) return bnc_work_refuse(work, "out of memory for the rows of a layer");
  if (!layer->rows) return bnc_work_refuse(work, "%s: has no layer %" PRIu64 " of text", a->model, a->layer);
  const bnc_status status = bnc_array_save(work->context, a->output, layer->values, shape, 2);
  return status == BNC_OK ? BNC_EXIT_DONE : bnc_work_fail(work, status, NULL, bnc_context_error(work->context));
}

static int score(bnc_work *work, const score_arguments *a, const id_list *ids, const id_list *force) {
  const size_t rows = force->count ? force->count : 1, columns = work->info.vocabulary, shape[2] = {rows, columns};
  /* Each forced id takes a row of the context. */
  if (rows > work->info.context)
    return bnc_work_refuse(work, "%s: has %zu ids, expected at most the model's context of %u", a->force, rows, work->info.context);
  float *logits = calloc(rows * columns, sizeof *logits);
  if (!logits) return bnc_work_refuse(work, "out of memory for %zu x %zu logits", rows, columns);
  layer_rows layer = {0};
  snprintf(layer.name, sizeof layer.name, "layer%" PRIu64, a->layer);
  work->private_preamble = true; /* every row is computed */
  int code = bnc_work_open_session(work);
  if (code == BNC_EXIT_DONE) code = bnc_work_add_images(work, &a->images);
  if (code == BNC_EXIT_DONE && a->layer != NO_LAYER) bnc_session_observe(work->session, keep_layer, &layer);
  if (code == BNC_EXIT_DONE) code = compute(work, a, ids, force, logits);
  if (code == BNC_EXIT_DONE && a->layer != NO_LAYER) {
    code = save_layer(work, a, &layer);
  } else if (code == BNC_EXIT_DONE) {
    const bnc_status status = bnc_array_save(work->context, a->output, logits, a->force ? shape : shape + 1, a->force ? 2 : 1);
    if (status != BNC_OK) code = bnc_work_fail(work, status, NULL, bnc_context_error(work->context));
  }
  free(layer.values);
  free(logits);
  return code;
}

static int run(const bnc_command *command, int argc, char **argv) {
  bnc_work work = {0};
  score_arguments a = {.layer = NO_LAYER};
  id_list ids = {0}, force = {0};
  const bnc_option options[] = {
      {.name = "ids",
       .value = "IDS.npy",
       .help = "the prompt: int32 or int64 ids, -200 stands for the next picture",
       .required = true,
       .text = &a.ids},
      {.name = "image", .value = "FILE", .help = "a picture", .list = &a.images},
      {.name = "force",
       .value = "IDS.npy",
       .help = "n ids to go on with: row k of the result follows the prompt and the first k of them",
       .text = &a.force},
      {.name = "layer",
       .value = "N",
       .help = "instead: what the text model's layer N (from 0) makes of each row, [rows, H]",
       .count = &a.layer,
       .most = UINT32_MAX},
      {.name = "o",
       .output = true,
       .value = "LOGITS.npy",
       .help = "the float32 array to write: [V], with --force [n, V]",
       .required = true,
       .text = &a.output},
      BNC_WORK_THREADS(work),
      BNC_WORK_LINEAR(work),
      BNC_WORK_QUIET(work),
  };
  const bnc_arguments arguments = {(const char *const[]){"MODEL", NULL}, &a.model, options, BNC_COUNT_OF(options)};
  int code = bnc_options_parse(command, &arguments, argc, argv);
  if (code != BNC_PARSED) return code;
  code = bnc_work_begin(&work);
  if (code == BNC_EXIT_DONE) code = bnc_work_check_output(&work, a.output);
  if (code == BNC_EXIT_DONE) code = load_ids(&work, a.ids, &ids);
  if (code == BNC_EXIT_DONE && a.force) code = load_ids(&work, a.force, &force);
  if (code == BNC_EXIT_DONE) code = bnc_work_open_model(&work, a.model);
  if (code == BNC_EXIT_DONE && a.images.count) code = bnc_work_check_vision(&work, a.model);
  if (code == BNC_EXIT_DONE) code = check_ids(&work, a.ids, &ids, a.images.count);
  if (code == BNC_EXIT_DONE && a.force) code = check_ids(&work, a.force, &force, 0);
  if (code == BNC_EXIT_DONE) code = score(&work, &a, &ids, &force);
  bnc_tokens_free(ids.id);
  bnc_tokens_free(force.id);
  return bnc_work_end(&work, code);
}

const bnc_command bnc_cmd_score = {
    .name = "score",
    .synopsis = "MODEL --ids IDS.npy [--image FILE]... [--force IDS.npy] -o LOGITS.npy [options]",
    .summary = "writes the logits that follow a prompt of ids",
    .examples = "  binocle score model.bnc --ids prompt.npy --image street.jpg -o logits.npy\n"
                "  binocle score model.bnc --ids prompt.npy --force answer.npy -o logits.npy",
    .run = run,
};
