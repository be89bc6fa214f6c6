/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/exec/residency.h"

#include "platforms/base/array.h"
#include "platforms/base/mem.h"
#include "platforms/file/map_advice.h"

#define PART ((size_t)8 << 20) /* bytes that are fetched at once: a system call for each is nothing beside reading them */

typedef struct range {
  const uint8_t *from;
  size_t size;
} range;

/* Weights of consecutive ops that are streamed together. */
typedef struct part {
  uint32_t first_op, last_op; /* an op's weights are all in one part: a part is put away when the next one's first op begins */
  size_t first, ranges;       /* in streamed */
  size_t bytes;
} part;

typedef struct program_weights {
  range *all, *streamed;
  size_t alls, all_capacity, streams, stream_capacity;
  part *part;
  size_t parts, part_capacity;
  size_t next; /* part of this run */
  uint64_t bytes;
} program_weights;

typedef void advice_fn(const void *from, size_t size);

struct bnc_residency {
  advice_fn *leave; /* for what was streamed */
  program_weights program[BNC_PROGRAMS];
};

static bool is_within(const bnc_file_map *map, const uint8_t *at) {
  const uint8_t *base = map->base;
  return base && at >= base && at < base + map->size;
}

#define LAYER_RANGES 2 /* values and their scales; offsets and biases are small */

/* What rows [from, from + count) of n read of `bytes` that lie at `at`. */
static range rows_of(const uint8_t *at, uint64_t bytes, uint64_t n, uint64_t from, uint64_t count) {
  const uint64_t first = bytes / n * from, end = from + count == n ? bytes : bytes / n * (from + count);
  return (range){at + first, (size_t)(end - first)};
}

/* The mapped bytes that a linear layer reads; how many ranges. */
static size_t layer_ranges(const bnc_executor *ex, bnc_program_id id, uint32_t i, range r[LAYER_RANGES]) {
  const bnc_file_op *op = &ex->file->program[id].op[i];
  if (op->kind != BNC_OP_LINEAR) return 0;
  if (!bnc_op_is_own(ex, op)) {
    r[0].from = bnc_linear_set_packed(ex->linears, ex->linear_of[id][i], &r[0].size);
    return bnc_linear_set_is_mapped(ex->linears) || is_within(&ex->file->map, r[0].from);
  }
  const bnc_file_weight *w = &ex->file->weight[op->weight];
  const bnc_weight_sizes sizes = bnc_weight_sizes_of(w);
  const uint32_t from = op->attr.linear.from, count = op->attr.linear.count;
  r[0] = rows_of(ex->file->data.data + w->data, sizes.data, w->n, from, count);
  if (sizes.scales) r[1] = rows_of(ex->file->data.data + w->scales, sizes.scales, w->n, from, count);
  return !is_within(&ex->file->map, r[0].from) ? 0 : sizes.scales ? 2 : 1;
}

/* Appends to the last range where it goes on there. first: the earliest range that may grow. */
static bool add_range(range **list, size_t *count, size_t *capacity, size_t first, range r) {
  if (*count > first && (*list)[*count - 1].from + (*list)[*count - 1].size == r.from) {
    (*list)[*count - 1].size += r.size;
    return true;
  }
  if (!bnc_array_reserve(list, capacity, *count + 1, sizeof r)) return false;
  (*list)[(*count)++] = r;
  return true;
}

static bool stream(program_weights *p, uint32_t op, range r) {
  if (p->parts == 0 || (p->part[p->parts - 1].bytes >= PART && p->part[p->parts - 1].last_op != op)) {
    if (!bnc_array_reserve(&p->part, &p->part_capacity, p->parts + 1, sizeof *p->part)) return false;
    p->part[p->parts++] = (part){.first_op = op, .first = p->streams};
  }
  part *last = &p->part[p->parts - 1];
  if (!add_range(&p->streamed, &p->streams, &p->stream_capacity, last->first, r)) return false;
  last->ranges = p->streams - last->first;
  last->bytes += r.size;
  last->last_op = op;
  p->bytes += r.size;
  return true;
}

/* Of the weights of one program. */
typedef struct choice {
  uint64_t *bytes; /* [weights] mapped, that the program reads; 0: none */
  uint8_t *kept;   /* [weights] */
  size_t weights;
} choice;

/* Keeps the largest first: what is streamed takes room too, one layer at a time. Returns the largest that is not kept. */
static uint64_t keep_within(const choice *c, uint64_t room) {
  uint64_t below = UINT64_MAX, largest = 0;
  for (;;) {
    uint64_t size = 0;
    for (size_t i = 0; i < c->weights; i++)
      if (c->bytes[i] < below && c->bytes[i] > size) size = c->bytes[i];
    if (size == 0) return largest;
    for (size_t i = 0; i < c->weights; i++) {
      if (c->bytes[i] != size) continue;
      c->kept[i] = size <= room;
      if (c->kept[i])
        room -= size;
      else if (size > largest)
        largest = size;
    }
    below = size;
  }
}

