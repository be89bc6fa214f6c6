/* SPDX-License-Identifier: Apache-2.0 */
/* A chat request as a form: `request` is its JSON, or `prompt` the question and other fields what goes with it; `image`, as often as
 * wanted, a picture for the last question.
 */
#include <stdlib.h>
#include <string.h>

#include "runtime/program/nearest.h"
#include "runtime/program/serve/byte_buffer.h"
#include "runtime/program/serve/chat_private.h"
#include "runtime/program/serve/form_data.h"

#define FIELD_BYTES 65536 /* of what is neither JSON nor a message */

typedef enum field_kind { REQUEST, MESSAGE, TEXT, VALUE, OUR_TEXT, OUR_LIST } field_kind;

/* A message's role, or the member that it becomes. Messages stand in the order in which they are said. */
static const struct {
  const char *name, *member;
  field_kind kind;
} fields[] = {{"request", "", REQUEST},
              {"system", "system", MESSAGE},
              {"prompt", "user", MESSAGE},
              {"max_tokens", "max_tokens", VALUE},
              {"temperature", "temperature", VALUE},
              {"top_p", "top_p", VALUE},
              {"top_k", "top_k", VALUE},
              {"seed", "seed", VALUE},
              {"stream", "stream", VALUE},
              {"choice", "choice", OUR_LIST},
              {"regex", "regex", OUR_TEXT},
              {"model", "model", TEXT},
              {"user", "user", TEXT}};
#define FIELDS (sizeof fields / sizeof *fields)
enum { AT_REQUEST = 0, AT_PROMPT = 2 };

typedef struct upload {
  bnc_chat_picture picture[BNC_CHAT_UPLOADS]; /* point into the body */
  size_t pictures;
  bnc_form_part field[FIELDS]; /* data NULL: not given */
} upload;

static bool refuse_name(const char *name, bnc_api_error *error) {
  bnc_nearest nearest = {.typed = name};
  char like[96];
  for (size_t i = 0; i < FIELDS; i++) bnc_nearest_offer(&nearest, fields[i].name);
  bnc_nearest_offer(&nearest, "image");
  return bnc_api_fail(error, 400, "unknown_parameter", name,
                      "there is no '%s'%s; expected prompt or request, image, system, max_tokens, temperature, top_p, top_k, seed, stream, "
                      "choice, regex, model, user; 'request' takes JSON with all the rest",
                      name, bnc_nearest_say(&nearest, "", like));
}

static bool read_parts(upload *u, bnc_form *form, bnc_api_error *error) {
  bnc_form_part part;
  int more;
  while ((more = bnc_form_next(form, &part)) > 0) {
    size_t i = 0;
    while (i < FIELDS && strcmp(part.name, fields[i].name) != 0) i++;
    if (i < FIELDS && u->field[i].data) return bnc_api_fail(error, 400, "invalid_value", part.name, "'%s' is given twice", part.name);
    if (i < FIELDS) {
      u->field[i] = part;
    } else if (strcmp(part.name, "image") != 0) {
      return refuse_name(part.name, error);
    } else if (u->pictures == BNC_CHAT_UPLOADS) {
      return bnc_api_fail(error, 400, "invalid_value", part.name, "more than %d pictures", BNC_CHAT_UPLOADS);
    } else {
      u->picture[u->pictures++] = (bnc_chat_picture){(uint8_t *)(uintptr_t)part.data, part.length};
    }
  }
  if (more < 0) return bnc_api_fail(error, 400, NULL, NULL, "the body is no whole multipart/form-data");
  if (!u->field[AT_PROMPT].data == !u->field[AT_REQUEST].data)
    return bnc_api_fail(error, 400, NULL, NULL, "expected either prompt or request");
  for (size_t i = 0; u->field[AT_REQUEST].data && i < FIELDS; i++)
    if (i != AT_REQUEST && u->field[i].data)
      return bnc_api_fail(error, 400, "invalid_value", fields[i].name, "'%s' stands beside 'request', expected it within that JSON",
                          fields[i].name);
  return true;
}

/* A number, true or false, as it stands in JSON. */
static bool add_value(yyjson_mut_doc *d, yyjson_mut_val *root, const char *name, const bnc_form_part *part, bnc_api_error *error) {
  yyjson_doc *read = yyjson_read(part->data, part->length, YYJSON_READ_NOFLAG);
  yyjson_val *value = yyjson_doc_get_root(read);
  const bool ok = yyjson_is_num(value) || yyjson_is_bool(value);
  if (ok) yyjson_mut_obj_add_val(d, root, name, yyjson_val_mut_copy(d, value));
  yyjson_doc_free(read);
  return ok || bnc_api_fail(error, 400, "invalid_value", name, "'%s' is '%.*s', expected a number, true or false", name,
                            part->length < 40 ? (int)part->length : 40, part->data);
}

/* The list is cut at its commas, as that of --choice is. */
static void add_list(yyjson_mut_doc *d, yyjson_mut_val *list, const bnc_form_part *part) {
  const char *at = part->data, *const end = at + part->length;
  for (;;) {
    const char *comma = memchr(at, ',', (size_t)(end - at));
    yyjson_mut_arr_add_strn(d, list, at, (size_t)((comma ? comma : end) - at));
    if (!comma) return;
    at = comma + 1;
  }
}

