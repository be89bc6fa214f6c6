/* SPDX-License-Identifier: Apache-2.0 */
/** @file http_private.h  The inside of http_server: the loop, and one connection of it. */
#ifndef BINOCLE_RUNTIME_PROGRAM_SERVE_HTTP_PRIVATE_H
#define BINOCLE_RUNTIME_PROGRAM_SERVE_HTTP_PRIVATE_H

#include "runtime/program/serve/http_server.h"

typedef enum bnc_http_state {
  BNC_HTTP_READING,   /* a request, or waiting for one */
  BNC_HTTP_ANSWERING, /* the handler has the request */
  BNC_HTTP_SENDING,   /* the reply is complete, not all of it sent */
  BNC_HTTP_DRAINING   /* all is said; what the client still sends is dropped, so that it reads the reply before the connection breaks */
} bnc_http_state;

struct bnc_http_connection {
  bnc_http_server *server;
  bnc_http_connection *next; /* of the server's list */
  int fd;                    /* -1: closed, to be freed at the end of the turn */
  uint32_t events;           /* that epoll watches */
  bnc_http_state state;
  bnc_http_parser *parser;
  bnc_byte_buffer in; /* came already and belongs to the next request */
  bnc_byte_buffer out;
  size_t sent;    /* bytes of out */
  size_t counted; /* of the server's bodies, for this one */
  bool headed, chunked, closes, dead;
  double deadline; /* bnc_seconds() */
  uint64_t client;
  void *slot;
  const char *fields; /* of the reply to the request at hand, besides those that come with it */
};

struct bnc_http_server {
  int listener, queue, wake; /* descriptors: the socket, epoll, an eventfd */
  bool listening, refusing;
  bnc_http_limits limits;
  bnc_http_handler handler;
  bnc_http_connection *connections;
  size_t count, bodies;
};

/** NULL: out of memory; fd stays the caller's. */
bnc_http_connection *bnc_http_connection_create(bnc_http_server *server, int fd, uint64_t client);
/** Something happened on its socket: EPOLL... bits. */
void bnc_http_connection_event(bnc_http_connection *connection, uint32_t events);
/** Sends what is to be sent, watches what is to be watched. */
void bnc_http_connection_settle(bnc_http_connection *connection);
/** Tells the handler where it still has the request, and closes. */
void bnc_http_connection_close(bnc_http_connection *connection);
void bnc_http_connection_free(bnc_http_connection *connection);

#endif
