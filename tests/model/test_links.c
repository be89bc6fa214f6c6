/* SPDX-License-Identifier: Apache-2.0 */
/* What an op hands on to the next one alone takes a shorter way: a layer and its attention run as one, quantised rows go straight to tiles.
 * The same bits, and the same again with weights that are laid out beforehand. */
#include <stdint.h>

#include <stdlib.h>
#include <string.h>

#include "runtime/exec/laid_weights.h"
#include "runtime/exec/links.h"
#include "runtime/exec/packed_cache.h"
#include "tests/model/tiny_model.h"
#include "tests/unit.h"

enum { WIDTH = 256, HEADS = 4, ROWS = 145, PAIRS = TINY_TOWER_LAYERS - 1 }; /* the last layer's queries are fewer than its keys */

static bnc_error err;

static bool count(void *context, size_t done, size_t total) {
  (void)done;
  (void)total;
  ++*(size_t *)context;
  return false;
}

static void look(void *context, const bnc_file_op *op, const uint8_t *arena, size_t rows) {
  (void)op;
  (void)arena;
  (void)rows;
  ++*(size_t *)context;
}

/* What vision makes of noise: [rows, columns]. Returns in how many steps it ran. */
static size_t run(bnc_executor *ex, const bnc_model_file *file, float *features) {
  const bnc_program *vision = &file->program[BNC_PROGRAM_VISION];
  const bnc_operand *out = &vision->head->output;
  size_t steps = 0;
  const bnc_run_hooks hooks = {.context = &steps, .step = count};
  uint8_t *picture = bnc_executor_input(ex, BNC_PROGRAM_VISION);
  uint32_t random = 1;
  for (size_t i = 0; i < 3 * (size_t)vision->head->input.rows; i++)
    picture[i] = (uint8_t)((random = random * 1664525u + 1013904223u) >> 24);
  assert_int_equal(bnc_executor_run(ex, BNC_PROGRAM_VISION, 0, 0, &hooks, &err), BNC_OK);
  for (size_t r = 0; r < out->rows; r++)
    memcpy(features + r * out->cols, bnc_executor_output(ex, BNC_PROGRAM_VISION) + r * out->stride, out->cols * sizeof *features);
  return steps;
}

static void check_threads(const bnc_context *context, const bnc_model_file *file, bnc_packed_store *store, bnc_cpu_level level,
                          size_t threads) {
  bnc_kernels kernels;
  bnc_pool *pool;
  bnc_executor *ex;
  bnc_packed_store *laid;
  bnc_kernels_init(&kernels, level);
  assert_int_equal(bnc_pool_create(&pool, threads, &err), BNC_OK);
  assert_int_equal(bnc_executor_create(&ex, file, pool, &kernels, store, NULL, &err), BNC_OK);
  const bnc_program *vision = &file->program[BNC_PROGRAM_VISION];
  const size_t values = (size_t)vision->head->output.rows * vision->head->output.cols, ops = vision->head->ops;
  const bool pairs = level == BNC_CPU_AMX && (threads == 1 || threads == 2 || threads == 4);
  float *features = calloc(3 * values, sizeof *features);
  size_t seen = 0;
  assert_non_null(features);
  bnc_executor_observe(ex, look, &seen); /* who looks at each op's result wants each by itself */
  assert_int_equal(run(ex, file, features), ops);
  assert_int_equal(seen, ops);
  bnc_executor_observe(ex, NULL, NULL);
  assert_int_equal(run(ex, file, features + values), pairs ? ops - PAIRS : ops);
  assert_int_equal(bnc_laid_weights_acquire(&laid, file, &kernels, pool, context, &err), BNC_OK);
  assert_true((laid != NULL) == (level == BNC_CPU_AMX && file->linears.own[BNC_WEIGHT_QC8]));
  bnc_executor_set_laid(ex, laid);
  run(ex, file, features + 2 * values);
  for (size_t i = 1; i < 3; i++) assert_memory_equal(features, features + i * values, values * sizeof *features);
  bnc_executor_destroy(ex);
  bnc_packed_destroy(laid);
  bnc_pool_destroy(pool);
  free(features);
}

