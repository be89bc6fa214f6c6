/* SPDX-License-Identifier: Apache-2.0 */
/** @file http_request.h  Requests of HTTP/1.0 and 1.1 out of the bytes of a connection, within limits. */
#ifndef BINOCLE_RUNTIME_PROGRAM_SERVE_HTTP_REQUEST_H
#define BINOCLE_RUNTIME_PROGRAM_SERVE_HTTP_REQUEST_H

#include <stdint.h>

#include "runtime/program/serve/byte_buffer.h"

#define BNC_HTTP_HEAD 16384u /* bytes of request line and fields, spaces and line breaks included */
#define BNC_HTTP_TARGET 1024u
#define BNC_HTTP_FIELDS 64u

/** One request. Texts are NUL-terminated and valid until the parser is reset. */
typedef struct bnc_http_request {
  const char *method;     /* "GET" */
  bnc_byte_buffer target; /* path and query as they were sent */
  bnc_byte_buffer fields; /* name NUL value NUL ..., names in lower case */
  bnc_byte_buffer body;
  uint64_t content_length; /* as announced; 0 where it comes in chunks */
  bool old;                /* HTTP/1.0 */
  bool keep_alive;         /* the client wants to ask more on this connection */
  bool continues;          /* it waits for "100 Continue" before it sends the body */
} bnc_http_request;

typedef struct bnc_http_parser bnc_http_parser;

typedef enum bnc_http_progress {
  BNC_HTTP_MORE,     /* more bytes are needed */
  BNC_HTTP_HEADED,   /* the head is complete; told once per request: parse on for the body */
  BNC_HTTP_COMPLETE, /* so is the body; what follows belongs to the next request */
  BNC_HTTP_BROKEN    /* it cannot be read: bnc_http_parser_status, and no more bytes */
} bnc_http_progress;

/** body: bytes that a request's may have. NULL: out of memory. */
bnc_http_parser *bnc_http_parser_create(size_t body);
void bnc_http_parser_destroy(bnc_http_parser *parser);
/** Reads on; *used: how many of the bytes, all unless it stops at HEADED or COMPLETE. */
bnc_http_progress bnc_http_parser_read(bnc_http_parser *parser, const char *bytes, size_t count, size_t *used);
/** true where bytes of a request have come that is not complete. */
bool bnc_http_parser_begun(const bnc_http_parser *parser);
/** The status that answers what is broken, and why. */
int bnc_http_parser_status(const bnc_http_parser *parser, const char **why);
/** The request that was read; the caller may take its body away. */
bnc_http_request *bnc_http_parser_request(bnc_http_parser *parser);
/** For the next request of the connection. */
void bnc_http_parser_reset(bnc_http_parser *parser);

/** A field's value, or NULL. Name in lower case. A field that counts once and came twice broke the request. */
const char *bnc_http_field(const bnc_http_request *request, const char *name);

#endif
