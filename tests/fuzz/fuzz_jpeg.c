/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/fuzz/picture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) { return fuzz_picture(bnc_jpeg_decode, data, size); }
