/* SPDX-License-Identifier: Apache-2.0 */
/* Replies of a connection: status line, fields, and a body at once or in chunks. */
#include <string.h>
#include <sys/epoll.h>

#include "runtime/program/progress.h"
#include "runtime/program/serve/http_private.h"

static const char *name_of(int status) {
  static const struct {
    int status;
    const char *name;
  } names[] = {{200, "OK"},
               {400, "Bad Request"},
               {401, "Unauthorized"},
               {403, "Forbidden"},
               {404, "Not Found"},
               {405, "Method Not Allowed"},
               {408, "Request Timeout"},
               {413, "Content Too Large"},
               {414, "URI Too Long"},
               {415, "Unsupported Media Type"},
               {417, "Expectation Failed"},
               {429, "Too Many Requests"},
               {431, "Request Header Fields Too Large"},
               {500, "Internal Server Error"},
               {503, "Service Unavailable"},
               {505, "HTTP Version Not Supported"}};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (names[i].status == status) return names[i].name;
  return "Unknown";
}

void **bnc_http_connection_slot(bnc_http_connection *connection) { return &connection->slot; }

uint64_t bnc_http_connection_client(const bnc_http_connection *connection) { return connection->client; }

void bnc_http_connection_add_fields(bnc_http_connection *connection, const char *fields) { connection->fields = fields; }

static void put_head(bnc_http_connection *c, int status, const char *type, const char *fields) {
  bnc_byte_buffer_print(&c->out, "HTTP/1.1 %d %s\r\nServer: binocle\r\nContent-Type: %s\r\nX-Content-Type-Options: nosniff\r\n", status,
                        name_of(status), type);
  if (fields) bnc_byte_buffer_text(&c->out, fields);
  if (c->fields) bnc_byte_buffer_text(&c->out, c->fields);
  if (c->closes) bnc_byte_buffer_text(&c->out, "Connection: close\r\n");
}

/* The handler is done with the request: from now on its client cannot go away from it. */
static void complete(bnc_http_connection *c) {
  c->state = BNC_HTTP_SENDING;
  c->slot = NULL;
  c->deadline = bnc_seconds() + 3 * c->server->limits.seconds;
}

void bnc_http_reply(bnc_http_connection *c, int status, const char *type, const char *fields, const char *body, size_t length) {
  put_head(c, status, type, fields);
  bnc_byte_buffer_print(&c->out, "Content-Length: %zu\r\n\r\n", length);
  if (strcmp(bnc_http_parser_request(c->parser)->method, "HEAD") != 0) bnc_byte_buffer_add(&c->out, body, length);
  complete(c);
}

void bnc_http_stream_begin(bnc_http_connection *c, const char *type) {
  c->chunked = !bnc_http_parser_request(c->parser)->old;
  if (!c->chunked) c->closes = true;
  put_head(c, 200, type, "Cache-Control: no-store\r\n");
  bnc_byte_buffer_text(&c->out, c->chunked ? "Transfer-Encoding: chunked\r\n\r\n" : "\r\n");
  c->deadline = bnc_seconds() + 3 * c->server->limits.seconds;
}

void bnc_http_stream_add(bnc_http_connection *c, const char *bytes, size_t length) {
  if (length == 0) return; /* an empty chunk would be the last */
  if (c->sent == c->out.length) c->deadline = bnc_seconds() + 3 * c->server->limits.seconds;
  if (c->chunked) bnc_byte_buffer_print(&c->out, "%zx\r\n", length);
  bnc_byte_buffer_add(&c->out, bytes, length);
  if (c->chunked) bnc_byte_buffer_text(&c->out, "\r\n");
}

void bnc_http_stream_end(bnc_http_connection *c) {
  if (c->chunked) bnc_byte_buffer_text(&c->out, "0\r\n\r\n");
  complete(c);
}

void bnc_http_abort(bnc_http_connection *c) { c->out.failed = true; }
