/* SPDX-License-Identifier: Apache-2.0 */
/* Vision's weights laid out for AMX: once for a machine, found again, made anew where they are damaged. */
#include <stdint.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/exec/laid_weights.h"
#include "runtime/model/weight_slabs.h"
#include "tests/model/tiny_model.h"
#include "tests/unit.h"

static bnc_error err;

static bnc_context *context_with(const char *cache) {
  bnc_context *context;
  bnc_context_settings settings;
  bnc_context_settings_init(&settings);
  settings.cache_dir = cache;
  assert_int_equal(bnc_context_create(&settings, &context), BNC_OK);
  return context;
}

static size_t laid_files(void) {
  FILE *list = popen("ls laid_cache | grep -c '[.]bnclaid$'", "r");
  int files = -1;
  assert_non_null(list);
  assert_int_equal(fscanf(list, "%d", &files), 1);
  pclose(list);
  return (size_t)files;
}

/* Laid out by scalar for AMX, which need not be here. */
static void weights_are_laid_out_once(void **state) {
  (void)state;
  bnc_kernels kernels;
  bnc_model_file file;
  bnc_packed_store *laid, *again;
  bnc_kernels_init(&kernels, BNC_CPU_SCALAR);
  kernels.level = BNC_CPU_AMX;
  assert_int_equal(system("rm -rf laid_cache"), 0);
  tiny_tower("laid.bnc", "laid_checkpoint");
  assert_int_equal(bnc_model_file_open(&file, "laid.bnc", &err), BNC_OK);
  bnc_context *none = context_with(""), *context = context_with("laid_cache");
  assert_int_equal(bnc_laid_weights_acquire(&laid, &file, &kernels, NULL, none, &err), BNC_OK);
  assert_null(laid);
  assert_null(bnc_laid_weights_find(NULL, &file, 0));
  if (file.linears.own[BNC_WEIGHT_QC8]) {
    uint64_t bytes;
    size_t found = 0;
    assert_int_equal(bnc_laid_weights_bytes(&file, BNC_CPU_AMX, &bytes, &err), BNC_OK);
    assert_int_equal(bnc_laid_weights_acquire(&laid, &file, &kernels, NULL, context, &err), BNC_OK);
    assert_int_equal(laid_files(), 1);
    assert_int_equal(bnc_packed_bytes(laid), bytes);
    for (uint32_t w = 0; w < file.weights; w++) {
      const bnc_file_weight *weight = &file.weight[w];
      const int8_t *at = bnc_laid_weights_find(laid, &file, w);
      if (!at) continue;
      int8_t *expected = calloc(1, bnc_matmul_laid_bytes(BNC_CPU_AMX, TINY_TOWER_ROWS, weight->k, weight->n));
      const bnc_matmul_lay_args args = {weight->k, weight->n, (const int8_t *)file.data.data + weight->data, expected};
      kernels.matmul.lay(&args, 0, bnc_matmul_i8_items(weight->n));
      assert_memory_equal(at, expected, bnc_matmul_laid_bytes(BNC_CPU_AMX, TINY_TOWER_ROWS, weight->k, weight->n));
      free(expected);
      found++;
    }
    assert_int_equal(found, 4 * TINY_TOWER_LAYERS + 1 + 3); /* the last layer's queries are apart; patches and the projector's */
    bnc_packed_destroy(laid);
    assert_int_equal(system("ls -i laid_cache/*.bnclaid > laid_before"), 0);
    assert_int_equal(bnc_laid_weights_acquire(&laid, &file, &kernels, NULL, context, &err), BNC_OK);
    assert_int_equal(system("ls -i laid_cache/*.bnclaid | cmp - laid_before"), 0); /* not made again */
    bnc_packed_destroy(laid);
    assert_int_equal(system("f=$(ls laid_cache/*.bnclaid) && printf '\\377\\001' | dd of=$f bs=1 seek=5000 conv=notrunc 2>/dev/null"), 0);
    assert_int_equal(bnc_laid_weights_acquire(&laid, &file, &kernels, NULL, context, &err), BNC_OK); /* damaged: made again */
    assert_non_null(laid);
    assert_int_equal(bnc_laid_weights_acquire(&again, &file, &kernels, NULL, context, &err), BNC_OK);
    bnc_packed_destroy(again);
    bnc_packed_destroy(laid);
    kernels.level = BNC_CPU_SCALAR;
    assert_int_equal(bnc_laid_weights_acquire(&laid, &file, &kernels, NULL, context, &err), BNC_OK);
    assert_null(laid);
  }
  bnc_model_file_close(&file);
  bnc_context_destroy(none);
  bnc_context_destroy(context);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(weights_are_laid_out_once)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
