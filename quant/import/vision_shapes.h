/* SPDX-License-Identifier: Apache-2.0 */
/** @file vision_shapes.h  The vision side's geometry, from the shapes of its tensors and from what the configs say. */
#ifndef BINOCLE_QUANT_IMPORT_VISION_SHAPES_H
#define BINOCLE_QUANT_IMPORT_VISION_SHAPES_H

#include "quant/import/config.h"
#include "quant/import/tensor_table.h"

/**
 * Fills geometry->vision; the text side is complete. tower is what is said about the tower that the table holds. Where config and shapes
 * contradict each other, or a tensor that decides a size is missing, the error names both.
 */
bnc_status bnc_vision_shapes(bnc_geometry *geometry, const bnc_import_config *config, const bnc_tower_config *tower,
                             const bnc_tensor_table *table, bnc_error *err);

#endif
