/* SPDX-License-Identifier: Apache-2.0 */
/** @file browser_page.h  The page that a browser gets: browser_page.html, as toolchains/cmake/embed.cmake makes it part of the program. */
#ifndef BINOCLE_RUNTIME_PROGRAM_SERVE_BROWSER_PAGE_H
#define BINOCLE_RUNTIME_PROGRAM_SERVE_BROWSER_PAGE_H

extern const unsigned char bnc_browser_page_html[]; /* NUL-terminated */

#endif
