/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/xnn/linear.h"

#include <math.h>
#include <xnnpack.h>

#include "platforms/mem.h"

struct bnc_linear {
  bnc_linear_kind kind;
  xnn_operator_t op;
};

static const char *status_text(enum xnn_status s) {
  switch (s) {
    case xnn_status_uninitialized: return "not initialised";
    case xnn_status_invalid_parameter: return "invalid parameter";
    case xnn_status_unsupported_parameter: return "unsupported parameter";
    case xnn_status_unsupported_hardware: return "unsupported hardware";
    case xnn_status_out_of_memory: return "out of memory";
    default: return "failed";
  }
}

bnc_status bnc_linear_create(bnc_linear **linear, const bnc_linear_spec *spec, bnc_packed_store *store, uint64_t key, bnc_error *err) {
  *linear = NULL;
  enum xnn_status s = xnn_initialize(NULL);
  if (s != xnn_status_success) return bnc_fail(err, BNC_ERROR_UNSUPPORTED, "XNNPACK cannot run on this machine (%s)", status_text(s));
  bnc_linear *l = bnc_mem_zalloc(sizeof *l);
  if (!l) return bnc_fail_memory(err, sizeof *l);
  l->kind = spec->kind;
  uint32_t flags = spec->yields ? XNN_FLAG_YIELD_WORKERS : 0;
  bnc_packed_select(store, key);
  xnn_weights_cache_t cache = bnc_packed_provider(store);
  switch (spec->kind) {
    case BNC_LINEAR_F32:
      s = xnn_create_fully_connected_nc_f32(spec->k, spec->n, spec->in_stride, spec->out_stride, spec->weights, spec->bias, -INFINITY, INFINITY, flags, NULL,
                                            cache, &l->op);
      break;
    case BNC_LINEAR_QD8_QC8:
      s = xnn_create_fully_connected_nc_qd8_f32_qc8w(spec->k, spec->n, spec->in_stride, spec->out_stride, spec->scales, spec->weights, spec->bias,
                                                     -INFINITY, INFINITY, flags, NULL, cache, &l->op);
      break;
    case BNC_LINEAR_QD8_QB4:
      s = xnn_create_fully_connected_nc_qd8_f32_qb4w(spec->k, spec->n, spec->in_stride, spec->out_stride, spec->group, 8, spec->scales, spec->weights,
                                                     spec->bias, -INFINITY, INFINITY, flags, NULL, cache, &l->op);
      break;
  }
  if (s != xnn_status_success) {
    bnc_linear_destroy(l);
    return bnc_fail(err, s == xnn_status_out_of_memory ? BNC_ERROR_MEMORY : BNC_ERROR_INTERNAL, "XNNPACK refuses a linear layer of %zu x %zu: %s", spec->n,
                    spec->k, status_text(s));
  }
  *linear = l;
  return BNC_OK;
}

void bnc_linear_destroy(bnc_linear *linear) {
  if (!linear) return;
  if (linear->op) xnn_delete_operator(linear->op);
  bnc_mem_free(linear);
}

bnc_status bnc_linear_run(bnc_linear *linear, size_t rows, const void *x, const void *params, float *y, bnc_pool *pool) {
  pthreadpool_t threads = bnc_pool_native(pool);
  enum xnn_status s = xnn_status_invalid_state;
  switch (linear->kind) {
    case BNC_LINEAR_F32:
      s = xnn_reshape_fully_connected_nc_f32(linear->op, rows, threads);
      if (s == xnn_status_success) s = xnn_setup_fully_connected_nc_f32(linear->op, x, y);
      break;
    case BNC_LINEAR_QD8_QC8:
      s = xnn_reshape_fully_connected_nc_qd8_f32_qc8w(linear->op, rows, threads);
      if (s == xnn_status_success) s = xnn_setup_fully_connected_nc_qd8_f32_qc8w(linear->op, x, y, params);
      break;
    case BNC_LINEAR_QD8_QB4:
      s = xnn_reshape_fully_connected_nc_qd8_f32_qb4w(linear->op, rows, threads);
      if (s == xnn_status_success) s = xnn_setup_fully_connected_nc_qd8_f32_qb4w(linear->op, x, y, params);
      break;
  }
  if (s == xnn_status_success) s = xnn_run_operator(linear->op, threads);
  return s == xnn_status_success ? BNC_OK : BNC_ERROR_INTERNAL;
}
