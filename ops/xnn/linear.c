/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/xnn/linear.h"

#include <math.h>
#include <string.h>
#include <xnnpack.h>

#include "ops/matmul/matmul.h"
#include "ops/qd8.h"
#include "ops/xnn/xnn_status.h"
#include "platforms/base/array.h"
#include "platforms/cpu/cpu_record.h"

/* On ARM, XNNPACK's kernel for one row of f32 shares a sum's products out among several accumulators, which those for more rows do not, and
   of its int8 kernels for SDOT those for more rows scale in another order than that for one: a row alone would have other bits than among
   others, as guesses ahead are computed. So it goes through the kernel for more, in twos. */
static bool goes_in_twos(bnc_linear_kind kind, size_t rows) {
  return BNC_CPU_ARCH != BNC_ARCH_X86_64 && kind != BNC_LINEAR_QD8_QG4 && rows == 1;
}

/* XNNPACK asks a "weights cache" where the packed weights of an operator are, each time that the operator is reshaped. Answering with
   another address each time makes one operator serve all layers of its shape. */
typedef enum cache_mode {
  MEASURE, /* note the size that is asked for, and refuse */
  PACK,    /* give memory, keep what was packed */
  USE      /* say that the weights are there */
} cache_mode;

typedef struct shape {
  bnc_linear_kind kind;
  size_t n, k, group;
} shape;

/* A shape's packed form, and its operator for a pair of strides; op NULL: only measured. */
typedef struct shaped {
  shape shape;
  size_t in_stride, out_stride;
  size_t packed_size;
  uint32_t seed;
  xnn_operator_t op;
} shaped;

typedef struct layer {
  const void *packed;
  uint32_t op;
} layer;

struct bnc_linear_set {
  struct xnn_weights_cache_provider provider;
  bnc_packed_store *store;
  cache_mode mode;
  void *block; /* PACK: [block_size] */
  size_t block_size;
  uint32_t seed;
  void *packed; /* USE: the answer */
  shaped *op;
  size_t ops, op_capacity;
  layer *layer;
  size_t layers, layer_capacity;
  uint8_t *twos; /* two rows of x, then of y, of the widest operator whose rows go_in_twos */
  size_t twos_bytes;
};

static size_t look_up(void *context, const struct xnn_weights_cache_look_up_key *key) {
  bnc_linear_set *set = context;
  set->seed = key->seed;
  return set->mode == USE ? 0 : SIZE_MAX;
}

static void *reserve_space(void *context, size_t size) {
  bnc_linear_set *set = context;
  set->block_size = size;
  if (set->mode != PACK) return NULL;
  bnc_mem_free(set->block);
  set->block = bnc_mem_alloc(size); /* XNNPACK clears it */
  return set->block;
}

static size_t look_up_or_insert(void *context, const struct xnn_weights_cache_look_up_key *key, void *ptr, size_t size) {
  bnc_linear_set *set = context;
  set->seed = key->seed;
  return set->mode == PACK && ptr == set->block && size == set->block_size ? 0 : SIZE_MAX;
}

static bool is_finalized(void *context) {
  (void)context;
  return true;
}

static void *offset_to_addr(void *context, size_t offset) {
  bnc_linear_set *set = context;
  (void)offset;
  return set->mode == USE ? set->packed : set->block;
}

static enum xnn_status delete_cache(void *context) {
  (void)context;
  return xnn_status_success;
}

static bnc_status refused(const bnc_linear_spec *spec, enum xnn_status s, bnc_error *err) {
  bnc_status status = s == xnn_status_out_of_memory ? BNC_ERROR_MEMORY : BNC_ERROR_INTERNAL;
  return bnc_fail(err, status, "XNNPACK refuses a linear layer of %zu x %zu: %s", spec->n, spec->k, bnc_xnn_status_text(s));
}

