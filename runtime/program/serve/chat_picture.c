/* SPDX-License-Identifier: Apache-2.0 */
/* Pictures of a request: data: addresses with the bytes inside. Nothing is fetched, and no file is opened, whatever an address says. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "runtime/program/serve/base64.h"
#include "runtime/program/serve/chat_private.h"

/* Where the bytes of "data:image/...;base64," begin, or NULL. */
static const char *payload(const char *url) {
  static const char scheme[] = "data:image/", encoding[] = ";base64";
  if (strncasecmp(url, scheme, sizeof scheme - 1) != 0) return NULL;
  const char *comma = strchr(url, ',');
  if (!comma || (size_t)(comma - url) < sizeof scheme - 1 + sizeof encoding - 1) return NULL;
  return strncasecmp(comma - (sizeof encoding - 1), encoding, sizeof encoding - 1) == 0 ? comma + 1 : NULL;
}

static bool decode(bnc_chat_request *r, const char *text, size_t length, const char *param, bnc_api_error *error) {
  size_t count;
  bnc_chat_picture *grown = realloc(r->picture, (r->pictures + 1) * sizeof *grown);
  if (!grown) return bnc_api_fail(error, 503, NULL, NULL, "out of memory");
  r->picture = grown;
  uint8_t *bytes = malloc(BNC_BASE64_ROOM(length));
  if (!bytes) return bnc_api_fail(error, 503, NULL, NULL, "out of memory");
  if (length == 0 || !bnc_base64_decode(text, length, bytes, &count)) {
    free(bytes);
    return bnc_api_fail(error, 400, "invalid_image_url", param, "'%s' has a picture that is no base64", param);
  }
  r->picture[r->pictures++] = (bnc_chat_picture){bytes, count};
  return true;
}

bool bnc_chat_picture_add(bnc_chat_request *r, const bnc_chat_limits *limits, yyjson_val *part, const char *param, bnc_api_error *error) {
  yyjson_val *image = yyjson_obj_get(part, "image_url");
  const char *url;
  if (!bnc_chat_text(yyjson_is_obj(image) ? yyjson_obj_get(image, "url") : image, param, &url, error)) return false;
  if (!limits->vision) return bnc_api_fail(error, 400, "invalid_value", param, "'%s' has a picture, but this model has no eyes", param);
  if (r->pictures == limits->pictures)
    return bnc_api_fail(error, 400, "invalid_value", "messages", "the conversation has more than %u pictures", limits->pictures);
  const char *text = payload(url);
  if (!text)
    return bnc_api_fail(error, 400, "invalid_image_url", param,
                        "'%s' has a picture at '%.40s', expected data:image/...;base64,...: nothing is fetched and no file is opened here",
                        param, url);
  return decode(r, text, strlen(text), param, error);
}
