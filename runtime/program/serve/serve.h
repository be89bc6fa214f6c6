/* SPDX-License-Identifier: Apache-2.0 */
/** @file serve.h  The parts of a running server, and who owns what. */
#ifndef BINOCLE_RUNTIME_PROGRAM_SERVE_SERVE_H
#define BINOCLE_RUNTIME_PROGRAM_SERVE_SERVE_H

#include "runtime/program/joules.h"
#include "runtime/program/serve/http_server.h"
#include "runtime/program/serve/job_queue.h"
#include "runtime/program/serve/listener.h"
#include "runtime/program/serve/metrics.h"
#include "runtime/program/serve/tile_steps.h"
#include "runtime/program/work.h"

#define BNC_SERVE_NAME 128
#define BNC_SERVE_SESSIONS 16
#define BNC_SERVE_ORIGIN 200 /* bytes */

typedef struct bnc_serve bnc_serve;

/** A session and the thread that answers with it. */
typedef struct bnc_worker {
  bnc_serve *serve;
  pthread_t thread;
  bnc_context *context; /* of the tokenizer, which is this thread's own */
  bnc_tokenizer *tokenizer;
  bnc_session *session;
  bnc_chat_picture *seen; /* [seen_count] the pictures that the session holds; owned */
  size_t seen_count;
  bnc_constraint_kind form; /* of the session's answers */
  char *schema;             /* where it is of one; owned */
  bool runs;
} bnc_worker;

struct bnc_serve {
  bnc_work work;
  bnc_joules joules; /* read under `meter` */
  pthread_mutex_t meter;
  const char *path;           /* of the model's file */
  char model[BNC_SERVE_NAME]; /* its name to clients */
  char fingerprint[32];       /* "bnc_..." */
  char cpu_level[16];
  size_t threads;
  int64_t created;                /* seconds since 1970 */
  char token[BNC_TOKEN_MOST + 1]; /* "": none is asked for */
  const char *origin;             /* of web pages that may ask besides our own; NULL: none */
  char origin_fields[BNC_SERVE_ORIGIN + 64];
  bnc_listener listener;
  bnc_chat_limits limits;
  bnc_tile_steps tiles;
  bnc_job_queue queue;
  bnc_job *jobs; /* all that are not replied to yet; the server's thread's */
  bnc_metrics metrics;
  bnc_http_server *http;
  bnc_worker worker[BNC_SERVE_SESSIONS];
  size_t workers;
  bool stopping;
};

/** Opens a session and begins its thread. Exit code as in work.h. */
int bnc_worker_begin(bnc_worker *worker, bnc_serve *serve);
/** The queue is closed: waits for the thread, frees everything. */
void bnc_worker_end(bnc_worker *worker);

/** Lets pages of that origin ask: "http://localhost:3000", kept by the caller. false: it is none. */
bool bnc_routes_allow(bnc_serve *serve, const char *origin);
/** The handler of the server's connections. */
bnc_http_handler bnc_routes(bnc_serve *serve);
/** Questions that wait are refused, and those that run are called off where `now`. */
void bnc_routes_stop(bnc_serve *serve, bool now);

/** A chat request is there: parsed, and into the queue or refused. */
void bnc_jobs_submit(bnc_serve *serve, bnc_http_connection *connection, bnc_http_request *request);
/** Sends on what workers have made. */
void bnc_jobs_pump(bnc_serve *serve);
/** The client went away. */
void bnc_jobs_drop(bnc_job *job, bnc_serve *serve);

/** A reply, counted; fields as of bnc_http_reply. */
void bnc_serve_reply(bnc_serve *serve, bnc_http_connection *connection, const char *path, int status, const char *type, const char *fields,
                     const bnc_byte_buffer *body);
void bnc_serve_refuse(bnc_serve *serve, bnc_http_connection *connection, const char *path, const bnc_api_error *error, const char *fields);

#endif
