/* SPDX-License-Identifier: Apache-2.0 */
/** @file safetensors.h  The header of a safetensors file: which tensors it holds, and where. */
#ifndef BINOCLE_QUANT_IMPORT_SAFETENSORS_H
#define BINOCLE_QUANT_IMPORT_SAFETENSORS_H

#include <stddef.h>
#include <stdint.h>

#include "platforms/base/error.h"
#include "quant/import/source_tensor.h"

#define BNC_SAFETENSORS_MAX_HEADER 100000000u /* bytes; the limit of the format's own library */

/** Parses the header of a file that lies (or is mapped) in memory; data is [size]. Reads the header alone. Free with
 * bnc_source_list_free. */
bnc_status bnc_safetensors_parse(bnc_source_list *out, const uint8_t *data, size_t size, bnc_error *err);

#endif
