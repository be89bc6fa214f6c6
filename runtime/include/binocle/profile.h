/* SPDX-License-Identifier: Apache-2.0 */
/** @file profile.h  Where a session's time and energy go: every op that its programs run. */
#ifndef BINOCLE_PROFILE_H
#define BINOCLE_PROFILE_H

#include <binocle/session.h>

#ifdef __cplusplus
extern "C" {
#endif

/** From here on each op is timed (some 50 ns each) and the machine's energy meter is read around each program. Forgets what was recorded
 * before. */
BNC_API bnc_status bnc_session_profile_begin(bnc_session *session);

/** In what form a profile is told. */
typedef enum bnc_profile_form {
  BNC_PROFILE_TEXT = 0,  /**< a table for people */
  BNC_PROFILE_JSON = 1,  /**< an object: programs, kinds of ops, ops; whole nanoseconds */
  BNC_PROFILE_TRACE = 2, /**< Chrome's trace format, for Perfetto and chrome://tracing */
  BNC_PROFILE_HTML = 3   /**< a self-contained page */
} bnc_profile_form;

/** What was recorded so far; *text is freed with bnc_string_free. BNC_ERROR_ARGUMENT where nothing was begun. */
BNC_API bnc_status bnc_session_profile(bnc_session *session, bnc_profile_form form, char **text);

#ifdef __cplusplus
}
#endif
#endif
