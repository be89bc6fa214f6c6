/* SPDX-License-Identifier: Apache-2.0 */
/** @file presets.h  Geometries of models to make up. */
#ifndef BINOCLE_QUANT_SYNTH_PRESETS_H
#define BINOCLE_QUANT_SYNTH_PRESETS_H

#include "quant/import/geometry.h"

/** False where there is no preset of that name. */
bool bnc_synth_geometry(const char *preset, bnc_geometry *geometry);

#endif
