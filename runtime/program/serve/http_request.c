/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/program/serve/http_request.h"

#include <ctype.h>
#include <llhttp.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct bnc_http_parser {
  llhttp_t machine;
  llhttp_settings_t callbacks;
  bnc_http_request request;
  size_t body_limit, head_bytes, fields, name_at; /* name_at: where the field's name begins that is being read */
  bool begun, headed, complete;
  int status; /* of what is broken; 0: not said yet */
  const char *why;
};

static int refuse(bnc_http_parser *p, int status, const char *why) {
  p->status = status;
  p->why = why;
  return HPE_USER;
}

static bnc_http_parser *parser_of(llhttp_t *machine) { return machine->data; }

static int on_begin(llhttp_t *machine) {
  parser_of(machine)->begun = true;
  return HPE_OK;
}

static int on_url(llhttp_t *machine, const char *at, size_t length) {
  bnc_http_parser *p = parser_of(machine);
  if (length > BNC_HTTP_TARGET - p->request.target.length) return refuse(p, 414, "the address is too long");
  bnc_byte_buffer_add(&p->request.target, at, length);
  return HPE_OK;
}

static int on_name(llhttp_t *machine, const char *at, size_t length) {
  bnc_http_parser *p = parser_of(machine);
  for (size_t i = 0; i < length; i++) {
    const char lower = (char)tolower((unsigned char)at[i]);
    bnc_byte_buffer_add(&p->request.fields, &lower, 1);
  }
  return HPE_OK;
}

static int on_name_end(llhttp_t *machine) {
  static const char *const once[] = {"host", "authorization", "content-type", "origin", "expect"};
  bnc_http_parser *p = parser_of(machine);
  bnc_byte_buffer *fields = &p->request.fields;
  bnc_byte_buffer_add(fields, "", 1);
  if (fields->failed) return refuse(p, 503, "out of memory");
  if (++p->fields > BNC_HTTP_FIELDS) return refuse(p, 431, "too many fields");
  const char *name = fields->data + p->name_at;
  const size_t all = fields->length;
  fields->length = p->name_at; /* only those before it are looked at */
  for (size_t i = 0; i < sizeof once / sizeof *once; i++)
    if (strcmp(name, once[i]) == 0 && bnc_http_field(&p->request, name)) return refuse(p, 400, "a field that counts once came twice");
  fields->length = all;
  return HPE_OK;
}

static int on_value(llhttp_t *machine, const char *at, size_t length) {
  bnc_byte_buffer_add(&parser_of(machine)->request.fields, at, length);
  return HPE_OK;
}

static int on_value_end(llhttp_t *machine) {
  bnc_http_parser *p = parser_of(machine);
  bnc_byte_buffer_add(&p->request.fields, "", 1);
  p->name_at = p->request.fields.length;
  return HPE_OK;
}

static int on_headed(llhttp_t *machine) {
  bnc_http_parser *p = parser_of(machine);
  bnc_http_request *r = &p->request;
  const char *expected = bnc_http_field(r, "expect");
  if (r->fields.failed || r->target.failed) return refuse(p, 503, "out of memory");
  if (llhttp_get_http_major(machine) != 1) return refuse(p, 505, "expected HTTP/1.1");
  if (machine->upgrade) return refuse(p, 400, "no other protocol is spoken here");
  r->method = llhttp_method_name((llhttp_method_t)llhttp_get_method(machine));
  r->old = llhttp_get_http_minor(machine) == 0;
  r->keep_alive = llhttp_should_keep_alive(machine) != 0;
  r->content_length = machine->content_length;
  r->continues = expected && strcasecmp(expected, "100-continue") == 0;
  if (expected && !r->continues) return refuse(p, 417, "expected no expectation but 100-continue");
  if (!r->old && !bnc_http_field(r, "host")) return refuse(p, 400, "the field Host is missing");
  if (r->content_length > p->body_limit) return refuse(p, 413, "the body is larger than this server takes (--max-body)");
  p->headed = true;
  return HPE_PAUSED;
}

static int on_body(llhttp_t *machine, const char *at, size_t length) {
  bnc_http_parser *p = parser_of(machine);
  bnc_byte_buffer *body = &p->request.body;
  if (length > p->body_limit - body->length) return refuse(p, 413, "the body is larger than this server takes (--max-body)");
  bnc_byte_buffer_add(body, at, length);
  return body->failed ? refuse(p, 503, "out of memory") : HPE_OK;
}

