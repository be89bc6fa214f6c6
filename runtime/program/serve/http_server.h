/* SPDX-License-Identifier: Apache-2.0 */
/** @file http_server.h  Connections on one thread: requests in, replies out, whole or piece by piece; slow and vanished clients are let go.
 */
#ifndef BINOCLE_RUNTIME_PROGRAM_SERVE_HTTP_SERVER_H
#define BINOCLE_RUNTIME_PROGRAM_SERVE_HTTP_SERVER_H

#include "runtime/program/serve/http_request.h"

typedef struct bnc_http_server bnc_http_server;
typedef struct bnc_http_connection bnc_http_connection;

/** All called on the server's thread. */
typedef struct bnc_http_handler {
  void *user;
  /** The head of a request is there. true: go on with its body; else a reply was begun, which ends the connection. */
  bool (*head)(void *user, bnc_http_connection *connection, const bnc_http_request *request);
  /** A request is there: reply to it now or later. Its body may be taken away. */
  void (*request)(void *user, bnc_http_connection *connection, bnc_http_request *request);
  /** What cannot be read is to be answered so. */
  void (*broken)(void *user, bnc_http_connection *connection, int status, const char *why);
  /** The client went away before its reply was complete. The connection is no more afterwards. */
  void (*gone)(void *user, bnc_http_connection *connection);
  /** Once each turn: what has become ready elsewhere may be replied now. */
  void (*turn)(void *user);
} bnc_http_handler;

typedef struct bnc_http_limits {
  size_t connections; /* at once; others wait in the system's queue */
  size_t body;        /* bytes of one request's body */
  size_t bodies;      /* bytes of all bodies that are coming in */
  double seconds;     /* that a client may take for a head; what else takes how long follows from it */
} bnc_http_limits;

/** listener: a listening socket, taken over. NULL: errno says why. */
bnc_http_server *bnc_http_server_create(int listener, const bnc_http_limits *limits, const bnc_http_handler *handler);
void bnc_http_server_destroy(bnc_http_server *server);
/** Waits for something to do, a quarter of a second at most, and does it. false: errno says why. */
bool bnc_http_server_turn(bnc_http_server *server);
/** Ends the wait, from any thread. */
void bnc_http_server_wake(bnc_http_server *server);
/** No new connections, no second request on one. */
void bnc_http_server_refuse(bnc_http_server *server);
size_t bnc_http_server_connections(const bnc_http_server *server);
/** Bytes of bodies that are coming in, and of replies that were not taken yet, on all connections. */
size_t bnc_http_server_bytes(const bnc_http_server *server);

/** What the handler keeps with a connection. */
void **bnc_http_connection_slot(bnc_http_connection *connection);
/** Equal for requests of one client: by its address, or on the same machine by its connection. */
uint64_t bnc_http_connection_client(const bnc_http_connection *connection);

/** Lines of fields that the reply to the request at hand has besides, however it comes. They stay the caller's. */
void bnc_http_connection_add_fields(bnc_http_connection *connection, const char *fields);
/** A whole reply. fields: lines of further fields, each with its \r\n, or NULL. */
void bnc_http_reply(bnc_http_connection *connection, int status, const char *type, const char *fields, const char *body, size_t length);
/** A reply that comes in pieces, until it ends. */
void bnc_http_stream_begin(bnc_http_connection *connection, const char *type);
void bnc_http_stream_add(bnc_http_connection *connection, const char *bytes, size_t length);
void bnc_http_stream_end(bnc_http_connection *connection);
/** The rest of a reply cannot be had: the connection breaks, so that nobody takes the half for the whole. */
void bnc_http_abort(bnc_http_connection *connection);

#endif
