/* SPDX-License-Identifier: Apache-2.0 */
/* The page: its source with style, script and data in the places that it names. What it shows is drawn by the script, from the data alone.
 */
#include <string.h>

#include "platforms/base/mem.h"
#include "runtime/profile/profile_page.h"
#include "runtime/profile/profile_print.h"

static bnc_status print_data(const bnc_profile *p, bnc_page *page, bnc_error *err) {
  bnc_page_print(page, "{");
  bnc_status s = bnc_profile_print_members(p, page, err);
  if (s == BNC_OK) s = bnc_profile_print_pictures(p, page, err);
  bnc_page_print(page, "}");
  return s;
}

bnc_status bnc_profile_print_html(const bnc_profile *p, char **text, bnc_error *err) {
  static const char *const places[] = {"@STYLE@", "@DATA@", "@SCRIPT@"};
  const char *at = (const char *)bnc_profile_page_html;
  bnc_status status = BNC_OK;
  bnc_page page = {0};
  for (size_t i = 0; status == BNC_OK && i < sizeof places / sizeof *places; i++) {
    const char *place = strstr(at, places[i]);
    if (!place) return bnc_fail(err, BNC_ERROR_INTERNAL, "the page has no place %s", places[i]);
    bnc_page_print(&page, "%.*s", (int)(place - at), at);
    at = place + strlen(places[i]);
    if (i == 1)
      status = print_data(p, &page, err);
    else
      bnc_page_print(&page, "%s", (const char *)(i == 0 ? bnc_profile_page_css : bnc_profile_page_js));
  }
  bnc_page_print(&page, "%s", at);
  if (status == BNC_OK) return bnc_page_finish(&page, text, err);
  bnc_mem_free(page.text);
  return status;
}
