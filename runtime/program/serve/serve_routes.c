/* SPDX-License-Identifier: Apache-2.0 */
/* Who may ask what: paths, the token, and what keeps web pages of others away from a server of this machine. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#include "runtime/program/serve/browser_page.h"
#include "runtime/program/serve/serve.h"

typedef struct route {
  const char *method, *path;
  bool open; /* needs no token */
} route;

enum { PAGE, HEALTH, METRICS, MODELS, CHAT, ROUTES };
static const route routes[ROUTES] = {[PAGE] = {"GET", "/", true},
                                     [HEALTH] = {"GET", "/health", true},
                                     [METRICS] = {"GET", "/metrics", false},
                                     [MODELS] = {"GET", "/v1/models", false},
                                     [CHAT] = {"POST", "/v1/chat/completions", false}};

static void path_of(const bnc_http_request *request, char path[BNC_HTTP_TARGET + 1]) {
  const char *target = request->target.data ? request->target.data : "";
  snprintf(path, BNC_HTTP_TARGET + 1, "%.*s", (int)strcspn(target, "?"), target);
}

/* "/v1/models/NAME" is the model's own. */
static bool is_model(const bnc_serve *serve, const char *path) {
  const size_t length = strlen(routes[MODELS].path);
  return strncmp(path, routes[MODELS].path, length) == 0 && path[length] == '/' && strcmp(path + length + 1, serve->model) == 0;
}

static int find_route(const bnc_serve *serve, const char *path) {
  for (int i = 0; i < ROUTES; i++)
    if (strcmp(routes[i].path, path) == 0) return i;
  return is_model(serve, path) ? MODELS : ROUTES;
}

void bnc_serve_reply(bnc_serve *serve, bnc_http_connection *connection, const char *path, int status, const char *type, const char *fields,
                     const bnc_byte_buffer *body) {
  bnc_metrics_request(&serve->metrics, path, status);
  bnc_http_reply(connection, status, type, fields, body->data ? body->data : "", body->length);
}

void bnc_serve_refuse(bnc_serve *serve, bnc_http_connection *connection, const char *path, const bnc_api_error *error, const char *fields) {
  bnc_byte_buffer body = {0};
  bnc_api_error_put(error, false, &body);
  bnc_serve_reply(serve, connection, path, error->status, "application/json", fields, &body);
  bnc_byte_buffer_free(&body);
}

/* A name of this machine, with or without a port. */
static bool is_local(const char *host) {
  const size_t length = host[0] == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":");
  static const char *const names[] = {"localhost", "[::1]"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (strlen(names[i]) == length && strncasecmp(host, names[i], length) == 0) return true;
  return strncmp(host, "127.", 4) == 0 && strspn(host, "0123456789.") == length;
}

bool bnc_routes_allow(bnc_serve *serve, const char *origin) {
  static const char lower[] = "abcdefghijklmnopqrstuvwxyz", more[] = "0123456789+-._:[]"; /* as browsers write it */
  const char *host = strstr(origin, "://");
  if (!host || host == origin || !host[3] || strlen(origin) > BNC_SERVE_ORIGIN) return false;
  for (const char *c = origin; *c; c++)
    if (!strchr(lower, *c) && !(strchr(more, *c) && c != origin) && (c < host || c >= host + 3)) return false;
  serve->origin = origin;
  snprintf(serve->origin_fields, sizeof serve->origin_fields, "Access-Control-Allow-Origin: %s\r\nVary: Origin\r\n", origin);
  return true;
}

/* --allow-origin */
static bool is_invited(const bnc_serve *serve, const bnc_http_request *request) {
  const char *origin = bnc_http_field(request, "origin");
  return serve->origin && origin && strcmp(origin, serve->origin) == 0;
}

/* A browser asks first whether a page of elsewhere may send what its own could not: our fields and JSON. It shows no token yet. */
static bool asks_first(const bnc_http_request *request) {
  return strcmp(request->method, "OPTIONS") == 0 && bnc_http_field(request, "access-control-request-method");
}

static void put_permission(bnc_serve *serve, bnc_http_connection *connection, const char *path) {
  static const char fields[] = "Access-Control-Allow-Methods: GET, POST\r\nAccess-Control-Allow-Headers: Authorization, *\r\n"
                               "Access-Control-Max-Age: 600\r\n";
  bnc_serve_reply(serve, connection, path, 200, "text/plain", fields, &(bnc_byte_buffer){0});
}

/* A web page of elsewhere may send its visitor's browser here, by this address or by a name of its own that leads here: neither is served.
 * With a token there is no need, since such a page has none. */
