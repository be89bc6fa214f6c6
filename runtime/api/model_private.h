/* SPDX-License-Identifier: Apache-2.0 */
/** @file model_private.h  The inside of bnc_model. */
#ifndef BINOCLE_RUNTIME_API_MODEL_PRIVATE_H
#define BINOCLE_RUNTIME_API_MODEL_PRIVATE_H

#include <binocle/model.h>
#include <pthread.h>

#include "ops/kernels.h"
#include "ops/xnn/packed.h"
#include "platforms/base/context_private.h"
#include "runtime/api/picture_cache.h"
#include "runtime/constrain/vocabulary.h"
#include "runtime/model/model_file.h"
#include "runtime/text/tokenizer.h"

struct bnc_model {
  bnc_context *context; /* not owned */
  bnc_model_file file;
  bnc_bpe *bpe;                /* NULL: the file has no tokenizer */
  pthread_mutex_t lock;        /* sessions are created one at a time: they share the store */
  bnc_packed_store *store;     /* made with the first session */
  bnc_packed_store *laid;      /* made with the first session that has the memory (laid_weights.h); NULL: none has */
  bnc_kernels kernels;         /* made with the first session */
  bnc_picture_cache *pictures; /* shared by the sessions */
  bnc_vocabulary *vocabulary;  /* likewise; made with the first constraint */
  uint64_t open_ns;            /* that opening it took */
};

#endif