bnc_status bnc_linear_set_create(bnc_linear_set **set, bnc_packed_store *store, bnc_error *err) {
  *set = NULL;
  bnc_linear_set *s = bnc_mem_zalloc(sizeof *s);
  if (!s) return bnc_fail_memory(err, sizeof *s);
  s->provider =
      (struct xnn_weights_cache_provider){s, look_up, reserve_space, look_up_or_insert, is_finalized, offset_to_addr, delete_cache};
  s->store = store;
  *set = s;
  return BNC_OK;
}

void bnc_linear_set_destroy(bnc_linear_set *set) {
  if (!set) return;
  for (size_t i = 0; i < set->ops; i++)
    if (set->op[i].op) xnn_delete_operator(set->op[i].op);
  bnc_mem_free(set->block);
  bnc_mem_free(set->twos);
  bnc_mem_free(set->op);
  bnc_mem_free(set->layer);
  bnc_mem_free(set);
}

/* Bytes of an element of x, and of what a layer is packed from. */
static size_t element_of(bnc_linear_kind kind) { return kind == BNC_LINEAR_F32 || kind == BNC_LINEAR_BF16 ? sizeof(float) : 1; }

#define UNIT_BF16 0x3f80

/* XNNPACK takes int4 weights row by row. It reads the scales even where it packs nothing, to refuse those that are not normal: ones will
 * do then. */
static enum xnn_status create_int4(bnc_linear_set *set, const bnc_linear_spec *p, xnn_operator_t *op) {
  const size_t scales = p->n * (p->k / p->group);
  uint8_t *row = set->mode == PACK ? bnc_mem_array(p->n, p->k / 2) : NULL; /* [n, k / 2] */
  uint16_t *scale = bnc_mem_array(scales, sizeof *scale);                  /* [n, k / group] */
  enum xnn_status s = xnn_status_out_of_memory;
  if (scale && (row || set->mode != PACK)) {
    if (set->mode == PACK)
      bnc_matmul_i4_unpack(p->n, p->k, p->group, p->weights, p->group_scales, row, scale);
    else
      for (size_t i = 0; i < scales; i++) scale[i] = UNIT_BF16;
    s = xnn_create_fully_connected_nc_qd8_f32_qb4w(p->k, p->n, p->in_stride, p->out_stride, p->group, 8, scale, row ? row : p->weights,
                                                   p->bias, -INFINITY, INFINITY, XNN_FLAG_YIELD_WORKERS, NULL, &set->provider, op);
  }
  bnc_mem_free(row);
  bnc_mem_free(scale);
  return s;
}

static enum xnn_status create(bnc_linear_set *set, cache_mode mode, const bnc_linear_spec *p, xnn_operator_t *op);

/* QC4 as int8, BF16 as f32: the same values. */
static enum xnn_status create_wider(bnc_linear_set *set, const bnc_linear_spec *p, xnn_operator_t *op) {
  const bool bf16 = p->kind == BNC_LINEAR_BF16, packs = set->mode == PACK;
  void *values = packs ? bnc_mem_array(p->n, p->k * element_of(p->kind)) : NULL;
  bnc_linear_spec wide = *p;
  if (packs && !values) return xnn_status_out_of_memory;
  if (packs && bf16) bnc_matmul_bf16_widen(p->n, p->k, p->weights, values);
  if (packs && !bf16) bnc_matmul_c4_expand(p->n, p->k, p->weights, values);
  if (packs) wide.weights = values;
  wide.kind = bf16 ? BNC_LINEAR_F32 : BNC_LINEAR_QD8_QC8;
  const enum xnn_status s = create(set, set->mode, &wide, op);
  bnc_mem_free(values);
  return s;
}