/* The request that the fields stand for. */
static bool write_request(const upload *u, bnc_byte_buffer *out, bnc_api_error *error) {
  yyjson_mut_doc *d = yyjson_mut_doc_new(NULL);
  yyjson_mut_val *root = yyjson_mut_obj(d);
  yyjson_mut_doc_set_root(d, root);
  yyjson_mut_val *messages = yyjson_mut_obj_add_arr(d, root, "messages"), *ours = yyjson_mut_obj_add_obj(d, root, "binocle");
  bool ok = true;
  for (size_t i = 0; ok && i < FIELDS; i++) {
    const bnc_form_part *part = &u->field[i];
    const field_kind kind = fields[i].kind;
    const char *member = fields[i].member;
    if (!part->data) continue;
    if (kind != MESSAGE && part->length > FIELD_BYTES) {
      ok = bnc_api_fail(error, 400, "invalid_value", member, "'%s' has %zu bytes, expected at most %d", member, part->length, FIELD_BYTES);
    } else if (kind == MESSAGE) {
      yyjson_mut_val *message = yyjson_mut_arr_add_obj(d, messages);
      yyjson_mut_obj_add_str(d, message, "role", member);
      yyjson_mut_obj_add_strn(d, message, "content", part->data, part->length);
    } else if (kind == VALUE) {
      ok = add_value(d, root, member, part, error);
    } else if (kind == OUR_LIST) {
      add_list(d, yyjson_mut_obj_add_arr(d, ours, member), part);
    } else {
      yyjson_mut_obj_add_strn(d, kind == OUR_TEXT ? ours : root, member, part->data, part->length);
    }
  }
  size_t length;
  char *json = ok ? yyjson_mut_write(d, YYJSON_WRITE_NOFLAG, &length) : NULL; /* NULL also where a text is no UTF-8 */
  if (json) bnc_byte_buffer_add(out, json, length);
  free(json);
  yyjson_mut_doc_free(d);
  if (ok && out->failed) return bnc_api_fail(error, 503, NULL, NULL, "out of memory");
  return ok && (json || bnc_api_fail(error, 400, "invalid_value", "prompt", "a text of the form is no UTF-8"));
}

/* A picture more for the last question, in front of its text. */
static bool add_picture(bnc_chat_request *r, const bnc_chat_limits *limits, const bnc_chat_picture *picture, bnc_api_error *error) {
  static const char param[] = "image", mark[] = "<image>\n";
  const char **question = &r->exchange[r->exchanges - 1].question;
  if (picture->size == 0) return bnc_api_fail(error, 400, "invalid_value", param, "a picture is empty");
  if (!limits->vision) return bnc_api_fail(error, 400, "invalid_value", param, "there is a picture, but this model has no eyes");
  if (r->pictures >= limits->pictures)
    return bnc_api_fail(error, 400, "invalid_value", param, "the conversation has more than %u pictures", limits->pictures);
  bnc_byte_buffer text = {0};
  bnc_byte_buffer_text(&text, mark);
  bnc_byte_buffer_text(&text, *question);
  bnc_chat_picture *grown = realloc(r->picture, (r->pictures + 1) * sizeof *grown);
  uint8_t *bytes = malloc(picture->size + 1);
  if (grown) r->picture = grown;
  if (!grown || !bytes || text.failed) {
    bnc_byte_buffer_free(&text);
    free(bytes);
    return bnc_api_fail(error, 503, NULL, NULL, "out of memory");
  }
  memcpy(bytes, picture->bytes, picture->size);
  r->picture[r->pictures++] = (bnc_chat_picture){bytes, picture->size};
  free((void *)(uintptr_t)*question);
  *question = text.data;
  return true;
}

bool bnc_chat_upload_parse(bnc_chat_request *request, const bnc_chat_limits *limits, const char *content_type, const char *body,
                           size_t length, bnc_api_error *error) {
  upload u = {0};
  bnc_form form;
  bnc_byte_buffer written = {0};
  if (!bnc_form_begin(&form, content_type, body, length))
    return bnc_api_fail(error, 400, NULL, NULL, "the body does not begin with the boundary that its type tells");
  if (!read_parts(&u, &form, error)) return false;
  const bnc_form_part *json = &u.field[AT_REQUEST];
  bool ok = json->data || write_request(&u, &written, error);
  if (ok)
    ok = bnc_chat_request_parse(request, limits, json->data ? json->data : written.data, json->data ? json->length : written.length, error);
  bnc_byte_buffer_free(&written);
  if (!ok) return false;
  /* Which picture stands where could not be told. */
  if (u.pictures && strstr(request->exchange[request->exchanges - 1].question, "<image>"))
    ok = bnc_api_fail(error, 400, "invalid_value", "image", "the last question of 'request' has pictures of its own");
  for (size_t i = 0; ok && i < u.pictures; i++) ok = add_picture(request, limits, &u.picture[i], error);
  if (!ok) bnc_chat_request_free(request);
  return ok;
}
