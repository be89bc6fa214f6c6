/* SPDX-License-Identifier: Apache-2.0 */
/* The loop over all connections. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/program/progress.h"
#include "runtime/program/serve/http_private.h"

#define EVENTS 64
#define TURN_MS 250

static bool watch(bnc_http_server *s, int fd, void *what) {
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = what};
  return epoll_ctl(s->queue, EPOLL_CTL_ADD, fd, &event) == 0;
}

bnc_http_server *bnc_http_server_create(int listener, const bnc_http_limits *limits, const bnc_http_handler *handler) {
  bnc_http_server *s = calloc(1, sizeof *s);
  if (!s) return NULL;
  *s = (bnc_http_server){.listener = listener, .limits = *limits, .handler = *handler, .listening = true};
  s->queue = epoll_create1(EPOLL_CLOEXEC);
  s->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (s->queue >= 0 && s->wake >= 0 && watch(s, s->wake, &s->wake) && watch(s, listener, &s->listener)) return s;
  const int problem = errno;
  s->listener = -1; /* it stays the caller's */
  bnc_http_server_destroy(s);
  errno = problem;
  return NULL;
}

void bnc_http_server_destroy(bnc_http_server *s) {
  if (!s) return;
  while (s->connections) {
    bnc_http_connection *c = s->connections;
    s->connections = c->next;
    bnc_http_connection_close(c);
    bnc_http_connection_free(c);
  }
  if (s->listener >= 0) close(s->listener);
  if (s->queue >= 0) close(s->queue);
  if (s->wake >= 0) close(s->wake);
  free(s);
}

static void listen_on(bnc_http_server *s, bool listening) {
  if (s->listening == listening || s->listener < 0) return;
  s->listening = listening;
  if (listening)
    watch(s, s->listener, &s->listener);
  else
    epoll_ctl(s->queue, EPOLL_CTL_DEL, s->listener, NULL);
}

/* Whose turn a request takes: clients of this machine, behind a proxy or by hand, are told apart by connection alone. */
static uint64_t client_of(const struct sockaddr_storage *address, int fd) {
  static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
  uint8_t bytes[16] = {0};
  if (address->ss_family == AF_INET) {
    memcpy(bytes, mapped, 12);
    memcpy(bytes + 12, &((const struct sockaddr_in *)address)->sin_addr, 4);
  } else if (address->ss_family == AF_INET6) {
    memcpy(bytes, &((const struct sockaddr_in6 *)address)->sin6_addr, 16);
  }
  const bool local = memcmp(bytes, mapped, 12) == 0 ? bytes[12] == 127 : memcmp(bytes, (const uint8_t[15]){0}, 15) == 0;
  uint64_t hash = 14695981039346656037u; /* FNV-1a */
  for (size_t i = 0; i < sizeof bytes; i++) hash = (hash ^ bytes[i]) * 1099511628211u;
  return local ? (uint64_t)fd : hash | UINT64_C(1) << 63;
}

static void accept_all(bnc_http_server *s) {
  while (s->count < s->limits.connections) {
    struct sockaddr_storage address = {0};
    socklen_t length = sizeof address;
    const int fd = accept4(s->listener, (struct sockaddr *)&address, &length, SOCK_NONBLOCK | SOCK_CLOEXEC), yes = 1;
    if (fd < 0 && (errno == EINTR || errno == ECONNABORTED)) continue;
    if (fd < 0) {
      if (errno != EAGAIN && errno != EWOULDBLOCK) listen_on(s, false); /* no descriptors: the next turn tries again */
      return;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes); /* each token goes out at once; other sockets do not know it */
    bnc_http_connection *c = bnc_http_connection_create(s, fd, client_of(&address, fd));
    if (!c) {
      close(fd);
      return;
    }
    c->next = s->connections;
    s->connections = c;
    s->count++;
  }
  listen_on(s, false);
}

/* Who took too long is let go: what is asked by half gets an answer that says so. */
static void let_go(bnc_http_server *s, bnc_http_connection *c) {
  if (c->state == BNC_HTTP_READING && bnc_http_parser_begun(c->parser)) {
    c->state = BNC_HTTP_ANSWERING;
    c->closes = true;
    s->handler.broken(s->handler.user, c, 408, "the request did not come in time");
    bnc_http_connection_settle(c);
  } else if (c->state != BNC_HTTP_ANSWERING || c->sent < c->out.length) {
    bnc_http_connection_close(c);
  }
}

static void sweep(bnc_http_server *s) {
  const double now = bnc_seconds();
  for (bnc_http_connection *c = s->connections; c; c = c->next)
    if (!c->dead && (now > c->deadline || (s->refusing && c->state == BNC_HTTP_READING))) let_go(s, c);
  for (bnc_http_connection **at = &s->connections; *at;) {
    bnc_http_connection *c = *at;
    if (!c->dead) {
      at = &c->next;
      continue;
    }
    *at = c->next;
    bnc_http_connection_free(c);
    s->count--;
  }
  listen_on(s, !s->refusing && s->count < s->limits.connections);
}

bool bnc_http_server_turn(bnc_http_server *s) {
  struct epoll_event events[EVENTS];
  const int count = epoll_wait(s->queue, events, EVENTS, TURN_MS);
  if (count < 0 && errno != EINTR) return false;
  bool knocks = false;
  for (int i = 0; i < count; i++) {
    uint64_t times;
    if (events[i].data.ptr == &s->listener)
      knocks = true;
    else if (events[i].data.ptr != &s->wake)
      bnc_http_connection_event(events[i].data.ptr, events[i].events);
    else if (read(s->wake, &times, sizeof times) < 0 && errno != EAGAIN)
      return false;
  }
  if (knocks && s->listening) accept_all(s);
  s->handler.turn(s->handler.user);
  for (bnc_http_connection *c = s->connections; c; c = c->next) bnc_http_connection_settle(c);
  sweep(s);
  return true;
}

void bnc_http_server_wake(bnc_http_server *s) {
  const uint64_t once = 1;
  if (write(s->wake, &once, sizeof once) < 0) return; /* only where it is about to wake anyhow */
}

void bnc_http_server_refuse(bnc_http_server *s) {
  s->refusing = true;
  listen_on(s, false);
}

size_t bnc_http_server_connections(const bnc_http_server *s) { return s->count; }

size_t bnc_http_server_bytes(const bnc_http_server *s) {
  size_t bytes = s->bodies;
  for (const bnc_http_connection *c = s->connections; c; c = c->next) bytes += c->out.room;
  return bytes;
}