static bool is_foreign(const bnc_serve *serve, const bnc_http_request *request) {
  const char *host = bnc_http_field(request, "host"), *origin = bnc_http_field(request, "origin");
  static const char scheme[] = "http://";
  if (serve->token[0]) return false;
  if (serve->listener.local_names && host && !is_local(host)) return true;
  return origin && !is_invited(serve, request) &&
         !(host && strncmp(origin, scheme, sizeof scheme - 1) == 0 && strcmp(origin + sizeof scheme - 1, host) == 0);
}

static bool shows_token(const bnc_serve *serve, const bnc_http_request *request) {
  static const char scheme[] = "Bearer ";
  const char *shown = bnc_http_field(request, "authorization");
  if (!serve->token[0]) return true;
  return shown && strncasecmp(shown, scheme, sizeof scheme - 1) == 0 && bnc_token_equal(serve->token, shown + sizeof scheme - 1);
}

/* A page of elsewhere can make a browser send a form without asking first, but is_foreign has seen where it comes from. */
static bool is_readable(const bnc_http_request *request) {
  static const char *const types[] = {"application/json", "multipart/form-data"};
  const char *type = bnc_http_field(request, "content-type");
  for (size_t i = 0; type && i < sizeof types / sizeof *types; i++) {
    const size_t length = strlen(types[i]);
    if (strncasecmp(type, types[i], length) == 0 && strchr(" ;", type[length])) return true;
  }
  return false;
}

/* Before the body: a client that may not ask does not get to send it. */
static bool on_head(void *user, bnc_http_connection *connection, const bnc_http_request *request) {
  bnc_serve *serve = user;
  bnc_api_error error = {0};
  const char *fields = NULL;
  char path[BNC_HTTP_TARGET + 1], allow[32];
  path_of(request, path);
  const int found = find_route(serve, path);
  const bool head = strcmp(request->method, "HEAD") == 0, invited = is_invited(serve, request);
  if (invited) bnc_http_connection_add_fields(connection, serve->origin_fields);
  if (is_foreign(serve, request)) {
    bnc_api_fail(&error, 403, "foreign_origin", NULL, "this server is asked under a name or from a web page that is not its own");
  } else if (found == ROUTES) {
    bnc_api_fail(&error, 404, "not_found", NULL, "there is no '%.100s' here", path);
  } else if (invited && asks_first(request)) {
    put_permission(serve, connection, path);
    return false;
  } else if (strcmp(routes[found].method, head ? "GET" : request->method) != 0) {
    bnc_api_fail(&error, 405, "method_not_allowed", NULL, "'%s' is for %s, found %s", path, routes[found].method, request->method);
    snprintf(allow, sizeof allow, "Allow: %s\r\n", routes[found].method);
    fields = allow;
  } else if (!routes[found].open && !shows_token(serve, request)) {
    bnc_api_fail(&error, 401, "invalid_api_key", NULL, "the token is missing or wrong, expected 'Authorization: Bearer TOKEN'");
    fields = "WWW-Authenticate: Bearer\r\n";
  } else if (found == CHAT && !is_readable(request)) {
    bnc_api_fail(&error, 415, NULL, NULL, "the body's type is neither application/json nor multipart/form-data");
  }
  if (error.status == 0) return true;
  bnc_serve_refuse(serve, connection, path, &error, fields);
  return false;
}

static void put_health(bnc_serve *serve, bnc_http_connection *connection, const char *path) {
  bnc_byte_buffer body = {0};
  bnc_byte_buffer_print(&body, "{\"status\": \"%s\"}\n", serve->stopping ? "stopping" : "ok");
  bnc_serve_reply(serve, connection, path, serve->stopping ? 503 : 200, "application/json", "Cache-Control: no-store\r\n", &body);
  bnc_byte_buffer_free(&body);
}

static void put_metrics(bnc_serve *serve, bnc_http_connection *connection, const char *path) {
  bnc_byte_buffer body = {0};
  bnc_gauges now = {.model = serve->model,
                    .cpu_level = serve->cpu_level,
                    .threads = serve->threads,
                    .connections = bnc_http_server_connections(serve->http),
                    .buffered = bnc_http_server_bytes(serve->http)};
  bnc_job_queue_counts(&serve->queue, &now.queue, &now.running);
  bnc_metrics_put(&serve->metrics, &now, &body);
  bnc_serve_reply(serve, connection, path, 200, "text/plain; version=0.0.4; charset=utf-8", NULL, &body);
  bnc_byte_buffer_free(&body);
}

