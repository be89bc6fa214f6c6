/* SPDX-License-Identifier: Apache-2.0 */
/** @file profile_page.h  The page's own source: the files of runtime/profile/page, put here by the build, NUL behind each. */
#ifndef BINOCLE_RUNTIME_PROFILE_PROFILE_PAGE_H
#define BINOCLE_RUNTIME_PROFILE_PROFILE_PAGE_H

extern const unsigned char bnc_profile_page_html[], bnc_profile_page_css[], bnc_profile_page_js[];

#endif
