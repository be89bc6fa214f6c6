/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "runtime/program/commands.h"
#include "runtime/program/serve/serve.h"

#define GRACE_SECONDS 5 /* for answers that run when the server is to end */
#define MIB ((size_t)1 << 20)

typedef struct serve_options {
  const char *listen, *token_file, *name, *origin;
  uint64_t sessions, queue, connections, max_tokens, max_body, max_pixels, max_pictures, keep_pictures;
  double timeout;
} serve_options;

/* The name to clients: of the file, without its ending. */
static void name_model(bnc_serve *serve, const char *name) {
  const char *slash = strrchr(serve->path, '/');
  snprintf(serve->model, sizeof serve->model, "%s", name ? name : slash ? slash + 1 : serve->path);
  char *ending = name ? NULL : strrchr(serve->model, '.');
  if (ending && ending > serve->model && strcmp(ending, ".bnc") == 0) *ending = '\0';
}

static int open_listener(bnc_serve *serve, const serve_options *o) {
  char why[BNC_LISTENER_TEXT];
  bnc_work *w = &serve->work;
  if (o->token_file && !bnc_token_read(o->token_file, serve->token, why)) return bnc_work_refuse(w, "%s: %s", o->token_file, why);
  int found = bnc_listener_open(&serve->listener, o->listen, why);
  if (found == 0) found = bnc_listener_open(&serve->listener, "127.0.0.1:8080", why);
  if (found == -2) return bnc_usage_error("serve", "--listen is %s", why);
  if (found < 0) return bnc_work_refuse(w, "cannot listen: %s", why);
  if (serve->listener.loopback || serve->token[0]) return BNC_EXIT_DONE;
  return bnc_work_refuse(w, "%s can be reached from other machines, expected --token-file FILE with a secret that clients show",
                         serve->listener.name);
}

/* What the model says of itself. */
static int read_model(bnc_serve *serve, const serve_options *o) {
  bnc_work *w = &serve->work;
  char *schedule = NULL;
  int code = bnc_work_open_model(w, serve->path);
  if (code == BNC_EXIT_DONE) code = bnc_work_check_tokenizer(w, serve->path);
  if (code != BNC_EXIT_DONE) return code;
  bnc_status status = bnc_model_describe(w->model, BNC_DESCRIBE_SCHEDULE, &schedule);
  if (status == BNC_OK && o->keep_pictures) status = bnc_model_keep_pictures(w->model, (size_t)o->keep_pictures);
  if (status != BNC_OK) code = bnc_work_fail(w, status, NULL, bnc_context_error(w->context));
  if (code == BNC_EXIT_DONE && !bnc_tile_steps_read(&serve->tiles, schedule)) code = bnc_work_refuse(w, "out of memory");
  bnc_string_free(schedule);
  name_model(serve, o->name);
  snprintf(serve->fingerprint, sizeof serve->fingerprint, "bnc_%016" PRIx64, w->info.fingerprint);
  serve->created = (int64_t)time(NULL);
  serve->limits = (bnc_chat_limits){.model = serve->model,
                                    .vision = w->info.image_rows != 0,
                                    .max_tokens = (uint32_t)o->max_tokens,
                                    .pictures = (uint32_t)o->max_pictures};
  return code;
}

/* Signals end the program on the thread that waits for connections; what answers does not see them. */
static int begin_workers(bnc_serve *serve, size_t count) {
  sigset_t ends, before;
  int code = BNC_EXIT_DONE;
  sigemptyset(&ends);
  sigaddset(&ends, SIGINT);
  sigaddset(&ends, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &ends, &before);
  for (; code == BNC_EXIT_DONE && serve->workers < count; serve->workers++) code = bnc_worker_begin(&serve->worker[serve->workers], serve);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (code != BNC_EXIT_DONE) return code;
  bnc_statistics s = {.size = sizeof s};
  bnc_session_get_statistics(serve->worker[0].session, &s);
  snprintf(serve->cpu_level, sizeof serve->cpu_level, "%s", s.cpu_level);
  serve->threads = s.threads;
  return BNC_EXIT_DONE;
}

