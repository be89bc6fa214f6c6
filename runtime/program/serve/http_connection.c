/* SPDX-License-Identifier: Apache-2.0 */
/* One connection: bytes into requests, replies into bytes, and how long each may take. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/program/progress.h"
#include "runtime/program/serve/http_private.h"

#define STEP 65536            /* bytes read at once */
#define SLOWEST (64.0 * 1024) /* bytes of a body per second */
#define LINGER 2.0            /* seconds to read a reply that ends a connection */

static void set_deadline(bnc_http_connection *c, double seconds) { c->deadline = bnc_seconds() + seconds; }

bnc_http_connection *bnc_http_connection_create(bnc_http_server *server, int fd, uint64_t client) {
  bnc_http_connection *c = calloc(1, sizeof *c);
  if (!c) return NULL;
  *c = (bnc_http_connection){.server = server, .fd = fd, .client = client, .parser = bnc_http_parser_create(server->limits.body)};
  struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP, .data.ptr = c};
  if (!c->parser || epoll_ctl(server->queue, EPOLL_CTL_ADD, fd, &event) != 0) {
    bnc_http_parser_destroy(c->parser);
    free(c);
    return NULL;
  }
  c->events = event.events;
  set_deadline(c, server->limits.seconds);
  return c;
}

/* The server counts what bodies take in all, so that many at once cannot take all memory. */
static void count_body(bnc_http_connection *c, size_t bytes) {
  c->server->bodies += bytes - c->counted;
  c->counted = bytes;
}

void bnc_http_connection_free(bnc_http_connection *c) {
  bnc_http_parser_destroy(c->parser);
  bnc_byte_buffer_free(&c->in);
  bnc_byte_buffer_free(&c->out);
  free(c);
}

void bnc_http_connection_close(bnc_http_connection *c) {
  if (c->dead) return;
  c->dead = true;
  count_body(c, 0);
  if (c->state == BNC_HTTP_ANSWERING) c->server->handler.gone(c->server->handler.user, c);
  close(c->fd);
  c->fd = -1;
}

static void next_request(bnc_http_connection *c) {
  bnc_http_parser_reset(c->parser);
  c->state = BNC_HTTP_READING;
  c->headed = false;
  c->fields = NULL;
  set_deadline(c, 6 * c->server->limits.seconds); /* it may think about its next question */
}

static void refuse_broken(bnc_http_connection *c, int status, const char *why) {
  bnc_http_server *s = c->server;
  c->closes = true;
  c->state = BNC_HTTP_ANSWERING;
  s->handler.broken(s->handler.user, c, status, why);
}

/* The head is complete. false: a reply was begun. */
static bool begin_body(bnc_http_connection *c) {
  bnc_http_server *s = c->server;
  const bnc_http_request *r = bnc_http_parser_request(c->parser);
  c->headed = true;
  c->closes = c->closes || !r->keep_alive || s->refusing;
  const bool closes = c->closes;
  /* A refused body is not read, so nothing can follow it. */
  c->closes = closes || r->content_length || bnc_http_field(r, "transfer-encoding");
  c->state = BNC_HTTP_ANSWERING;
  if (!s->handler.head(s->handler.user, c, r)) return false;
  c->closes = closes;
  c->state = BNC_HTTP_READING;
  set_deadline(c, s->limits.seconds + (double)r->content_length / SLOWEST);
  if (r->continues && r->content_length) bnc_byte_buffer_text(&c->out, "HTTP/1.1 100 Continue\r\n\r\n");
  return true;
}

/* As far as bytes reach; *used of them. false: no more are wanted now. */
static bool parse(bnc_http_connection *c, const char *bytes, size_t count, size_t *used) {
  bnc_http_server *s = c->server;
  const bool begun = bnc_http_parser_begun(c->parser);
  const char *why;
  const bnc_http_progress progress = bnc_http_parser_read(c->parser, bytes, count, used);
  bnc_http_request *r = bnc_http_parser_request(c->parser);
  count_body(c, r->body.room);
  if (!begun && bnc_http_parser_begun(c->parser)) set_deadline(c, s->limits.seconds);
  switch (progress) {
    case BNC_HTTP_BROKEN: {
      const int status = bnc_http_parser_status(c->parser, &why);
      refuse_broken(c, status, why);
      return false;
    }
    case BNC_HTTP_HEADED: return begin_body(c);
    case BNC_HTTP_COMPLETE:
      c->state = BNC_HTTP_ANSWERING;
      s->handler.request(s->handler.user, c, r);
      count_body(c, 0);
      return false;
    case BNC_HTTP_MORE: break;
  }
  if (s->bodies <= s->limits.bodies) return true;
  refuse_broken(c, 503, "too many large requests at once");
  return false;
}

