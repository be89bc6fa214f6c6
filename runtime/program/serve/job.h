/* SPDX-License-Identifier: Apache-2.0 */
/** @file job.h  A question on its way: from the connection that asked it through the queue to a worker, and its reply back. */
#ifndef BINOCLE_RUNTIME_PROGRAM_SERVE_JOB_H
#define BINOCLE_RUNTIME_PROGRAM_SERVE_JOB_H

#include <stdatomic.h>
#include <stdint.h>

#include "runtime/program/serve/byte_buffer.h"
#include "runtime/program/serve/chat_request.h"

#define BNC_JOB_ID 48

typedef enum bnc_job_state { BNC_JOB_WAITING, BNC_JOB_RUNNING, BNC_JOB_DONE } bnc_job_state;

/** Made and freed by the server's thread. What stands under "shared" is read and written with the queue locked. */
typedef struct bnc_job {
  bnc_chat_request request;
  char id[BNC_JOB_ID];
  int64_t created;         /* seconds since 1970 */
  uint64_t client;         /* takes turns with others */
  double arrived, begun;   /* bnc_seconds(); begun: by its worker */
  atomic_bool cancelled;   /* nobody waits for it any more */
  void *connection;        /* of the server's thread; NULL: gone */
  bool streaming;          /* the head of a stream was sent */
  double quiet_since;      /* when something was sent last */
  struct bnc_job *sibling; /* in the server's list of all */
  /* shared: */
  struct bnc_job *next;
  uint64_t turn;
  bnc_job_state state;
  bnc_byte_buffer reply; /* what is to be sent: pieces of a stream, or a whole body */
  bnc_api_error error;   /* status 0: none */
} bnc_job;

/** NULL: out of memory. */
bnc_job *bnc_job_create(void);
void bnc_job_free(bnc_job *job);

#endif
