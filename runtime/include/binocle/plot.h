/* SPDX-License-Identifier: Apache-2.0 */
/** @file plot.h  Pictures of what was measured over time, in SVG, for light and dark pages. */
#ifndef BINOCLE_PLOT_H
#define BINOCLE_PLOT_H

#include <binocle/context.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A line of a panel. Where a y is NaN, the line has a gap. */
typedef struct bnc_plot_line {
  const char *name; /**< of the legend */
  const double *x;  /**< [count], seconds, ascending */
  const double *y;  /**< [count] */
  size_t count;     /**< of points */
} bnc_plot_line;

/** A coordinate system; all panels of a plot share the axis of time. */
typedef struct bnc_plot_panel {
  const char *title;         /**< what y is, with its unit: "temperature, °C" */
  const char *empty;         /**< said where no line has a point */
  const bnc_plot_line *line; /**< [lines] */
  size_t lines;              /**< at most 6 */
  int from_zero;             /**< 1: y begins at 0 */
} bnc_plot_panel;

/** A picture. */
typedef struct bnc_plot {
  size_t size;                 /**< see binocle.h: set it before the call */
  const char *title;           /**< of the whole */
  const char *const *note;     /**< [notes] lines below the title */
  size_t notes;                /**< of note */
  const bnc_plot_panel *panel; /**< [panels], from top to bottom */
  size_t panels;               /**< at least 1 */
} bnc_plot;

/** Draws it; *svg is freed with bnc_string_free. Fails with BNC_ERROR_ARGUMENT and BNC_ERROR_MEMORY. */
BNC_API bnc_status bnc_plot_svg(bnc_context *context, const bnc_plot *plot, char **svg);

#ifdef __cplusplus
}
#endif
#endif