/* Requests out of what has come already. */
static void parse_waiting(bnc_http_connection *c) {
  size_t done = 0, used;
  bool more = true;
  while (!c->dead && c->state == BNC_HTTP_READING && more && (done < c->in.length || c->headed)) {
    const bool was_headed = c->headed;
    more = parse(c, c->in.data ? c->in.data + done : "", c->in.length - done, &used) && (used || !was_headed);
    done += used;
  }
  bnc_byte_buffer_drop(&c->in, done);
  if (c->in.length == 0) bnc_byte_buffer_free(&c->in);
}

static void read_some(bnc_http_connection *c) {
  char bytes[STEP];
  const ssize_t n = recv(c->fd, bytes, sizeof bytes, 0);
  if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return;
  if (n <= 0) {
    bnc_http_connection_close(c);
    return;
  }
  if (c->state == BNC_HTTP_DRAINING) return;
  bnc_byte_buffer_add(&c->in, bytes, (size_t)n);
  if (c->in.failed)
    bnc_http_connection_close(c);
  else
    parse_waiting(c);
}

/* The reply is out: another request, or the end. */
static void finish(bnc_http_connection *c) {
  bnc_byte_buffer_free(&c->out);
  c->sent = 0;
  if (c->state != BNC_HTTP_SENDING) return;
  if (!c->closes && !c->server->refusing) {
    next_request(c);
    parse_waiting(c);
    return;
  }
  shutdown(c->fd, SHUT_WR);
  c->state = BNC_HTTP_DRAINING;
  bnc_byte_buffer_free(&c->in);
  set_deadline(c, LINGER);
}

static void send_some(bnc_http_connection *c) {
  while (!c->dead && c->sent < c->out.length) {
    const ssize_t n = send(c->fd, c->out.data + c->sent, c->out.length - c->sent, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
    if (n < 0) {
      bnc_http_connection_close(c);
      return;
    }
    c->sent += (size_t)n;
    if (c->state != BNC_HTTP_READING) set_deadline(c, 3 * c->server->limits.seconds);
  }
  if (!c->dead) finish(c);
}

void bnc_http_connection_settle(bnc_http_connection *c) {
  if (!c->dead && c->out.failed) bnc_http_connection_close(c); /* a reply with a hole is none */
  /* A finished reply may bring the next request, and that its reply. */
  while (!c->dead && (c->sent < c->out.length || c->state == BNC_HTTP_SENDING)) {
    const size_t before = c->sent;
    send_some(c);
    if (!c->dead && c->sent < c->out.length && c->sent == before) break;
  }
  if (c->dead) return;
  const bool reads = c->state == BNC_HTTP_READING || c->state == BNC_HTTP_DRAINING;
  const uint32_t events = (reads ? EPOLLIN : 0) | (c->sent < c->out.length ? EPOLLOUT : 0) | EPOLLRDHUP;
  if (events == c->events) return;
  struct epoll_event event = {.events = events, .data.ptr = c};
  c->events = events;
  if (epoll_ctl(c->server->queue, EPOLL_CTL_MOD, c->fd, &event) != 0) bnc_http_connection_close(c);
}

void bnc_http_connection_event(bnc_http_connection *c, uint32_t events) {
  const bool reads = c->state == BNC_HTTP_READING || c->state == BNC_HTTP_DRAINING;
  /* Who closes its half while we answer has gone; while it asks, reading finds the end behind the last byte. */
  if (!c->dead && ((events & (EPOLLHUP | EPOLLERR)) || (!reads && (events & EPOLLRDHUP)))) bnc_http_connection_close(c);
  if (!c->dead && reads && (events & (EPOLLIN | EPOLLRDHUP))) read_some(c);
  if (!c->dead) bnc_http_connection_settle(c);
}
