/* SPDX-License-Identifier: Apache-2.0 */
/* A chat request as a form: `prompt` is the question or `request` the JSON, `image`, as often as wanted, a picture for the last question.
 */
#include <stdlib.h>
#include <string.h>

#include "runtime/program/serve/byte_buffer.h"
#include "runtime/program/serve/chat_private.h"
#include "runtime/program/serve/form_data.h"

typedef struct upload {
  bnc_chat_picture picture[BNC_CHAT_UPLOADS]; /* point into the body */
  size_t pictures;
  bnc_form_part prompt, request; /* data NULL: not given */
} upload;

static bool read_parts(upload *u, bnc_form *form, bnc_api_error *error) {
  bnc_form_part part;
  int more;
  while ((more = bnc_form_next(form, &part)) > 0) {
    bnc_form_part *text = strcmp(part.name, "prompt") == 0 ? &u->prompt : strcmp(part.name, "request") == 0 ? &u->request : NULL;
    if (text && text->data) return bnc_api_fail(error, 400, "invalid_value", part.name, "'%s' is given twice", part.name);
    if (text) {
      *text = part;
    } else if (strcmp(part.name, "image") != 0) {
      return bnc_api_fail(error, 400, "invalid_value", part.name, "there is no '%s', expected prompt, request or image", part.name);
    } else if (u->pictures == BNC_CHAT_UPLOADS) {
      return bnc_api_fail(error, 400, "invalid_value", part.name, "more than %d pictures", BNC_CHAT_UPLOADS);
    } else {
      u->picture[u->pictures++] = (bnc_chat_picture){(uint8_t *)(uintptr_t)part.data, part.length};
    }
  }
  if (more < 0) return bnc_api_fail(error, 400, NULL, NULL, "the body is no whole multipart/form-data");
  if (!u->prompt.data == !u->request.data) return bnc_api_fail(error, 400, NULL, NULL, "expected either prompt or request");
  return true;
}

/* The request that a question alone stands for. */
static bool write_request(const bnc_form_part *prompt, bnc_byte_buffer *out) {
  yyjson_mut_doc *d = yyjson_mut_doc_new(NULL);
  yyjson_mut_val *root = yyjson_mut_obj(d);
  yyjson_mut_doc_set_root(d, root);
  yyjson_mut_val *message = yyjson_mut_arr_add_obj(d, yyjson_mut_obj_add_arr(d, root, "messages"));
  yyjson_mut_obj_add_str(d, message, "role", "user");
  yyjson_mut_obj_add_strn(d, message, "content", prompt->data, prompt->length);
  size_t length;
  char *json = yyjson_mut_write(d, YYJSON_WRITE_NOFLAG, &length); /* NULL also where it is no UTF-8 */
  if (json) bnc_byte_buffer_add(out, json, length);
  free(json);
  yyjson_mut_doc_free(d);
  return json && !out->failed;
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
  if (u.prompt.data && !write_request(&u.prompt, &written)) {
    bnc_byte_buffer_free(&written);
    return bnc_api_fail(error, 400, "invalid_value", "prompt", "'prompt' is no UTF-8");
  }
  const bnc_form_part *json = &u.request;
  bool ok =
      bnc_chat_request_parse(request, limits, json->data ? json->data : written.data, json->data ? json->length : written.length, error);
  bnc_byte_buffer_free(&written);
  if (!ok) return false;
  /* Which picture stands where could not be told. */
  if (u.pictures && strstr(request->exchange[request->exchanges - 1].question, "<image>"))
    ok = bnc_api_fail(error, 400, "invalid_value", "image", "the last question of 'request' has pictures of its own");
  for (size_t i = 0; ok && i < u.pictures; i++) ok = add_picture(request, limits, &u.picture[i], error);
  if (!ok) bnc_chat_request_free(request);
  return ok;
}