static void links_change_no_bit(void **state) {
  (void)state;
  bnc_cpu_level level;
  bnc_context *context;
  bnc_context_settings settings;
  bnc_model_file file;
  bnc_pool *pool;
  bnc_packed_store *store;
  bnc_context_settings_init(&settings);
  settings.cache_dir = "links_cache";
  tiny_tower("links.bnc", "links_checkpoint");
  assert_int_equal(bnc_context_create(&settings, &context), BNC_OK);
  assert_int_equal(bnc_cpu_detect_level(&level, &err), BNC_OK);
  assert_int_equal(bnc_model_file_open(&file, "links.bnc", &err), BNC_OK);
  assert_int_equal(bnc_pool_create(&pool, 1, &err), BNC_OK);
  assert_int_equal(bnc_packed_acquire(&store, &file, pool, context, &err), BNC_OK);
  for (size_t threads = 1; threads <= 5; threads++) check_threads(context, &file, store, level, threads);
  bnc_pool_destroy(pool);
  bnc_packed_destroy(store);
  bnc_model_file_close(&file);
  bnc_context_destroy(context);
}

/* A made program: x -> layer -> attention, and what comes behind them. */
typedef struct made {
  bnc_file_op op[8];
  bnc_file_probe probe[2];
  bnc_file_program head;
  bnc_file_weight weight;
  bnc_model_file file;
} made;

enum { BETWEEN = 1 << 20, X = 8 << 20, OUT = 16 << 20, ELSEWHERE = 32 << 20 };

static bnc_operand rows_at(uint64_t offset, uint32_t cols, uint32_t stride) {
  return (bnc_operand){
      .space = BNC_SPACE_ARENA, .element = BNC_ELEMENT_F32, .rows = ROWS, .cols = cols, .stride = stride, .offset = offset};
}

static made make(void) {
  made m = {.head = {.ops = 2, .output = rows_at(OUT, WIDTH, WIDTH)}, .weight = {.dtype = BNC_WEIGHT_QC8, .n = 3 * WIDTH, .k = WIDTH}};
  m.op[0] = (bnc_file_op){.kind = BNC_OP_LINEAR, .macs = (uint64_t)ROWS * WIDTH * 3 * WIDTH};
  m.op[0].attr.linear.count = 3 * WIDTH;
  m.op[0].in[0] =
      (bnc_operand){.space = BNC_SPACE_ARENA, .element = BNC_ELEMENT_QD8, .rows = ROWS, .cols = WIDTH, .stride = WIDTH, .offset = X};
  m.op[0].out[0] = rows_at(BETWEEN, 3 * WIDTH, 3 * WIDTH + 16);
  m.op[1] = (bnc_file_op){.kind = BNC_OP_ATTENTION_I8};
  m.op[1].attr.attention.heads = m.op[1].attr.attention.kv_heads = HEADS;
  for (uint32_t p = 0; p < 3; p++) m.op[1].in[p] = rows_at(BETWEEN + p * WIDTH * 4, WIDTH, 3 * WIDTH + 16);
  m.op[1].out[0] = rows_at(OUT, WIDTH, WIDTH);
  return m;
}

/* Behind op i: an op that reads and writes so. */
static void then(made *m, bnc_operand in, bnc_operand out) {
  bnc_file_op *op = &m->op[m->head.ops++];
  *op = (bnc_file_op){.kind = BNC_OP_COPY};
  op->in[0] = in;
  op->out[0] = out;
}

/* How op 0 hands on; the others do not. */
static bnc_link link_of(made *m) {
  bnc_kernels kernels = {.level = BNC_CPU_AMX};
  bnc_executor ex = {.kernels = &kernels, .file = &m->file, .round_macs = UINT64_MAX, .scratch_bytes = BNC_MATMUL_SCRATCH};
  m->file = (bnc_model_file){.weight = &m->weight, .weights = 1, .linears = {.own = {[BNC_WEIGHT_QC8] = true, [BNC_WEIGHT_QC4] = true}}};
  m->file.program[BNC_PROGRAM_VISION] = (bnc_program){&m->head, m->op, m->probe};
  assert_int_equal(bnc_pool_create(&ex.pool, 1, &err), BNC_OK);
  assert_int_equal(bnc_links_create(&ex, &err), BNC_OK);
  const bnc_link found = bnc_link_of(&ex, BNC_PROGRAM_VISION, 0);
  for (uint32_t i = 1; i < m->head.ops; i++) assert_int_equal(bnc_link_of(&ex, BNC_PROGRAM_VISION, i), BNC_LINK_NONE);
  bnc_executor_observe(&ex, look, NULL);
  assert_int_equal(bnc_link_of(&ex, BNC_PROGRAM_VISION, 0), BNC_LINK_NONE);
  bnc_links_destroy(&ex);
  bnc_pool_destroy(ex.pool);
  return found;
}