static enum xnn_status create(bnc_linear_set *set, cache_mode mode, const bnc_linear_spec *p, xnn_operator_t *op) {
  const float most = INFINITY;
  xnn_weights_cache_t cache = &set->provider;
  set->mode = mode;
  set->block_size = 0;
  *op = NULL;
  switch (p->kind) {
    case BNC_LINEAR_F32:
      return xnn_create_fully_connected_nc_f32(p->k, p->n, p->in_stride, p->out_stride, p->weights, p->bias, -most, most,
                                               XNN_FLAG_YIELD_WORKERS, NULL, cache, op);
    case BNC_LINEAR_QD8_QC8:
      return xnn_create_fully_connected_nc_qd8_f32_qc8w(p->k, p->n, p->in_stride, p->out_stride, p->scales, p->weights, p->bias, -most,
                                                        most, XNN_FLAG_YIELD_WORKERS, NULL, cache, op);
    case BNC_LINEAR_BF16:
    case BNC_LINEAR_QD8_QC4: return create_wider(set, p, op);
    case BNC_LINEAR_QD8_QG4: return create_int4(set, p, op);
  }
  return xnn_status_invalid_parameter;
}

static shape shape_of(const bnc_linear_spec *p) {
  return (shape){.kind = p->kind, .n = p->n, .k = p->k, .group = p->kind == BNC_LINEAR_QD8_QG4 ? p->group : 0};
}

static bool same_shape(const shape *s, const bnc_linear_spec *p) {
  const shape other = shape_of(p);
  return s->kind == other.kind && s->n == other.n && s->k == other.k && s->group == other.group;
}

/* Index of the shape's operator for these strides, or of any entry of the shape where the strides do not matter; SIZE_MAX: none. */
static size_t find_shape(const bnc_linear_set *set, const bnc_linear_spec *p, bool strides) {
  for (size_t i = 0; i < set->ops; i++) {
    const shaped *s = &set->op[i];
    if (same_shape(&s->shape, p) && (!strides || (s->op && s->in_stride == p->in_stride && s->out_stride == p->out_stride))) return i;
  }
  return SIZE_MAX;
}

static bnc_status add_shape(bnc_linear_set *set, const bnc_linear_spec *p, const shaped *like, shaped **added, bnc_error *err) {
  if (!bnc_array_reserve(&set->op, &set->op_capacity, set->ops + 1, sizeof *set->op))
    return bnc_fail_memory(err, (set->ops + 1) * sizeof *set->op);
  shaped *s = &set->op[set->ops];
  *s = (shaped){.shape = shape_of(p), .in_stride = p->in_stride, .out_stride = p->out_stride};
  if (like) {
    s->packed_size = like->packed_size;
    s->seed = like->seed;
  }
  *added = s;
  return BNC_OK;
}

/* Once a layer needs it: a model whose layers all run on our own kernels starts on machines that XNNPACK cannot read. */
static bnc_status start(bnc_error *err) {
  if (!bnc_cpuinfo_start())
    return bnc_fail(
        err, BNC_ERROR_UNSUPPORTED,
        "XNNPACK cannot run on this machine: /proc/cpuinfo or /sys/devices/system/cpu cannot be read, or tell of no CPU that it knows");
  const enum xnn_status status = xnn_initialize(NULL);
  return status == xnn_status_success
             ? BNC_OK
             : bnc_fail(err, BNC_ERROR_UNSUPPORTED, "XNNPACK cannot run on this machine (%s)", bnc_xnn_status_text(status));
}

/* How large XNNPACK wants a shape's packed weights: from itself, not from a file. */
static bnc_status measure(bnc_linear_set *set, const bnc_linear_spec *p, const shaped **found, bnc_error *err) {
  size_t at = find_shape(set, p, false);
  if (at != SIZE_MAX) {
    *found = &set->op[at];
    return BNC_OK;
  }
  shaped *s;
  xnn_operator_t op;
  bnc_status status = start(err);
  if (status == BNC_OK) status = add_shape(set, p, NULL, &s, err);
  if (status != BNC_OK) return status;
  enum xnn_status x = create(set, MEASURE, p, &op);
  if (op) xnn_delete_operator(op);
  if (set->block_size == 0) return refused(p, x, err);
  s->packed_size = set->block_size;
  s->seed = set->seed;
  set->ops++;
  *found = s;
  return BNC_OK;
}