static void choose(const choice *c, uint64_t room) {
  uint64_t streamed = keep_within(c, room);
  /* More room for what is streamed may mean that larger ones are. */
  for (uint64_t reserve = 0; streamed > 0 && reserve < streamed + 2 * PART;) {
    reserve = streamed + 2 * PART;
    streamed = keep_within(c, room > reserve ? room - reserve : 0);
  }
}

static bool is_known(const program_weights *p, const uint8_t *at) {
  bool known = false;
  for (size_t i = 0; !known && i < p->alls; i++) known = at >= p->all[i].from && at < p->all[i].from + p->all[i].size;
  return known;
}

static bool add_program(program_weights *p, const bnc_executor *ex, bnc_program_id id, uint64_t room, const choice *c) {
  const bnc_program *program = &ex->file->program[id];
  range r[LAYER_RANGES];
  for (uint32_t i = 0; i < program->head->ops; i++)
    for (size_t k = 0, n = layer_ranges(ex, id, i, r); k < n; k++) {
      if (is_known(p, r[k].from)) continue; /* a program may read a weight several times */
      if (!add_range(&p->all, &p->alls, &p->all_capacity, 0, r[k])) return false;
      c->bytes[program->op[i].weight] += r[k].size;
    }
  choose(c, room);
  for (uint32_t i = 0; i < program->head->ops; i++)
    for (size_t k = 0, n = layer_ranges(ex, id, i, r); k < n; k++)
      if (!c->kept[program->op[i].weight] && !stream(p, i, r[k])) return false;
  return true;
}

bnc_status bnc_residency_create(bnc_residency **residency, const bnc_executor *ex, uint64_t room, bool scarce, bnc_error *err) {
  bnc_residency *res = *residency = bnc_mem_zalloc(sizeof *res);
  bool ok = res != NULL;
  if (ok) res->leave = scarce ? bnc_map_give_up : bnc_map_put_away;
  for (bnc_program_id id = 0; ok && id < BNC_PROGRAMS; id++) {
    if (!ex->file->program[id].head) continue;
    choice c = {.weights = ex->file->weights};
    c.bytes = bnc_mem_array(c.weights + 1, sizeof *c.bytes);
    c.kept = bnc_mem_array(c.weights + 1, sizeof *c.kept);
    ok = c.bytes && c.kept && add_program(&res->program[id], ex, id, room, &c);
    bnc_mem_free(c.bytes);
    bnc_mem_free(c.kept);
  }
  if (ok) return BNC_OK;
  bnc_residency_destroy(res);
  *residency = NULL;
  return bnc_fail_memory(err, sizeof *res);
}

void bnc_residency_destroy(bnc_residency *res) {
  if (!res) return;
  for (bnc_program_id id = 0; id < BNC_PROGRAMS; id++) {
    bnc_mem_free(res->program[id].all);
    bnc_mem_free(res->program[id].streamed);
    bnc_mem_free(res->program[id].part);
  }
  bnc_mem_free(res);
}

static void advise_part(const program_weights *p, size_t at, advice_fn *advice) {
  const part *one = &p->part[at];
  for (size_t i = 0; i < one->ranges; i++) advice(p->streamed[one->first + i].from, p->streamed[one->first + i].size);
}

void bnc_residency_step(bnc_residency *res, bnc_program_id id, uint32_t op) {
  program_weights *p = &res->program[id];
  if (op == 0) p->next = 0;                                               /* a run that was cancelled left it anywhere */
  while (p->next < p->parts && p->part[p->next].first_op < op) p->next++; /* of a run that begins behind them */
  if (p->next == p->parts || p->part[p->next].first_op != op) return;
  if (p->next > 0)
    advise_part(p, p->next - 1, res->leave);
  else
    advise_part(p, 0, bnc_map_fetch);
  if (++p->next < p->parts) advise_part(p, p->next, bnc_map_fetch);
}

void bnc_residency_end(bnc_residency *res, bnc_program_id id) {
  program_weights *p = &res->program[id];
  const program_weights *decode = &res->program[BNC_PROGRAM_DECODE];
  p->next = 0;
  if (p->parts == 0) return;
  advise_part(p, p->parts - 1, res->leave);
  if (id != BNC_PROGRAM_VISION && decode->parts) advise_part(decode, 0, bnc_map_fetch);
}

void bnc_residency_leave(const bnc_residency *res, bnc_program_id id) {
  const program_weights *p = &res->program[id];
  for (size_t i = 0; i < p->alls; i++) bnc_map_put_away(p->all[i].from, p->all[i].size);
}

uint64_t bnc_residency_streamed(const bnc_residency *res, bnc_program_id id) { return res->program[id].bytes; }