static bool is_pair(made *m) {
  const bnc_link link = link_of(m);
  assert_true(link == BNC_LINK_HEADS || link == BNC_LINK_NONE);
  return link == BNC_LINK_HEADS;
}

/* x -> norm -> a layer. */
static made make_tiles(void) {
  made m = {.head = {.ops = 2, .output = rows_at(OUT, WIDTH, WIDTH)}, .weight = {.dtype = BNC_WEIGHT_QC8, .n = WIDTH, .k = WIDTH}};
  const bnc_operand q = {.space = BNC_SPACE_ARENA, .element = BNC_ELEMENT_QD8, .rows = ROWS, .cols = WIDTH, .stride = WIDTH, .offset = X};
  m.op[0] = (bnc_file_op){.kind = BNC_OP_ADD_LAYER_NORM};
  m.op[0].out[0] = rows_at(BETWEEN, WIDTH, WIDTH);
  m.op[0].out[2] = q;
  m.op[1] = (bnc_file_op){.kind = BNC_OP_LINEAR};
  m.op[1].attr.linear.count = WIDTH;
  m.op[1].in[0] = q;
  m.op[1].out[0] = rows_at(OUT, WIDTH, WIDTH);
  return m;
}

static void rows_go_straight(void **state) {
  (void)state;
  const bnc_operand out = rows_at(OUT, WIDTH, WIDTH);
  made m = make_tiles();
  assert_int_equal(link_of(&m), BNC_LINK_TILES);
  m.weight.dtype = BNC_WEIGHT_QC4;
  assert_int_equal(link_of(&m), BNC_LINK_TILES);
  m.weight.dtype = BNC_WEIGHT_QG4;
  assert_int_equal(link_of(&m), BNC_LINK_NONE);
  m = make_tiles();
  then(&m, m.op[0].out[2], out); /* a second layer reads them */
  assert_int_equal(link_of(&m), BNC_LINK_NONE);
  m = make_tiles();
  m.op[0].out[1] = rows_at(ELSEWHERE, WIDTH, WIDTH); /* and as floats */
  assert_int_equal(link_of(&m), BNC_LINK_NONE);
  m = make_tiles();
  m.op[0].kind = BNC_OP_QUANTIZE;
  m.op[0].out[0] = m.op[0].out[2];
  m.op[0].out[2] = (bnc_operand){0};
  assert_int_equal(link_of(&m), BNC_LINK_TILES);
  m = make_tiles();
  m.op[1].in[0].offset += 64; /* other rows */
  assert_int_equal(link_of(&m), BNC_LINK_NONE);
  m = make_tiles();
  m.op[0].out[2].rows = m.op[1].in[0].rows = 8; /* too few for tiles */
  assert_int_equal(link_of(&m), BNC_LINK_NONE);
}

static void what_others_read_stays(void **state) {
  (void)state;
  const bnc_operand out = rows_at(OUT, WIDTH, WIDTH), away = rows_at(ELSEWHERE, WIDTH, WIDTH),
                    whole = rows_at(BETWEEN, 3 * WIDTH, 3 * WIDTH + 16);
  const bnc_operand keys = rows_at(BETWEEN + WIDTH * 4, WIDTH, 3 * WIDTH + 16), half = rows_at(BETWEEN, WIDTH, WIDTH);
  made m = make();
  assert_true(is_pair(&m));
  then(&m, out, away);
  assert_true(is_pair(&m));
  then(&m, keys, away); /* a later op reads it */
  assert_false(is_pair(&m));
  m = make();
  then(&m, out, whole); /* ... but not once it is written over */
  then(&m, keys, away);
  assert_true(is_pair(&m));
  m = make();
  then(&m, out, half); /* in part, of which what is written is read */
  then(&m, half, away);
  assert_true(is_pair(&m));
  then(&m, whole, away); /* and what is not */
  assert_false(is_pair(&m));
  m = make();
  then(&m, out, rows_at(BETWEEN + (1 << 16), WIDTH / 2, WIDTH / 2)); /* a piece out of the middle leaves what is beside it */
  then(&m, rows_at(BETWEEN + (1 << 16), WIDTH / 2, WIDTH / 2), away);
  assert_true(is_pair(&m));
  made beside = m;
  then(&beside, rows_at(BETWEEN, 16, 16), away);
  assert_false(is_pair(&beside));
  then(&m, rows_at(BETWEEN + (1 << 16) + ROWS * WIDTH / 2 * 4, 16, 16), away);
  assert_false(is_pair(&m));
  m = make();
  then(&m, out, keys); /* columns leave those beside them */
  then(&m, whole, away);
  assert_false(is_pair(&m));
  m = make();
  m.head.output = keys;
  assert_false(is_pair(&m));
  m = make();
  m.head.probes = 1;
  m.probe[0] = (bnc_file_probe){.op = 0, .value = keys};
  assert_false(is_pair(&m));
  m.probe[0].op = 1;
  assert_false(is_pair(&m));
  m.probe[0] = (bnc_file_probe){.op = 1, .value = out};
  assert_true(is_pair(&m));
  then(&m, out, whole);
  m.probe[0] = (bnc_file_probe){.op = 2, .value = keys}; /* of what stands there by then */
  assert_true(is_pair(&m));
}

