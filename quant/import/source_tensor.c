/* SPDX-License-Identifier: Apache-2.0 */
#include "quant/import/source_tensor.h"

#include "platforms/base/mem.h"

void bnc_source_list_free(bnc_source_list *list) {
  bnc_mem_free(list->tensors);
  bnc_mem_free(list->names);
  *list = (bnc_source_list){0};
}
