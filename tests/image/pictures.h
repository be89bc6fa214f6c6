/* SPDX-License-Identifier: Apache-2.0 */
/** @file pictures.h  The test pictures of tests/data/image (made by make.py there) and their checksums. Include behind cmocka.h. */
#ifndef BINOCLE_TESTS_IMAGE_PICTURES_H
#define BINOCLE_TESTS_IMAGE_PICTURES_H

#include <stdio.h>

#include "ops/kernels.h"
#include "platforms/base/mem.h"
#include "platforms/cpu/cpu.h"
#include "platforms/file/file.h"
#include "runtime/image/image.h"
#include "tests/unit.h"

/* CRC-32 as zlib's crc32 computes it. */
static inline uint32_t crc32_of(const uint8_t *data, size_t size) {
  uint32_t crc = 0xffffffffu;
  for (size_t i = 0; i < size; i++) {
    crc ^= data[i];
    for (int k = 0; k < 8; k++) crc = crc >> 1 ^ (0xedb88320u & (0u - (crc & 1)));
  }
  return ~crc;
}

static inline const char *picture_path(char path[512], const char *name) {
  snprintf(path, 512, "%s/image/%s", BINOCLE_TEST_DATA, name);
  return path;
}

/* A file of tests/data/image in a block of exactly its size, so that sanitizers see a read behind it. Free with bnc_mem_free. */
static inline uint8_t *read_picture(const char *name, size_t *size) {
  char path[512], *data;
  bnc_error err = {0};
  if (bnc_file_read(picture_path(path, name), 1u << 24, &data, size, &err) != BNC_OK) fail_msg("%s", err.text);
  return (uint8_t *)data;
}

/* The kernels that this machine's pictures are fitted with. */
static inline bnc_resample_ops best_resample(void) {
  bnc_cpu cpu;
  bnc_kernels kernels;
  bnc_error err = {0};
  if (bnc_cpu_detect(&cpu, &err) != BNC_OK) fail_msg("%s", err.text);
  bnc_kernels_init(&kernels, cpu.level);
  return kernels.resample;
}

static inline FILE *open_list(const char *name) {
  char path[512];
  FILE *f = fopen(picture_path(path, name), "r");
  if (!f) fail_msg("%s is missing", path);
  return f;
}

#endif