bnc_status bnc_linear_set_packed_bytes(bnc_linear_set *set, const bnc_linear_spec *spec, size_t *bytes, bnc_error *err) {
  const shaped *form = NULL;
  bnc_linear_spec p = *spec;
  p.in_stride = p.k;
  p.out_stride = p.n;
  bnc_status s = measure(set, &p, &form, err);
  if (s == BNC_OK) *bytes = form->packed_size;
  return s;
}

bnc_status bnc_linear_set_pack(bnc_linear_set *set, const bnc_linear_spec *spec, uint32_t weight, uint32_t from, bnc_error *err) {
  const shaped *form = NULL;
  bnc_linear_spec p = *spec;
  p.in_stride = p.k;
  p.out_stride = p.n;
  bnc_status s = measure(set, &p, &form, err);
  if (s != BNC_OK) return s;
  bnc_packed_key key = {weight, from, (uint32_t)p.n, form->seed};
  size_t size, expected = form->packed_size;
  if (bnc_packed_find(set->store, &key, &size)) {
    if (size == expected) return BNC_OK;
    return bnc_fail(err, BNC_ERROR_FORMAT, "weight %u is packed into %zu bytes, expected %zu", weight, size, expected);
  }
  if (!bnc_packed_takes(set->store))
    return bnc_fail(err, BNC_ERROR_FORMAT, "weight %u (rows %u to %zu) is not among the packed weights", weight, from, from + p.n);
  xnn_operator_t op;
  enum xnn_status x = create(set, PACK, &p, &op);
  if (op) xnn_delete_operator(op);
  if (x != xnn_status_success || set->block_size != expected || set->seed != key.seed) return refused(&p, x, err);
  void *block = set->block;
  set->block = NULL;
  return bnc_packed_put(set->store, &key, block, expected, err);
}

/* Bytes of two rows of x, and what may be read behind them; then come two of y. */
static size_t twos_of_x(const shaped *s) {
  const size_t element = element_of(s->shape.kind);
  return ((s->in_stride + s->shape.k) * element + BNC_QD8_EXTRA + 63) / 64 * 64;
}

static bnc_status make_twos(bnc_linear_set *set, const shaped *s, bnc_error *err) {
  const size_t bytes = twos_of_x(s) + (s->out_stride + s->shape.n) * sizeof(float);
  if (!goes_in_twos(s->shape.kind, 1) || bytes <= set->twos_bytes) return BNC_OK;
  uint8_t *twos = bnc_mem_alloc(bytes);
  if (!twos) return bnc_fail_memory(err, bytes);
  bnc_mem_free(set->twos);
  set->twos = twos;
  set->twos_bytes = bytes;
  return BNC_OK;
}

static bnc_status operator_for(bnc_linear_set *set, const bnc_linear_spec *spec, uint32_t *index, bnc_error *err) {
  size_t at = find_shape(set, spec, true);
  if (at == SIZE_MAX) {
    shaped *s, form = set->op[find_shape(set, spec, false)]; /* measured before */
    bnc_status status = add_shape(set, spec, &form, &s, err);
    if (status == BNC_OK) status = make_twos(set, s, err);
    if (status != BNC_OK) return status;
    enum xnn_status x = create(set, USE, spec, &s->op);
    if (x != xnn_status_success) return refused(spec, x, err);
    at = set->ops++;
  }
  *index = (uint32_t)at;
  return BNC_OK;
}

bnc_status bnc_linear_set_add(bnc_linear_set *set, const bnc_linear_spec *spec, uint32_t weight, uint32_t from, uint32_t *id,
                              bnc_error *err) {
  bnc_status s = bnc_linear_set_pack(set, spec, weight, from, err);
  if (s != BNC_OK) return s;
  if (!bnc_array_reserve(&set->layer, &set->layer_capacity, set->layers + 1, sizeof *set->layer))
    return bnc_fail_memory(err, (set->layers + 1) * sizeof *set->layer);
  layer *l = &set->layer[set->layers];
  bnc_packed_key key = {weight, from, (uint32_t)spec->n, set->op[find_shape(set, spec, false)].seed};
  *l = (layer){.packed = bnc_packed_find(set->store, &key, NULL)};
  s = operator_for(set, spec, &l->op, err);
  if (s == BNC_OK) *id = (uint32_t)set->layers++;
  return s;
}

