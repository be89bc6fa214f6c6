/* SPDX-License-Identifier: Apache-2.0 */
#include "quant/calibrate/centre.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "platforms/base/array.h"
#include "platforms/base/mem.h"

#define TOWER "vision_model.encoder.layers"
#define DEM "model.spatial_embed.attention"
#define NAME 96
#define LEAST_DEVIATION 1e-4 /* of the columns' mean: a column that hardly ever changes is not made much of */

/* What is read of a tensor. A vector is replaced; a matrix's columns are multiplied by `scale`, and its inputs are x' = (x - shift) /
 * scale. */
struct bnc_centred_tensor {
  char name[NAME];
  size_t k;      /* elements of a vector, columns of a matrix */
  float *whole;  /* [k], or NULL */
  double *shift; /* [k], or NULL: 0 */
  float *scale;  /* [k], or NULL: 1 */
};

static bnc_centred_tensor *find(const bnc_centre *c, const char *name) {
  for (size_t i = 0; i < c->count; i++)
    if (strcmp(c->tensor[i].name, name) == 0) return &c->tensor[i];
  return NULL;
}

static bnc_status read_centred(void *context, const char *name, size_t first, size_t count, float *out, bnc_error *err) {
  const bnc_centre *c = context;
  const bnc_centred_tensor *t = find(c, name);
  if (t && t->whole) {
    memcpy(out, t->whole + first, count * sizeof *out);
    return BNC_OK;
  }
  const bnc_status s = c->inner->read(c->inner->context, name, first, count, out, err);
  for (size_t i = 0; s == BNC_OK && t && t->scale && i < count; i++) out[i] *= t->scale[(first + i) % t->k];
  return s;
}

/* A layer behind a norm, or of DEM's attention, while it is rewritten. */
typedef struct site {
  bnc_centre *c;
  bnc_error *err;
  const char *prefix; /* "vision_model.encoder.layers.3" */
  size_t k;
  double *mean, *deviation; /* [k] of its inputs */
} site;

static void name_of(const site *s, const char *what, const char *kind, char name[NAME]) {
  snprintf(name, NAME, "%s.%s.%s", s->prefix, what, kind);
}

static bnc_centred_tensor *add(const site *s, const char *what, const char *kind, size_t k) {
  bnc_centre *c = s->c;
  if (!bnc_array_reserve(&c->tensor, &c->capacity, c->count + 1, sizeof *c->tensor)) return NULL;
  bnc_centred_tensor *t = &c->tensor[c->count++];
  *t = (bnc_centred_tensor){.k = k};
  name_of(s, what, kind, t->name);
  return t;
}

/* The vector as it has been so far, for the caller to change. */
static bnc_status add_vector(const site *s, const char *what, const char *kind, size_t n, float **values) {
  float *whole = bnc_mem_array(n, sizeof *whole);
  char name[NAME];
  name_of(s, what, kind, name);
  bnc_status status =
      whole ? s->c->inner->read(s->c->inner->context, name, 0, n, whole, s->err) : bnc_fail_memory(s->err, n * sizeof *whole);
  bnc_centred_tensor *t = status == BNC_OK ? add(s, what, kind, n) : NULL;
  if (!t) {
    bnc_mem_free(whole);
    return status == BNC_OK ? bnc_fail_memory(s->err, sizeof *t) : status;
  }
  *values = t->whole = whole;
  return BNC_OK;
}

/* y [n] = W x; W is the source's [n, k]. */
static bnc_status multiply(const site *s, const char *what, size_t n, const double *x, double *y) {
  float *row = bnc_mem_array(s->k, sizeof *row);
  char name[NAME];
  name_of(s, what, "weight", name);
  bnc_status status = row ? BNC_OK : bnc_fail_memory(s->err, s->k * sizeof *row);
  for (size_t r = 0; status == BNC_OK && r < n; r++) {
    status = s->c->inner->read(s->c->inner->context, name, r * s->k, s->k, row, s->err);
    y[r] = 0;
    for (size_t i = 0; status == BNC_OK && i < s->k; i++) y[r] += (double)row[i] * x[i];
  }
  bnc_mem_free(row);
  return status;
}

