/* SPDX-License-Identifier: Apache-2.0 */
/** @file svg.h  What our pictures in SVG share: their head with one style for light and dark pages, and its elements. */
#ifndef BINOCLE_RUNTIME_DESCRIBE_SVG_H
#define BINOCLE_RUNTIME_DESCRIBE_SVG_H

#include "platforms/file/page.h"

/** Opens a picture of so many pixels and paints the page; the caller prints "</svg>". Classes: page, plot, title, right, middle, grid,
 * tick, and g0 ... and s0 ... for the palette's fills and strokes. style: more CSS; dark: more of it for dark pages. */
void bnc_svg_open(bnc_page *page, int width, int height, const char *style, const char *dark);
/** " NAME=\"VALUE\"". */
void bnc_svg_attribute(bnc_page *page, const char *name, double value);
void bnc_svg_line(bnc_page *page, const char *class, double x1, double y1, double x2, double y2);
/** The caller prints the text and "</text>". */
void bnc_svg_open_text(bnc_page *page, const char *class, double x, double y);
/** Any text, escaped; what is no UTF-8 becomes U+FFFD. */
void bnc_svg_text(bnc_page *page, const char *text);
/** From 1, 2 or 5 times a power of ten, the least that is no less than `least` and makes at most `ticks` steps of range. */
double bnc_svg_step(double range, unsigned ticks, double least);
/** A multiple of a step, with as many decimals as that has, two at most. */
void bnc_svg_number(bnc_page *page, double value, double step);

#endif