/* Until a signal; then until all is answered, or some seconds are over. */
static int loop(bnc_serve *serve) {
  double end = 0;
  bool now = false;
  while (!serve->stopping || serve->jobs || bnc_http_server_connections(serve->http)) {
    if (!bnc_http_server_turn(serve->http)) return bnc_work_refuse(&serve->work, "cannot wait for connections: %s", strerror(errno));
    if (!serve->stopping && bnc_interrupted()) {
      end = bnc_seconds() + GRACE_SECONDS;
      bnc_http_server_refuse(serve->http);
      bnc_routes_stop(serve, false);
    }
    if (serve->stopping && !now && bnc_seconds() > end) {
      now = true;
      bnc_routes_stop(serve, true);
    }
    if (serve->stopping && bnc_seconds() > end + GRACE_SECONDS) break;
  }
  return BNC_EXIT_DONE;
}

static int serve_model(bnc_serve *serve, const serve_options *o) {
  bnc_work *w = &serve->work;
  const bnc_http_limits limits = {.connections = (size_t)o->connections,
                                  .body = (size_t)o->max_body * MIB,
                                  .bodies = (size_t)o->max_body * 4 * MIB,
                                  .seconds = o->timeout};
  const bnc_http_handler handler = bnc_routes(serve);
  int code = read_model(serve, o);
  if (code == BNC_EXIT_DONE) code = bnc_joules_begin(&serve->joules, w);
  if (code == BNC_EXIT_DONE) code = open_listener(serve, o);
  if (code != BNC_EXIT_DONE) return code;
  serve->http = bnc_http_server_create(serve->listener.fd, &limits, &handler);
  if (!serve->http) return bnc_work_refuse(w, "cannot listen: %s", strerror(errno));
  code = begin_workers(serve, (size_t)o->sessions);
  if (code != BNC_EXIT_DONE) return code;
  bnc_progress_clear(&w->progress);
  w->progress.on = false; /* it is the workers' no more than ours */
  bnc_work_tell(w);
  bnc_work_note(w, "%s answers at %s/ (Ctrl-C ends)", serve->model, serve->listener.name);
  return loop(serve);
}

static int run_serve(const char *path, const serve_options *o, bnc_serve *serve) {
  serve->path = path;
  bnc_metrics_begin(&serve->metrics);
  serve->work.private_preamble = true;
  serve->work.max_pixels = o->max_pixels << 20;
  int code = bnc_work_begin(&serve->work);
  serve->listener.fd = -1;
  pthread_mutex_init(&serve->meter, NULL);
  if (!bnc_job_queue_create(&serve->queue, (size_t)o->queue))
    return bnc_work_end(&serve->work, bnc_work_refuse(&serve->work, "out of memory"));
  if (code == BNC_EXIT_DONE) code = serve_model(serve, o);
  bnc_routes_stop(serve, true);
  bnc_job_queue_close(&serve->queue);
  for (size_t i = 0; i < BNC_SERVE_SESSIONS; i++) bnc_worker_end(&serve->worker[i]);
  if (serve->http)
    bnc_http_server_destroy(serve->http);
  else if (serve->listener.fd >= 0)
    close(serve->listener.fd);
  while (serve->jobs) {
    bnc_job *job = serve->jobs;
    serve->jobs = job->sibling;
    bnc_job_free(job);
  }
  bnc_tile_steps_free(&serve->tiles);
  bnc_job_queue_destroy(&serve->queue);
  bnc_joules_end(&serve->joules, &serve->work);
  bnc_metrics_end(&serve->metrics);
  pthread_mutex_destroy(&serve->meter);
  return bnc_work_end(&serve->work, code);
}

#define COUNT(name_, value_, help_, target_, least_, most_)                                                                                \
  {.name = name_, .value = value_, .help = help_, .count = &(target_), .least = least_, .most = most_}