static bnc_status run(bnc_linear_set *set, uint32_t id, size_t rows, const void *x, const void *params, float *y, bnc_pool *pool) {
  const layer *l = &set->layer[id];
  shaped *s = &set->op[l->op];
  pthreadpool_t threads = pool ? bnc_pool_enter_native(pool) : NULL;
  enum xnn_status status = xnn_status_invalid_state;
  set->mode = USE;
  uintptr_t address = (uintptr_t)l->packed; /* XNNPACK takes a plain pointer; it never writes through it */
  set->packed = (void *)address;
  switch (s->shape.kind) {
    case BNC_LINEAR_F32:
    case BNC_LINEAR_BF16:
      status = xnn_reshape_fully_connected_nc_f32(s->op, rows, threads);
      if (status == xnn_status_success) status = xnn_setup_fully_connected_nc_f32(s->op, x, y);
      break;
    case BNC_LINEAR_QD8_QC8:
    case BNC_LINEAR_QD8_QC4:
      status = xnn_reshape_fully_connected_nc_qd8_f32_qc8w(s->op, rows, threads);
      if (status == xnn_status_success) status = xnn_setup_fully_connected_nc_qd8_f32_qc8w(s->op, x, y, params);
      break;
    case BNC_LINEAR_QD8_QG4:
      status = xnn_reshape_fully_connected_nc_qd8_f32_qb4w(s->op, rows, threads);
      if (status == xnn_status_success) status = xnn_setup_fully_connected_nc_qd8_f32_qb4w(s->op, x, y, params);
      break;
  }
  if (status == xnn_status_success) status = xnn_run_operator(s->op, threads);
  if (pool) bnc_pool_leave_native(pool, s->op);
  return status == xnn_status_success ? BNC_OK : BNC_ERROR_INTERNAL;
}

static bnc_status run_in_twos(bnc_linear_set *set, uint32_t id, const void *x, const void *params, float *y, bnc_pool *pool) {
  const shaped *s = &set->op[set->layer[id].op];
  const size_t element = element_of(s->shape.kind);
  float *both = (float *)(void *)(set->twos + twos_of_x(s)); /* [2, out_stride] */
  bnc_qd8_params two[2 + BNC_QD8_EXTRA];
  memcpy(set->twos, x, s->shape.k * element);
  memcpy(set->twos + s->in_stride * element, x, s->shape.k * element);
  if (params) {
    two[0] = two[1] = *(const bnc_qd8_params *)params;
    bnc_qd8_pad(two, 2);
  }
  const bnc_status status = run(set, id, 2, set->twos, params ? two : NULL, both, pool);
  if (status == BNC_OK) memcpy(y, both, s->shape.n * sizeof *y);
  return status;
}

bnc_status bnc_linear_set_run(bnc_linear_set *set, uint32_t id, size_t rows, const void *x, const void *params, float *y, bnc_pool *pool) {
  if (goes_in_twos(set->op[set->layer[id].op].shape.kind, rows)) return run_in_twos(set, id, x, params, y, pool);
  return run(set, id, rows, x, params, y, pool);
}

const void *bnc_linear_set_packed(const bnc_linear_set *set, uint32_t id, size_t *size) {
  *size = set->op[set->layer[id].op].packed_size;
  return set->layer[id].packed;
}
bool bnc_linear_set_is_mapped(const bnc_linear_set *set) { return bnc_packed_is_mapped(set->store); }

size_t bnc_linear_set_operators(const bnc_linear_set *set) {
  size_t count = 0;
  for (size_t i = 0; i < set->ops; i++) count += set->op[i].op != NULL;
  return count;
}
size_t bnc_linear_set_layers(const bnc_linear_set *set) { return set->layers; }