/* bias += W x. */
static bnc_status raise_bias(const site *s, const char *what, size_t n, const double *x) {
  double *more = bnc_mem_array(n, sizeof *more);
  float *bias = NULL;
  bnc_status status = more ? add_vector(s, what, "bias", n, &bias) : bnc_fail_memory(s->err, n * sizeof *more);
  if (status == BNC_OK) status = multiply(s, what, n, x, more);
  for (size_t i = 0; status == BNC_OK && i < n; i++) bias[i] = (float)((double)bias[i] + more[i]);
  bnc_mem_free(more);
  return status;
}

/* The inputs of a matrix [.., k] are moved: shift [k], scale [k] or NULL. */
static bnc_status move_inputs(const site *s, const char *what, const double *shift, const float *scale) {
  bnc_centred_tensor *t = add(s, what, "weight", s->k);
  if (!t) return bnc_fail_memory(s->err, sizeof *t);
  t->shift = bnc_mem_array(s->k, sizeof *t->shift);
  t->scale = scale ? bnc_mem_array(s->k, sizeof *t->scale) : NULL;
  if (!t->shift || (scale && !t->scale)) return bnc_fail_memory(s->err, s->k * sizeof *t->shift);
  memcpy(t->shift, shift, s->k * sizeof *shift);
  if (scale) memcpy(t->scale, scale, s->k * sizeof *scale);
  return BNC_OK;
}

/* What a projection [k, k] makes loses its mean, which is W m + b, m the mean of its inputs: those have lost theirs already (moved), or
   keep it. */
static bnc_status drop_mean(const site *s, const char *what, bool moved, double *mean) {
  float *bias = NULL;
  bnc_status status = add_vector(s, what, "bias", s->k, &bias);
  if (status == BNC_OK) status = multiply(s, what, s->k, s->mean, mean);
  for (size_t i = 0; status == BNC_OK && i < s->k; i++) {
    const double product = mean[i];
    mean[i] = product + (double)bias[i];
    bias[i] = moved ? 0.0f : (float)-product;
  }
  return status;
}

static bnc_status centre_attention(const site *s, const char *key, const char *value, const char *out, bool moved) {
  double *mean = bnc_mem_array(s->k, sizeof *mean);
  bnc_status status = mean ? drop_mean(s, key, moved, mean) : bnc_fail_memory(s->err, s->k * sizeof *mean);
  if (status == BNC_OK) status = drop_mean(s, value, moved, mean);
  if (status == BNC_OK) status = raise_bias(s, out, s->k, mean);
  if (status == BNC_OK) status = move_inputs(s, out, mean, NULL);
  bnc_mem_free(mean);
  return status;
}

/* Roots of the columns' deviations, 1 in the mean of their logarithms. */
static void choose_scales(const site *s, float *scale) {
  double all = 0, mean = 0;
  for (size_t i = 0; i < s->k; i++) all += s->deviation[i] / (double)s->k;
  for (size_t i = 0; i < s->k; i++) mean += log(fmax(s->deviation[i], all * LEAST_DEVIATION)) / 2 / (double)s->k;
  for (size_t i = 0; i < s->k; i++) scale[i] = all > 0 ? (float)exp(log(fmax(s->deviation[i], all * LEAST_DEVIATION)) / 2 - mean) : 1.0f;
}

static bnc_status move_norm(const site *s, const char *norm, const float *scale) {
  float *gamma = NULL, *beta = NULL;
  bnc_status status = add_vector(s, norm, "weight", s->k, &gamma);
  if (status == BNC_OK) status = add_vector(s, norm, "bias", s->k, &beta);
  for (size_t i = 0; status == BNC_OK && i < s->k; i++) {
    gamma[i] /= scale[i];
    beta[i] = (float)(((double)beta[i] - s->mean[i]) / (double)scale[i]);
  }
  return status;
}