static int run(const bnc_command *command, int argc, char **argv) {
  static bnc_serve serve;
  const char *model = NULL;
  serve_options o = {.sessions = 1,
                     .queue = 64,
                     .connections = 256,
                     .max_tokens = 4096,
                     .max_body = 32,
                     .max_pictures = 8,
                     .keep_pictures = 4,
                     .timeout = 10};
  const bnc_option options[] = {
      {.name = "listen",
       .value = "ADDR:PORT",
       .help = "where; default: the socket that systemd hands over, else 127.0.0.1:8080; port 0: any free one",
       .text = &o.listen},
      {.name = "token-file",
       .value = "FILE",
       .help = "the secret that clients show, one line, readable by you alone; a must where other machines reach the address",
       .text = &o.token_file},
      {.name = "allow-origin",
       .value = "ORIGIN",
       .help =
           "web pages of that origin may ask from browsers too (CORS), such as http://localhost:3000; default: the server's own page alone",
       .text = &o.origin},
      {.name = "name", .value = "NAME", .help = "of the model to clients; default: the file's", .text = &o.name},
      COUNT("sessions", "N", "answers at once, each with memory of its own; default 1", o.sessions, 1, BNC_SERVE_SESSIONS),
      COUNT("queue", "N", "questions that may wait; more get 503 and Retry-After; default 64", o.queue, 1, 100000),
      COUNT("connections", "N", "at once; default 256", o.connections, 1, 100000),
      COUNT("max-tokens", "N", "longest answer that may be asked for; default 4096", o.max_tokens, 1, 1000000),
      COUNT("max-body", "MIB", "largest request; all that come in at once may have four times as much; default 32", o.max_body, 1, 500),
      COUNT("max-pixels", "MPX", "a picture of more Mi pixels is reduced, of three times as many refused; 64, less under --memory-limit",
            o.max_pixels, 1, 64),
      COUNT("max-pictures", "N", "in a conversation; default 8", o.max_pictures, 0, 1000),
      COUNT("keep-pictures", "N", "that cost no vision when they are shown again; default 4", o.keep_pictures, 0, 100000),
      {.name = "timeout",
       .value = "S",
       .help = "seconds that a client may take for a request's head, three times as many to take a reply; default 10",
       .real = &o.timeout,
       .low = 0.1,
       .high = 3600},
      BNC_JOULES_OPTIONS(serve.joules),
      BNC_WORK_POWER(serve.work),
      BNC_WORK_MEMORY(serve.work),
      BNC_WORK_THREADS(serve.work),
      BNC_WORK_LINEAR(serve.work),
      BNC_WORK_QUIET(serve.work),
  };
  const bnc_arguments arguments = {(const char *const[]){"MODEL", NULL}, &model, options, BNC_COUNT_OF(options)};
  serve.work.joules = &serve.joules;
  const int code = bnc_options_parse(command, &arguments, argc, argv);
  if (code != BNC_PARSED) return code;
  if (o.origin && !bnc_routes_allow(&serve, o.origin))
    return bnc_usage_error("serve", "--allow-origin is '%s', expected the origin of web pages, such as http://localhost:3000", o.origin);
  return run_serve(model, &o, &serve);
}

const bnc_command bnc_cmd_serve = {
    .name = "serve",
    .synopsis = "MODEL [--listen ADDR:PORT] [--token-file FILE] [options]",
    .summary = "answers over HTTP as OpenAI's chat API does, and with a page for browsers",
    .details =
        "POST /v1/chat/completions, GET /v1/models, /health, /metrics (Prometheus) and / (the page). Pictures come as data: addresses;\n"
        "nothing is fetched and no file is opened for a client. Clients take turns; who goes away ends the work for it.",
    .examples = "  binocle serve model.bnc\n"
                "  binocle serve model.bnc --listen 0.0.0.0:8080 --token-file ~/.config/binocle.token\n"
                "  binocle serve model.bnc --sessions 2 --queue 16 --max-tokens 512",
    .run = run,
};