/* A search ends, whatever there is to look at; what was not found out stays in the arena. */
static void a_search_ends(void **state) {
  (void)state;
  enum { MANY = 4096 };
  made m = make();
  bnc_file_op *ops = calloc(2 * MANY, sizeof *ops);
  bnc_kernels kernels = {.level = BNC_CPU_AMX};
  bnc_executor ex = {.kernels = &kernels, .file = &m.file, .round_macs = UINT64_MAX, .scratch_bytes = BNC_MATMUL_SCRATCH};
  assert_non_null(ops);
  for (size_t i = 0; i < MANY; i++) { /* each pair's value lies in a place of its own, where nobody writes over it */
    memcpy(ops + 2 * i, m.op, 2 * sizeof *ops);
    ops[2 * i].out[0].offset += (uint64_t)i << 32;
    for (size_t p = 0; p < 3; p++) ops[2 * i + 1].in[p].offset += (uint64_t)i << 32;
  }
  m.head.ops = 2 * MANY;
  m.file = (bnc_model_file){.weight = &m.weight, .weights = 1, .linears = {.own = {[BNC_WEIGHT_QC8] = true}}};
  m.file.program[BNC_PROGRAM_VISION] = (bnc_program){&m.head, ops, NULL};
  assert_int_equal(bnc_pool_create(&ex.pool, 1, &err), BNC_OK);
  assert_int_equal(bnc_links_create(&ex, &err), BNC_OK);
  assert_int_equal(bnc_link_of(&ex, BNC_PROGRAM_VISION, 0), BNC_LINK_HEADS);
  assert_int_equal(bnc_link_of(&ex, BNC_PROGRAM_VISION, 2), BNC_LINK_HEADS);
  assert_int_equal(bnc_link_of(&ex, BNC_PROGRAM_VISION, 2 * MANY - 2), BNC_LINK_NONE);
  bnc_links_destroy(&ex);
  bnc_pool_destroy(ex.pool);
  free(ops);
}

static void links_are_of_a_form(void **state) {
  (void)state;
  made m = make();
  m.op[1].kind = BNC_OP_ATTENTION;
  assert_false(is_pair(&m));
  m = make();
  m.weight.dtype = BNC_WEIGHT_QC4;
  assert_false(is_pair(&m));
  m = make();
  m.op[1].in[1] = m.op[1].in[2]; /* not the layer's columns in their order */
  assert_false(is_pair(&m));
  m = make();
  m.op[1].attr.attention.heads = m.op[1].attr.attention.kv_heads = HEADS * 2; /* heads of 32 are no items */
  assert_false(is_pair(&m));
  m = make();
  m.op[1].attr.attention.kv_heads = HEADS / 2;
  assert_false(is_pair(&m));
  m = make();
  m.weight.n = 6 * WIDTH; /* a part of a weight */
  assert_false(is_pair(&m));
  m = make();
  m.head.ops = 1;
  assert_false(is_pair(&m));
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(links_change_no_bit),

                                     cmocka_unit_test(what_others_read_stays), cmocka_unit_test(links_are_of_a_form),
                                     cmocka_unit_test(rows_go_straight), cmocka_unit_test(a_search_ends)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
