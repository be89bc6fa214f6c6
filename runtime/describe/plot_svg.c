/* SPDX-License-Identifier: Apache-2.0 */
/* Lines over time, a panel per quantity, all above one axis of seconds. */
#include <binocle/plot.h>
#include <math.h>
#include <string.h>

#include "platforms/base/context_private.h"
#include "platforms/base/mem.h"
#include "platforms/base/sized.h"
#include "platforms/file/page.h"
#include "runtime/describe/svg.h"

#define WIDTH 1000
#define LEFT 64.0
#define PLOT_WIDTH 916.0
#define PLOT_HEIGHT 150.0
#define PANEL 224
#define TOP 40
#define NOTE 17
#define LINES 6u
#define DOTS 80u /* so many points are drawn one by one */

/* Groups of the palette that are told apart best. */
static const unsigned colours[LINES] = {1, 2, 3, 4, 0, 6};

typedef struct frame {
  bnc_page *p;
  double seconds, low, high; /* of the axes */
  double top;                /* pixels */
} frame;

static double x_of(const frame *f, double seconds) { return LEFT + PLOT_WIDTH * seconds / f->seconds; }
static double y_of(const frame *f, double value) { return f->top + PLOT_HEIGHT * (f->high - value) / (f->high - f->low); }

static double latest(const bnc_plot *plot) {
  double most = 0;
  for (size_t i = 0; i < plot->panels; i++)
    for (size_t k = 0; k < plot->panel[i].lines; k++) {
      const bnc_plot_line *line = &plot->panel[i].line[k];
      if (line->count && line->x[line->count - 1] > most) most = line->x[line->count - 1];
    }
  return most > 0 ? most : 1;
}

/* Sets the axis of y; false: there is no point. */
static bool scale(frame *f, const bnc_plot_panel *panel, double *step) {
  double low = INFINITY, high = -INFINITY;
  for (size_t k = 0; k < panel->lines; k++)
    for (size_t i = 0; i < panel->line[k].count; i++) {
      const double y = panel->line[k].y[i];
      if (!isfinite(y) || fabs(y) > 1e12) continue;
      low = fmin(low, y);
      high = fmax(high, y);
    }
  if (low > high) return false;
  if (panel->from_zero) low = fmin(low, 0);
  if (high - low < 0.02 * fabs(high)) {
    const double more = 0.01 * fabs(high) + 0.5;
    low -= more;
    high += more;
  }
  *step = bnc_svg_step(high - low, 5, 0.01);
  f->low = floor(low / *step) * *step;
  f->high = ceil(high / *step) * *step;
  return true;
}

static void draw_axes(const frame *f, double step) {
  const double unit = f->seconds < 300 ? 1 : f->seconds < 3 * 3600 ? 60 : 3600, x_step = bnc_svg_step(f->seconds / unit, 12, 0.01);
  for (int i = 0; i <= 12 && f->low + i * step < f->high + step / 2; i++) {
    const double y = f->low + i * step;
    bnc_svg_line(f->p, "grid", LEFT, y_of(f, y), LEFT + PLOT_WIDTH, y_of(f, y));
    bnc_svg_open_text(f->p, "right", LEFT - 8, y_of(f, y) + 4);
    bnc_svg_number(f->p, y, step);
    bnc_page_print(f->p, "</text>\n");
  }
  for (int i = 0; i * x_step * unit <= f->seconds; i++) {
    const double x = x_of(f, i * x_step * unit);
    bnc_svg_line(f->p, "tick", x, f->top + PLOT_HEIGHT, x, f->top + PLOT_HEIGHT + 4);
    bnc_svg_open_text(f->p, "middle", x, f->top + PLOT_HEIGHT + 17);
    bnc_svg_number(f->p, i * x_step, x_step);
    bnc_page_print(f->p, "%s</text>\n", i ? "" : unit < 2 ? " s" : unit < 100 ? " min" : " h");
  }
}

static void draw_line(const frame *f, const bnc_plot_line *line, unsigned colour) {
  bool open = false;
  for (size_t i = 0; i < line->count; i++) {
    const bool known = isfinite(line->y[i]) && fabs(line->y[i]) <= 1e12;
    if (open && !known) bnc_page_print(f->p, "\"/>\n");
    if (!open && known) bnc_page_print(f->p, "<polyline class=\"l s%u\" points=\"", colour);
    open = known;
    if (!known) continue;
    bnc_page_fixed(f->p, x_of(f, line->x[i]));
    bnc_page_print(f->p, ",");
    bnc_page_fixed(f->p, y_of(f, line->y[i]));
    bnc_page_print(f->p, " ");
  }
  if (open) bnc_page_print(f->p, "\"/>\n");
  for (size_t i = 0; line->count <= DOTS && i < line->count; i++) {
    if (!isfinite(line->y[i]) || fabs(line->y[i]) > 1e12) continue;
    bnc_page_print(f->p, "<circle class=\"g%u\" r=\"2.5\"", colour);
    bnc_svg_attribute(f->p, "cx", x_of(f, line->x[i]));
    bnc_svg_attribute(f->p, "cy", y_of(f, line->y[i]));
    bnc_page_print(f->p, "/>\n");
  }
}

