/* SPDX-License-Identifier: Apache-2.0 */
/* The input is what a client sends on one connection. However it is cut into pieces, the same requests are read, and the same end. */
#include <stdlib.h>
#include <string.h>

#include "runtime/program/serve/http_request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define BODY 512

static void require(bool condition) {
  if (!condition) abort();
}

/* What came out of a request, for comparing. */
static void note(bnc_byte_buffer *out, bnc_http_request *r) {
  require(r->target.length <= BNC_HTTP_TARGET && r->body.length <= BODY && r->content_length <= BODY);
  bnc_byte_buffer_print(out, "%s %s %d%d%d %llu\n", r->method, r->target.data ? r->target.data : "", r->old, r->keep_alive, r->continues,
                        (unsigned long long)r->content_length);
  bnc_byte_buffer_add(out, r->fields.data, r->fields.length);
  bnc_byte_buffer_add(out, r->body.data, r->body.length);
  const char *host = bnc_http_field(r, "host"), *none = bnc_http_field(r, "no-such-field");
  bnc_byte_buffer_print(out, "\n%s%s\n", host ? host : "-", none ? none : "-");
}

/* Reads in pieces of `step` bytes, until it is broken or all is read. */
static void read_all(const char *bytes, size_t size, size_t step, bnc_byte_buffer *out) {
  bnc_http_parser *parser = bnc_http_parser_create(BODY);
  require(parser != NULL);
  bnc_http_progress progress = BNC_HTTP_MORE;
  for (size_t at = 0; progress != BNC_HTTP_BROKEN && (at < size || progress == BNC_HTTP_HEADED);) {
    const size_t count = size - at < step ? size - at : step;
    size_t used;
    progress = bnc_http_parser_read(parser, bytes + at, count, &used);
    require(used <= count && (used > 0 || progress != BNC_HTTP_MORE || count == 0));
    at += used;
    if (progress == BNC_HTTP_COMPLETE) {
      note(out, bnc_http_parser_request(parser));
      bnc_http_parser_reset(parser);
    }
  }
  if (progress == BNC_HTTP_BROKEN) {
    const char *why;
    const int status = bnc_http_parser_status(parser, &why);
    require(status >= 400 && status < 600 && why[0]);
    bnc_byte_buffer_print(out, "broken\n");
  }
  bnc_http_parser_destroy(parser);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  bnc_byte_buffer whole = {0}, pieces = {0};
  read_all((const char *)data, size, size + 1, &whole);
  read_all((const char *)data, size, 1, &pieces);
  require(!whole.failed && whole.length == pieces.length && (whole.length == 0 || memcmp(whole.data, pieces.data, whole.length) == 0));
  bnc_byte_buffer_free(&whole);
  bnc_byte_buffer_free(&pieces);
  return 0;
}
