/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/describe/svg.h"

#include <math.h>
#include <string.h>

#include "runtime/describe/palette.h"
#include "runtime/text/utf8.h"

static void print_palette(bnc_page *p, bool dark) {
  for (unsigned g = 0; g <= BNC_GROUPS; g++) {
    const char *colour = dark ? bnc_palette_of(g)->dark : bnc_palette_of(g)->light;
    bnc_page_print(p, ".g%u { fill: %s } .s%u { stroke: %s; fill: none }\n", g, colour, g, colour);
  }
}

void bnc_svg_open(bnc_page *p, int width, int height, const char *style, const char *dark) {
  bnc_page_print(p, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\">\n<style>\n", width, height,
                 width, height);
  bnc_page_print(p, "text { font: 12px system-ui, 'DejaVu Sans', sans-serif; fill: #333 }\n.title { font-size: 15px; font-weight: 600 }\n"
                    ".right { text-anchor: end }\n.middle { text-anchor: middle }\n.page { fill: #fff }\n.plot { fill: #f6f6f4 }\n"
                    ".grid { stroke: #ddd }\n.tick { stroke: #888 }\n");
  print_palette(p, false);
  bnc_page_print(p,
                 "%s@media (prefers-color-scheme: dark) {\ntext { fill: #e6eaf0 } .page { fill: #14181f } .plot { fill: #1d232d }\n"
                 ".grid { stroke: #37404e } .tick { stroke: #a5b0c0 }\n",
                 style);
  print_palette(p, true);
  bnc_page_print(p, "%s}\n</style>\n<rect class=\"page\" width=\"%d\" height=\"%d\"/>\n", dark, width, height);
}

void bnc_svg_attribute(bnc_page *p, const char *name, double value) {
  bnc_page_print(p, " %s=\"", name);
  bnc_page_fixed(p, value);
  bnc_page_print(p, "\"");
}

void bnc_svg_line(bnc_page *p, const char *class, double x1, double y1, double x2, double y2) {
  bnc_page_print(p, "<line class=\"%s\"", class);
  bnc_svg_attribute(p, "x1", x1);
  bnc_svg_attribute(p, "y1", y1);
  bnc_svg_attribute(p, "x2", x2);
  bnc_svg_attribute(p, "y2", y2);
  bnc_page_print(p, "/>\n");
}

void bnc_svg_open_text(bnc_page *p, const char *class, double x, double y) {
  bnc_page_print(p, "<text class=\"%s\"", class);
  bnc_svg_attribute(p, "x", x);
  bnc_svg_attribute(p, "y", y);
  bnc_page_print(p, ">");
}

void bnc_svg_text(bnc_page *p, const char *text) {
  for (size_t left = strlen(text); left > 0;) {
    const int length = bnc_utf8_next(text, left);
    const size_t taken = length > 0 ? (size_t)length : length < 0 ? (size_t)-length : left;
    const uint32_t code = length > 0 ? bnc_utf8_code(text, length) : 0xfffd;
    if (code >= 0x20 && code < 0x7f && !strchr("<>&\"", (int)code))
      bnc_page_print(p, "%c", (char)code);
    else
      bnc_page_print(p, "&#x%x;", code < 0x20 || code == 0xfffe || code == 0xffff ? 0xfffdu : code); /* XML has no others */
    text += taken;
    left -= taken;
  }
}

double bnc_svg_step(double range, unsigned ticks, double least) {
  double power = 1e-2, step = least;
  for (unsigned i = 0; i < 60; i++) {
    static const double factor[] = {1, 2, 5};
    step = power * factor[i % 3];
    if (step >= least * 0.999 && step * ticks >= range) break;
    if (i % 3 == 2) power = power < 0.5 ? power < 0.05 ? 0.1 : 1 : power * 10; /* powers of ten from 1 on are exact */
  }
  return step;
}

void bnc_svg_number(bnc_page *p, double value, double step) {
  const long long hundredths = llround(fabs(value) * 100);
  bnc_page_print(p, "%s%lld", value < 0 && hundredths ? "-" : "", hundredths / 100);
  if (step < 0.095)
    bnc_page_print(p, ".%02lld", hundredths % 100);
  else if (step < 0.95)
    bnc_page_print(p, ".%lld", hundredths % 100 / 10);
}