static void draw_legend(const frame *f, const bnc_plot_panel *panel) {
  double x = LEFT;
  for (size_t k = 0; k < panel->lines; k++) {
    const bnc_plot_line *line = &panel->line[k];
    if (!line->count) continue;
    bnc_page_print(f->p, "<rect class=\"g%u\" width=\"12\" height=\"12\"", colours[k]);
    bnc_svg_attribute(f->p, "x", x);
    bnc_svg_attribute(f->p, "y", f->top - 18);
    bnc_page_print(f->p, "/>\n");
    bnc_svg_open_text(f->p, "legend", x + 17, f->top - 8);
    bnc_svg_text(f->p, line->name);
    bnc_page_print(f->p, "</text>\n");
    x += 7.0 * (double)strlen(line->name) + 40;
  }
}

static void draw_panel(frame *f, const bnc_plot_panel *panel) {
  double step = 1;
  bnc_svg_open_text(f->p, "name", LEFT, f->top - 26);
  bnc_svg_text(f->p, panel->title);
  bnc_page_print(f->p, "</text>\n<rect class=\"plot\"");
  bnc_svg_attribute(f->p, "x", LEFT);
  bnc_svg_attribute(f->p, "y", f->top);
  bnc_svg_attribute(f->p, "width", PLOT_WIDTH);
  bnc_svg_attribute(f->p, "height", PLOT_HEIGHT);
  bnc_page_print(f->p, "/>\n");
  if (!scale(f, panel, &step)) {
    bnc_svg_open_text(f->p, "middle", LEFT + PLOT_WIDTH / 2, f->top + PLOT_HEIGHT / 2);
    bnc_svg_text(f->p, panel->empty ? panel->empty : "nothing was measured");
    bnc_page_print(f->p, "</text>\n");
    return;
  }
  draw_axes(f, step);
  for (size_t k = 0; k < panel->lines; k++) draw_line(f, &panel->line[k], colours[k]);
  draw_legend(f, panel);
}

static void draw(bnc_page *p, const bnc_plot *plot) {
  const int head = TOP + NOTE * (int)plot->notes + 36, height = head + PANEL * (int)plot->panels;
  bnc_svg_open(p, WIDTH, height, ".name { font-weight: 600 }\n.l { stroke-width: 1.8; stroke-linejoin: round }\n", "");
  bnc_svg_open_text(p, "title", LEFT, 26);
  bnc_svg_text(p, plot->title);
  bnc_page_print(p, "</text>\n");
  for (size_t i = 0; i < plot->notes; i++) {
    bnc_svg_open_text(p, "note", LEFT, TOP + 6 + NOTE * (double)i);
    bnc_svg_text(p, plot->note[i]);
    bnc_page_print(p, "</text>\n");
  }
  for (size_t i = 0; i < plot->panels && !p->failed; i++) {
    frame f = {.p = p, .seconds = latest(plot), .top = head + PANEL * (double)i};
    draw_panel(&f, &plot->panel[i]);
  }
  bnc_page_print(p, "</svg>\n");
}

bnc_status bnc_plot_svg(bnc_context *context, const bnc_plot *given, char **svg) {
  bnc_plot plot = {0};
  if (!context) return BNC_ERROR_ARGUMENT;
  bnc_error *err = &context->error;
  if (!bnc_sized_is_set(given) || !svg) return bnc_fail(err, BNC_ERROR_ARGUMENT, "a plot needs its size and a place for its text");
  bnc_sized_read(&plot, sizeof plot, given);
  *svg = NULL;
  bool whole = plot.title && plot.panels > 0 && plot.panels <= 16 && plot.notes <= 16;
  for (size_t i = 0; whole && i < plot.panels; i++) whole = plot.panel[i].title && plot.panel[i].lines <= LINES;
  if (!whole)
    return bnc_fail(err, BNC_ERROR_ARGUMENT, "a plot needs titles, 1 to 16 panels of at most %u lines, and at most 16 notes", LINES);
  bnc_page page = {0};
  draw(&page, &plot);
  return bnc_page_finish(&page, svg, err);
}
