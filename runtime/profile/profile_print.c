/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/profile/profile_print.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "platforms/energy/thermal.h"
#include "runtime/text/utf8.h"

typedef unsigned long long number;

static void print_code(bnc_page *page, uint32_t code) {
  if (code >= 0x10000)
    bnc_page_print(page, "\\u%04x\\u%04x", 0xd800 + ((code - 0x10000) >> 10), 0xdc00 + ((code - 0x10000) & 0x3ff));
  else
    bnc_page_print(page, "\\u%04x", code);
}

void bnc_profile_print_string(bnc_page *page, const char *text) {
  size_t left = strlen(text);
  bnc_page_print(page, "\"");
  while (left > 0) {
    const int length = bnc_utf8_next(text, left);
    const size_t taken = length > 0 ? (size_t)length : length < 0 ? (size_t)-length : left;
    const char c = *text;
    if (length != 1)
      print_code(page, length > 0 ? bnc_utf8_code(text, length) : 0xfffd);
    else if (c == '"' || c == '\\')
      bnc_page_print(page, "\\%c", c);
    else if (c < ' ' || c == 0x7f || c == '<' || c == '>' || c == '&')
      print_code(page, (unsigned char)c);
    else
      bnc_page_print(page, "%c", c);
    text += taken;
    left -= taken;
  }
  bnc_page_print(page, "\"");
}

void bnc_profile_print_real(bnc_page *page, const char *name, double value) {
  bnc_page_print(page, "\"%s\": ", name);
  if (isfinite(value) && fabs(value) < 1e15)
    bnc_page_fixed(page, value);
  else
    bnc_page_print(page, "null");
}

void bnc_profile_print_joules(bnc_page *page, const char *name, double joules) {
  if (isfinite(joules))
    bnc_page_print(page, "\"%s\": %llu", name, (number)(joules > 0 ? llround(joules * 1e6) : 0));
  else
    bnc_page_print(page, "\"%s\": null", name);
}

static bool warn_of_waiting(const bnc_profile *p, char *warning) {
  const bnc_usage_span span = {.wall = (double)(p->end - p->begin),
                               .cpu = (double)(p->end_cpu - p->begin_cpu),
                               .waited = (double)p->waited,
                               .pages = p->after.major_faults - p->before.major_faults};
  return bnc_usage_doubt(&span, warning, BNC_WARNING_SIZE);
}

static bool warn_of_speed(const bnc_profile *p, char *warning) {
  for (bnc_roof r = 0; r < BNC_ROOFS; r++) {
    const double a = p->roofs.before[r], b = p->roofs.after[r];
    if (!(a > 0 && b > 0) || (a < 1.25 * b && b < 1.25 * a)) continue;
    snprintf(warning, BNC_WARNING_SIZE, "the machine changed its speed: %s %.1f before the run, %.1f behind it (%s); the better one counts",
             bnc_roof_name(r), a, b, bnc_roof_unit(r));
    return true;
  }
  return false;
}

static bool warn_of_throttling(const bnc_profile *p, char *warning) {
  const bnc_profile_sample *s;
  const size_t count = bnc_profile_sampler_get(p->sampler, &s);
  bool held = false;
  for (size_t i = 0; i < count; i++) held = held || s[i].throttled || (s[i].throttle_events > s[0].throttle_events);
  if (held) snprintf(warning, BNC_WARNING_SIZE, "%s", BNC_THROTTLE_DOUBT);
  return held;
}

size_t bnc_profile_warnings(const bnc_profile *p, char warning[BNC_WARNINGS_MAX][BNC_WARNING_SIZE]) {
  uint64_t slices = 0;
  size_t n = 0;
  for (size_t i = 0; i < p->workers; i++) slices += p->worker[i].left_out;
  n += warn_of_waiting(p, warning[n]);
  n += warn_of_throttling(p, warning[n]);
  n += warn_of_speed(p, warning[n]);
  if (p->left_out) snprintf(warning[n++], BNC_WARNING_SIZE, "%llu ops were not recorded: the record was full", (number)p->left_out);
  if (slices) snprintf(warning[n++], BNC_WARNING_SIZE, "%llu pieces of threads' work were not recorded", (number)slices);
  if (p->about.watts > 0) snprintf(warning[n++], BNC_WARNING_SIZE, "energy is estimated from %g W, not measured", p->about.watts);
  return n;
}
