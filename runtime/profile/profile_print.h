/* SPDX-License-Identifier: Apache-2.0 */
/** @file profile_print.h  What a profile is told in. Each text is a bnc_mem string; profiles have ended. */
#ifndef BINOCLE_RUNTIME_PROFILE_PROFILE_PRINT_H
#define BINOCLE_RUNTIME_PROFILE_PROFILE_PRINT_H

#include "platforms/file/page.h"
#include "runtime/profile/profile_sums.h"

/** A table for people; an object; a line per op; Chrome's trace format; a self-contained page. */
bnc_status bnc_profile_print_text(const bnc_profile *profile, char **text, bnc_error *err);
bnc_status bnc_profile_print_json(const bnc_profile *profile, char **text, bnc_error *err);
bnc_status bnc_profile_print_csv(const bnc_profile *profile, char **text, bnc_error *err);
bnc_status bnc_profile_print_trace(const bnc_profile *profile, char **text, bnc_error *err);
bnc_status bnc_profile_print_html(const bnc_profile *profile, char **text, bnc_error *err);

/* Parts of them. */

/** A JSON string with its quotes, in ASCII; safe inside of an HTML script too: no angle brackets. What is no UTF-8 becomes U+FFFD. */
void bnc_profile_print_string(bnc_page *page, const char *text);
/** "NAME": value with two decimals, or null where it is no finite number. */
void bnc_profile_print_real(bnc_page *page, const char *name, double value);
/** Microjoules, or null. */
void bnc_profile_print_joules(bnc_page *page, const char *name, double joules);

/** The members of profile_print_json's object, without its braces. */
bnc_status bnc_profile_print_members(const bnc_profile *profile, bnc_page *page, bnc_error *err);
/** "identity": {...}: model, machine, command. */
bnc_status bnc_profile_print_identity(const bnc_profile *profile, bnc_page *page, bnc_error *err);
/** "phases", those of vision with their tiles, DEM and projector. */
bnc_status bnc_profile_print_phases(const bnc_profile *profile, bnc_page *page, bnc_error *err);
/** "sampler" and "samples". */
void bnc_profile_print_samples(const bnc_profile *profile, bnc_page *page);
/** "timeline" (every op's run), "schedule" (names) and "plan" (who lives where in memory): for pictures. */
bnc_status bnc_profile_print_pictures(const bnc_profile *profile, bnc_page *page, bnc_error *err);

#define BNC_WARNINGS_MAX 6
#define BNC_WARNING_SIZE 200
/** What makes the numbers doubtful, in sentences without a full stop: "the machine was busy: 57 s of CPU in 394 s". Returns how many. */
size_t bnc_profile_warnings(const bnc_profile *profile, char warning[BNC_WARNINGS_MAX][BNC_WARNING_SIZE]);

#endif
