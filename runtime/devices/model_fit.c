/* SPDX-License-Identifier: Apache-2.0 */
#include <binocle/devices.h>
#include <stdio.h>
#include <string.h>

#include "platforms/base/mem.h"
#include "platforms/base/sized.h"
#include "platforms/machine/machine.h"
#include "platforms/machine/memory.h"
#include "runtime/api/model_private.h"
#include "runtime/devices/fit_report.h"
#include "runtime/devices/rates.h"

/* Names come from files and paths: nothing of them may break JSON or a terminal. */
static void name_demand(bnc_demand *d, const char *path) {
  const char *slash = strrchr(path, '/');
  snprintf(d->name, sizeof d->name, "%.90s", slash ? slash + 1 : path);
  for (char *c = d->name; *c; c++)
    if ((unsigned char)*c < 0x20 || (unsigned char)*c >= 0x7f || *c == '"' || *c == '\\') *c = '?';
}

bnc_status bnc_model_demand(const bnc_model *model, bnc_demand **demand) {
  if (!model) return BNC_ERROR_ARGUMENT;
  bnc_error *err = &model->context->error;
  if (!demand) return bnc_fail(err, BNC_ERROR_ARGUMENT, "a demand needs a place for its handle");
  *demand = bnc_mem_zalloc(sizeof **demand);
  if (!*demand) return bnc_fail_memory(err, sizeof **demand);
  bnc_demand_count(*demand, &model->file);
  const char *path = model->file.path;
  (*demand)->path = bnc_mem_strndup(path, strlen(path));
  if (!(*demand)->path) {
    bnc_demand_free(*demand);
    *demand = NULL;
    return bnc_fail_memory(err, strlen(path) + 1);
  }
  name_demand(*demand, path);
  return BNC_OK;
}

void bnc_demand_free(bnc_demand *demand) {
  if (demand) bnc_mem_free(demand->path);
  bnc_mem_free(demand);
}

const char *bnc_board_name(unsigned index, const char **description) {
  const bnc_board *board = bnc_board_at(index);
  if (board && description) *description = board->title;
  return board ? board->name : NULL;
}

static bnc_status find_board(const char *name, const bnc_board **board, bnc_error *err) {
  char all[256] = "";
  *board = bnc_board_find(name);
  if (*board) return BNC_OK;
  for (size_t i = 0, used = 0; bnc_board_at(i); i++)
    if (used < sizeof all) used += (size_t)snprintf(all + used, sizeof all - used, "%s%s", i ? ", " : "", bnc_board_at(i)->name);
  return bnc_fail(err, BNC_ERROR_ARGUMENT, "there is no board '%.60s', expected one of %s", name, all);
}

/* The model file whose storage counts; NULL: there is none yet, and the working folder's does. */
static const char *path_of(const bnc_fit_findings *f) {
  for (size_t i = 0; i < f->asked; i++)
    if (f->demand[i]->path) return f->demand[i]->path;
  return NULL;
}

static bnc_status find_out(bnc_fit_findings *f, bnc_context *context, const char *board, bnc_error *err) {
  if (board) {
    const bnc_status s = find_board(board, &f->board, err);
    if (s != BNC_OK) return s;
    f->rates = bnc_board_rates(f->board);
    f->available = (uint64_t)((f->board->ram_gbytes - f->board->taken_gbytes) * 1e9);
    f->bound = "the board, beside its system";
    return BNC_OK;
  }
  const bnc_memory_room room = bnc_memory_room_left();
  f->available = room.bytes;
  f->bound = room.bound;
  const bnc_status s = bnc_rates_measure(&f->rates, context, err);
  const char *path = path_of(f);
  if (path) f->rates.storage = bnc_storage_measure(path);
  f->rates.storage_measured = f->rates.storage > 0;
  if (!f->rates.storage_measured) f->rates.storage = bnc_storage_usual_rate(bnc_storage_read(path).kind);
  return s;
}

static void suggest(bnc_fit_findings *f) {
  for (size_t i = 0; i < f->count && !f->suggestion; i++)
    if (bnc_estimate_of(f->demand[i], &f->rates, f->available).verdict == BNC_FIT_YES) f->suggestion = f->demand[i];
}

/* The machine's or the board's description, and the findings behind it. */
static bnc_status report(const bnc_fit_findings *f, bool json, char **text, bnc_error *err) {
  bnc_page page = {0};
  char *machine = NULL;
  bnc_status s = f->board ? BNC_OK : bnc_machine_describe(path_of(f), &machine, json, err);
  if (s != BNC_OK) return s;
  if (json) {
    char *end = machine ? strrchr(machine, '}') : NULL;
    if (end) {
      while (end > machine && (end[-1] == '\n' || end[-1] == ' ')) end--;
      *end = 0;
      bnc_page_print(&page, "%s", machine);
    } else {
      bnc_page_print(&page, "{\n  \"board\": {\"name\": \"%s\", \"title\": \"%s\"}", f->board->name, f->board->title);
    }
    bnc_fit_json(&page, f);
    bnc_page_print(&page, "\n}\n");
  } else {
    if (machine)
      bnc_page_print(&page, "%s", machine);
    else
      bnc_page_print(&page, "%-10s %s\n", "board", f->board->title);
    bnc_fit_text(&page, f);
  }
  bnc_mem_free(machine);
  return bnc_page_finish(&page, text, err);
}

bnc_status bnc_fit(bnc_context *context, const bnc_fit_request *request, char **text) {
  bnc_fit_request r = {0};
  if (!context) return BNC_ERROR_ARGUMENT;
  bnc_error *err = &context->error;
  if (!bnc_sized_is_set(request) || !text) return bnc_fail(err, BNC_ERROR_ARGUMENT, "fit needs a request and a place for its text");
  *text = NULL;
  bnc_sized_read(&r, sizeof r, request);
  if ((!r.demand && r.count) || r.asked > r.count)
    return bnc_fail(err, BNC_ERROR_ARGUMENT, "fit needs as many demands as it is asked about");
  for (size_t i = 0; i < r.count; i++)
    if (!r.demand[i]) return bnc_fail(err, BNC_ERROR_ARGUMENT, "demand %zu is NULL", i);
  bnc_fit_findings f = {.demand = r.demand, .count = r.count, .asked = r.asked};
  const bnc_status s = find_out(&f, context, r.board, err);
  if (s != BNC_OK) return s;
  suggest(&f);
  return report(&f, r.json != 0, text, err);
}