static int on_complete(llhttp_t *machine) {
  parser_of(machine)->complete = true;
  return HPE_PAUSED;
}

bnc_http_parser *bnc_http_parser_create(size_t body) {
  bnc_http_parser *p = calloc(1, sizeof *p);
  if (!p) return NULL;
  p->body_limit = body;
  p->request.method = "GET";
  llhttp_settings_init(&p->callbacks);
  p->callbacks.on_message_begin = on_begin;
  p->callbacks.on_url = on_url;
  p->callbacks.on_header_field = on_name;
  p->callbacks.on_header_field_complete = on_name_end;
  p->callbacks.on_header_value = on_value;
  p->callbacks.on_header_value_complete = on_value_end;
  p->callbacks.on_headers_complete = on_headed;
  p->callbacks.on_body = on_body;
  p->callbacks.on_message_complete = on_complete;
  llhttp_init(&p->machine, HTTP_REQUEST, &p->callbacks);
  p->machine.data = p;
  return p;
}

static void forget(bnc_http_parser *p) {
  bnc_byte_buffer_free(&p->request.target);
  bnc_byte_buffer_free(&p->request.fields);
  bnc_byte_buffer_free(&p->request.body);
  p->request = (bnc_http_request){.method = "GET"};
}

void bnc_http_parser_destroy(bnc_http_parser *parser) {
  if (!parser) return;
  forget(parser);
  free(parser);
}

void bnc_http_parser_reset(bnc_http_parser *p) {
  forget(p);
  p->head_bytes = p->fields = p->name_at = 0;
  p->begun = p->headed = p->complete = false;
  llhttp_init(&p->machine, HTTP_REQUEST, &p->callbacks);
  p->machine.data = p;
}

/* Trailing fields of a chunked body count too. */
static bool head_fits(bnc_http_parser *p, size_t used) {
  if (p->headed && p->request.fields.length <= BNC_HTTP_HEAD) return true;
  if (!p->headed) p->head_bytes += used;
  if (p->head_bytes <= BNC_HTTP_HEAD && p->request.fields.length <= BNC_HTTP_HEAD) return true;
  refuse(p, 431, "the fields are larger than this server takes");
  return false;
}

bnc_http_progress bnc_http_parser_read(bnc_http_parser *p, const char *bytes, size_t count, size_t *used) {
  *used = 0;
  if (p->status) return BNC_HTTP_BROKEN;
  const bool was_headed = p->headed;
  /* A head is read in small steps, so that one without end is never held. */
  const size_t most = was_headed || count < BNC_HTTP_HEAD + 1 ? count : BNC_HTTP_HEAD + 1;
  if (was_headed && llhttp_get_errno(&p->machine) == HPE_PAUSED) llhttp_resume(&p->machine);
  const llhttp_errno_t problem = llhttp_execute(&p->machine, bytes, most);
  *used = problem == HPE_OK ? most : (size_t)(llhttp_get_error_pos(&p->machine) - bytes);
  if (p->status) return BNC_HTTP_BROKEN;
  if (problem != HPE_OK && problem != HPE_PAUSED) {
    refuse(p, problem == HPE_INVALID_VERSION ? 505 : 400, llhttp_get_error_reason(&p->machine));
    return BNC_HTTP_BROKEN;
  }
  if (!was_headed && !head_fits(p, *used)) return BNC_HTTP_BROKEN;
  if (was_headed && !head_fits(p, 0)) return BNC_HTTP_BROKEN;
  if (p->complete) return BNC_HTTP_COMPLETE;
  return p->headed && !was_headed ? BNC_HTTP_HEADED : BNC_HTTP_MORE;
}

bool bnc_http_parser_begun(const bnc_http_parser *parser) { return parser->begun && !parser->complete; }

int bnc_http_parser_status(const bnc_http_parser *parser, const char **why) {
  *why = parser->why && parser->why[0] ? parser->why : "the request is no HTTP";
  return parser->status;
}

bnc_http_request *bnc_http_parser_request(bnc_http_parser *parser) { return &parser->request; }

const char *bnc_http_field(const bnc_http_request *request, const char *name) {
  const char *at = request->fields.data, *end = at ? at + request->fields.length : NULL;
  while (at && at < end) {
    const char *value = at + strlen(at) + 1;
    if (value >= end) return NULL;
    if (strcmp(at, name) == 0) return value;
    at = value + strlen(value) + 1;
  }
  return NULL;
}
