/* SPDX-License-Identifier: Apache-2.0 */
/** @file make_gguf.h  The checkpoints of make_checkpoint.h as llama.cpp's converters write them: a language model, and its vision side. */
#ifndef BINOCLE_TESTS_MAKE_GGUF_H
#define BINOCLE_TESTS_MAKE_GGUF_H

#include "tests/import/gguf_bytes.h"
#include "tests/import/make_checkpoint.h"

typedef struct make_gguf_spec {
  const make_spec *spec;
  const char *architecture;    /* "llama", whose q and k rows are moved, or "qwen2" */
  bool old_names;              /* the tower's ffn_up and ffn_down the other way round */
  void (*edit)(gguf_bytes *g); /* more keys; or NULL */
} make_gguf_spec;

/** 0, or -1 with a line on stderr. */
int make_gguf_text(const char *path, const make_gguf_spec *spec);
int make_gguf_vision(const char *path, const make_gguf_spec *spec);

#endif