/* The list of models, or its one element. */
static void put_models(bnc_serve *serve, bnc_http_connection *connection, const char *path) {
  const bool one = is_model(serve, path);
  bnc_byte_buffer body = {0};
  yyjson_mut_doc *d = yyjson_mut_doc_new(NULL);
  yyjson_mut_val *root = yyjson_mut_obj(d), *model = root;
  yyjson_mut_doc_set_root(d, root);
  if (!one) {
    yyjson_mut_obj_add_str(d, root, "object", "list");
    model = yyjson_mut_arr_add_obj(d, yyjson_mut_obj_add_arr(d, root, "data"));
  }
  yyjson_mut_obj_add_str(d, model, "id", serve->model);
  yyjson_mut_obj_add_str(d, model, "object", "model");
  yyjson_mut_obj_add_int(d, model, "created", serve->created);
  yyjson_mut_obj_add_str(d, model, "owned_by", "binocle");
  yyjson_mut_val *ours = yyjson_mut_obj_add_obj(d, model, "binocle");
  yyjson_mut_obj_add_uint(d, ours, "context", serve->work.info.context);
  yyjson_mut_obj_add_uint(d, ours, "max_tokens", serve->limits.max_tokens);
  yyjson_mut_obj_add_bool(d, ours, "vision", serve->limits.vision);
  yyjson_mut_obj_add_uint(d, ours, "input_side", serve->work.info.input_side);
  yyjson_mut_obj_add_uint(d, ours, "image_rows", serve->work.info.image_rows);
  yyjson_mut_val *tiles = yyjson_mut_obj_add_arr(d, ours, "tiles");
  for (size_t i = 0; i < serve->tiles.tiles; i++) yyjson_mut_arr_add_str(d, tiles, serve->tiles.name[i]);
  yyjson_mut_obj_add_uint(d, ours, "threads", serve->threads);
  yyjson_mut_obj_add_str(d, ours, "cpu_level", serve->cpu_level);
  bnc_json_put(d, false, &body);
  bnc_serve_reply(serve, connection, path, 200, "application/json", NULL, &body);
  bnc_byte_buffer_free(&body);
}

/* The page with a number of this one reply in its scripts and styles: what else gets into the page does not run. */
static bool fill_page(bnc_byte_buffer *page, const char *nonce) {
  static const char mark[] = "{nonce}";
  const char *at = (const char *)bnc_browser_page_html, *found;
  while ((found = strstr(at, mark)) != NULL) {
    bnc_byte_buffer_add(page, at, (size_t)(found - at));
    bnc_byte_buffer_text(page, nonce);
    at = found + sizeof mark - 1;
  }
  bnc_byte_buffer_text(page, at);
  return !page->failed;
}

static void put_page(bnc_serve *serve, bnc_http_connection *connection, const char *path) {
  uint64_t random[2];
  char nonce[40], fields[512];
  bnc_byte_buffer page = {0};
  const bool drawn = getrandom(random, sizeof random, 0) == (ssize_t)sizeof random;
  snprintf(nonce, sizeof nonce, "%016" PRIx64 "%016" PRIx64, random[0], random[1]);
  /* Nothing but what is in the page, and this server. */
  snprintf(fields, sizeof fields,
           "Content-Security-Policy: default-src 'none'; script-src 'nonce-%s'; style-src 'nonce-%s'; img-src data: blob:; "
           "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n"
           "Referrer-Policy: no-referrer\r\nCache-Control: no-store\r\n",
           nonce, nonce);
  if (drawn && fill_page(&page, nonce)) {
    bnc_serve_reply(serve, connection, path, 200, "text/html; charset=utf-8", fields, &page);
  } else {
    bnc_api_error error;
    bnc_api_fail(&error, 503, NULL, NULL, "out of memory");
    bnc_serve_refuse(serve, connection, path, &error, NULL);
  }
  bnc_byte_buffer_free(&page);
}

static void on_request(void *user, bnc_http_connection *connection, bnc_http_request *request) {
  bnc_serve *serve = user;
  char path[BNC_HTTP_TARGET + 1];
  path_of(request, path);
  switch (find_route(serve, path)) {
    case PAGE: put_page(serve, connection, path); break;
    case HEALTH: put_health(serve, connection, path); break;
    case METRICS: put_metrics(serve, connection, path); break;
    case MODELS: put_models(serve, connection, path); break;
    default: bnc_jobs_submit(serve, connection, request);
  }
}

static void on_broken(void *user, bnc_http_connection *connection, int status, const char *why) {
  bnc_api_error error;
  bnc_api_fail(&error, status, NULL, NULL, "%s", why);
  bnc_serve_refuse(user, connection, "other", &error, status == 503 ? "Retry-After: 1\r\n" : NULL);
}

static void on_gone(void *user, bnc_http_connection *connection) {
  bnc_job *job = *bnc_http_connection_slot(connection);
  if (job) bnc_jobs_drop(job, user);
}

static void on_turn(void *user) { bnc_jobs_pump(user); }

bnc_http_handler bnc_routes(bnc_serve *serve) {
  return (bnc_http_handler){.user = serve, .head = on_head, .request = on_request, .broken = on_broken, .gone = on_gone, .turn = on_turn};
}
