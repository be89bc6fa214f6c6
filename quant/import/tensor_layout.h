/* SPDX-License-Identifier: Apache-2.0 */
/** @file tensor_layout.h  The tensors that a model of a given geometry consists of. */
#ifndef BINOCLE_QUANT_IMPORT_TENSOR_LAYOUT_H
#define BINOCLE_QUANT_IMPORT_TENSOR_LAYOUT_H

#include "platforms/base/error.h"
#include "quant/import/geometry.h"

typedef bnc_status (*bnc_layout_visit)(void *context, const char *name, size_t rank, const size_t *shape, bnc_error *err);

/** Calls visit for each tensor, by canonical name (checkpoint.h), until one fails. */
bnc_status bnc_tensor_layout(const bnc_geometry *geometry, bnc_layout_visit visit, void *context, bnc_error *err);

#endif