static bool is_known(const site *s, const char *what) {
  char name[NAME];
  name_of(s, what, "weight", name);
  return bnc_moments_columns(s->c->moments, name, s->k, s->mean, s->deviation);
}

/* A norm and the matrices behind it, the first of which has n rows and takes the mean into its bias. */
static bnc_status centre_norm(const site *s, const char *norm, const char *const *matrix, size_t matrices, size_t n) {
  float *scale = bnc_mem_array(s->k, sizeof *scale);
  if (!scale) return bnc_fail_memory(s->err, s->k * sizeof *scale);
  choose_scales(s, scale);
  bnc_status status = move_norm(s, norm, scale);
  for (size_t i = 0; status == BNC_OK && i < matrices; i++) status = move_inputs(s, matrix[i], s->mean, scale);
  if (status == BNC_OK) status = raise_bias(s, matrix[0], n, s->mean);
  bnc_mem_free(scale);
  return status;
}

static bnc_status centre_layer(const site *s, size_t mlp) {
  static const char *const projections[] = {"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"}, *const first = "mlp.fc1";
  bnc_status status = BNC_OK;
  if (is_known(s, projections[0])) {
    status = centre_norm(s, "layer_norm1", projections, 3, s->k);
    if (status == BNC_OK) status = centre_attention(s, projections[1], projections[2], "self_attn.out_proj", true);
  }
  return status == BNC_OK && is_known(s, first) ? centre_norm(s, "layer_norm2", &first, 1, mlp) : status;
}

static bnc_status centre_all(site *s, const bnc_vision_geometry *v) {
  char prefix[NAME];
  bnc_status status = BNC_OK;
  s->prefix = prefix;
  for (size_t layer = 0; status == BNC_OK && layer < v->layers_used; layer++) {
    snprintf(prefix, sizeof prefix, TOWER ".%zu", layer);
    status = centre_layer(s, v->mlp);
  }
  s->prefix = DEM;
  return status == BNC_OK && is_known(s, "linears.1") ? centre_attention(s, "linears.1", "linears.2", "linears.3", false) : status;
}

bnc_status bnc_centre_create(bnc_centre *c, const bnc_vision_geometry *v, const bnc_moments *moments, const bnc_tensor_source *inner,
                             bnc_error *err) {
  *c = (bnc_centre){.moments = moments, .inner = inner, .source = {c, read_centred, inner->parallel}};
  site s = {.c = c,
            .err = err,
            .k = v->width,
            .mean = bnc_mem_array(v->width, sizeof(double)),
            .deviation = bnc_mem_array(v->width, sizeof(double))};
  const bnc_status status = s.mean && s.deviation ? centre_all(&s, v) : bnc_fail_memory(err, v->width * sizeof(double));
  bnc_mem_free(s.mean);
  bnc_mem_free(s.deviation);
  return status;
}

void bnc_centre_free(bnc_centre *c) {
  for (size_t i = 0; i < c->count; i++) {
    bnc_mem_free(c->tensor[i].whole);
    bnc_mem_free(c->tensor[i].shift);
    bnc_mem_free(c->tensor[i].scale);
  }
  bnc_mem_free(c->tensor);
  *c = (bnc_centre){0};
}

bnc_status bnc_centre_factor(const bnc_centre *c, const char *matrix, size_t k, bnc_pool *pool, float **factor, bnc_error *err) {
  const bnc_centred_tensor *t = c ? find(c, matrix) : NULL;
  *factor = NULL;
  return c ? bnc_moments_factor(c->moments, matrix, k, t ? t->shift : NULL, t ? t->scale : NULL, pool, factor, err) : BNC_OK;
}
