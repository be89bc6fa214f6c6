/* SPDX-License-Identifier: Apache-2.0 */
/* Questions between connections and the queue, on the server's thread. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <time.h>

#include "runtime/program/serve/serve.h"

#define QUIET_SECONDS 15 /* after which a stream says that it is still there: proxies give up on silent ones */

static const char path[] = "/v1/chat/completions";

static bool name_job(bnc_job *job) {
  uint64_t random[2];
  if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random) return false;
  snprintf(job->id, sizeof job->id, "chatcmpl-%016" PRIx64 "%08" PRIx64, random[0], random[1] & 0xFFFFFFFF);
  job->created = (int64_t)time(NULL);
  return true;
}

/* Seconds after which a turn may be free. */
static unsigned retry_after(bnc_serve *serve) {
  size_t waiting, running;
  bnc_job_queue_counts(&serve->queue, &waiting, &running);
  const double seconds = bnc_metrics_mean_seconds(&serve->metrics) * (double)(waiting + 1) / (double)serve->workers;
  return seconds < 1 ? 1 : seconds > 60 ? 60 : (unsigned)seconds;
}

static void refuse_full(bnc_serve *serve, bnc_http_connection *connection) {
  bnc_api_error error;
  char field[40];
  snprintf(field, sizeof field, "Retry-After: %u\r\n", retry_after(serve));
  bnc_api_fail(&error, 503, "overloaded", NULL, serve->stopping ? "the server is stopping" : "too many questions wait already");
  bnc_serve_refuse(serve, connection, path, &error, field);
}

void bnc_jobs_submit(bnc_serve *serve, bnc_http_connection *connection, bnc_http_request *request) {
  bnc_api_error error;
  bnc_job *job = bnc_job_create();
  if (!job || !name_job(job)) {
    bnc_api_fail(&error, 503, NULL, NULL, "out of memory");
    bnc_serve_refuse(serve, connection, path, &error, NULL);
    bnc_job_free(job);
    return;
  }
  const bnc_byte_buffer *body = &request->body;
  const char *type = bnc_http_field(request, "content-type"), *data = body->data ? body->data : "";
  const bool ok = strncasecmp(type, "multipart/", 10) == 0
                      ? bnc_chat_upload_parse(&job->request, &serve->limits, type, data, body->length, &error)
                      : bnc_chat_request_parse(&job->request, &serve->limits, data, body->length, &error);
  bnc_byte_buffer_free(&request->body); /* its pictures are twice as large as what was made of them, and it may wait for long */
  if (!ok) {
    bnc_serve_refuse(serve, connection, path, &error, NULL);
    bnc_job_free(job);
    return;
  }
  job->client = job->request.user ? job->request.user : bnc_http_connection_client(connection);
  job->connection = connection;
  job->arrived = job->quiet_since = bnc_seconds();
  if (!bnc_job_queue_put(&serve->queue, job)) {
    refuse_full(serve, connection);
    bnc_job_free(job);
    return;
  }
  *bnc_http_connection_slot(connection) = job;
  job->sibling = serve->jobs;
  serve->jobs = job;
}

void bnc_jobs_drop(bnc_job *job, bnc_serve *serve) {
  job->connection = NULL;
  atomic_store(&job->cancelled, true);
  bnc_job_queue_remove(&serve->queue, job); /* where it has not begun: bnc_jobs_pump frees it */
}

/* What came from the worker, and whether it is all: a reply that goes out whole waits for that. */
static bool collect(bnc_serve *serve, bnc_job *job, bnc_byte_buffer *reply, bnc_api_error *error) {
  *reply = (bnc_byte_buffer){0};
  pthread_mutex_lock(&serve->queue.lock);
  const bool done = job->state == BNC_JOB_DONE;
  *error = job->error;
  if (done || job->request.stream) {
    *reply = job->reply;
    job->reply = (bnc_byte_buffer){.failed = reply->failed};
  }
  pthread_mutex_unlock(&serve->queue.lock);
  return done;
}

static void stream(bnc_serve *serve, bnc_job *job, bnc_byte_buffer *reply, const bnc_api_error *error, bool done) {
  if (reply->length == 0 && !done && bnc_seconds() - job->quiet_since > QUIET_SECONDS) bnc_byte_buffer_text(reply, ": waiting\n\n");
  if (!job->streaming && error->status) {
    bnc_serve_refuse(serve, job->connection, path, error, NULL);
    return;
  }
  if (error->status) bnc_api_error_put(error, true, reply);
  if (reply->length && !job->streaming) {
    job->streaming = true;
    bnc_metrics_request(&serve->metrics, path, 200);
    bnc_http_stream_begin(job->connection, "text/event-stream");
  }
  if (reply->length) job->quiet_since = bnc_seconds();
  if (reply->failed)
    bnc_http_abort(job->connection);
  else
    bnc_http_stream_add(job->connection, reply->data, reply->length);
  if (done) bnc_http_stream_end(job->connection);
}

static void reply_whole(bnc_serve *serve, bnc_job *job, const bnc_byte_buffer *reply, const bnc_api_error *error) {
  bnc_api_error memory;
  bnc_api_fail(&memory, 503, NULL, NULL, "out of memory");
  if (error->status || reply->failed)
    bnc_serve_refuse(serve, job->connection, path, error->status ? error : &memory, NULL);
  else
    bnc_serve_reply(serve, job->connection, path, 200, "application/json", NULL, reply);
}

void bnc_jobs_pump(bnc_serve *serve) {
  for (bnc_job **at = &serve->jobs; *at;) {
    bnc_job *job = *at;
    bnc_byte_buffer reply;
    bnc_api_error error;
    const bool done = collect(serve, job, &reply, &error);
    if (job->connection && job->request.stream)
      stream(serve, job, &reply, &error, done);
    else if (job->connection && done)
      reply_whole(serve, job, &reply, &error);
    bnc_byte_buffer_free(&reply);
    if (!done) {
      at = &job->sibling;
      continue;
    }
    *at = job->sibling;
    bnc_job_free(job);
  }
}

void bnc_routes_stop(bnc_serve *serve, bool now) {
  serve->stopping = true;
  for (bnc_job *job = serve->jobs; job; job = job->sibling) {
    if (now) atomic_store(&job->cancelled, true);
    if (bnc_job_queue_remove(&serve->queue, job)) bnc_api_fail(&job->error, 503, "overloaded", NULL, "the server is stopping");
  }
}
