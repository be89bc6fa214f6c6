/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/program/input_watch.h"

#include <stdlib.h>

#define ROWS 64u /* at least so many are taken: a picture's matrix reads 576 rows and more for each tile, which are much alike */

void bnc_input_watch_add(void *watch, const bnc_matrix_inputs *inputs) {
  bnc_input_watch *w = watch;
  const size_t step = inputs->rows > ROWS ? inputs->rows / ROWS : 1, taken = (inputs->rows + step - 1) / step;
  if (w->status != BNC_OK) return;
  if (taken * inputs->cols > w->room) {
    free(w->rows);
    w->rows = malloc(taken * inputs->cols * sizeof *w->rows);
    w->room = w->rows ? taken * inputs->cols : 0;
  }
  for (size_t i = 0; w->rows && i < taken; i++) bnc_matrix_inputs_row(inputs, i * step, w->rows + i * inputs->cols);
  w->status = w->rows ? bnc_moments_add(w->moments, inputs->matrix, w->rows, taken, inputs->cols) : BNC_ERROR_MEMORY;
}
