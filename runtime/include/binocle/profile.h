/* SPDX-License-Identifier: Apache-2.0 */
/** @file profile.h  Where a session's time, memory and energy go: its phases, and every op that its programs run. */
#ifndef BINOCLE_PROFILE_H
#define BINOCLE_PROFILE_H

#include <binocle/energy.h>
#include <binocle/session.h>

#ifdef __cplusplus
extern "C" {
#endif

/** How to record. */
typedef struct bnc_profile_settings {
  size_t size;               /**< see binocle.h; set by bnc_profile_settings_init */
  const char *command;       /**< that the reports tell as what ran; NULL: none */
  double watts;              /**< > 0: no meter is read, energy is estimated as so much all the time */
  uint32_t sample_ms;        /**< between looks at memory, energy, temperature and clock, on a thread of their own; 0: 50 */
  uint32_t no_roofs;         /**< not 0: what the machine can do is not measured, and no op is compared with it */
  const char *meter;         /**< as in bnc_energy_settings, as the next two */
  const char *meter_command; /**< as bnc_energy_settings.command */
  double idle_seconds;       /**< the power at rest is told, and energy without it */
  bnc_energy *energy;        /**< a meter that runs already, in place of the last three; not owned, outlives the record. NULL: none */
} bnc_profile_settings;

/** Sets size, and everything else to its default. */
BNC_API void bnc_profile_settings_init(bnc_profile_settings *settings);

/** Measures what the machine can do (some 300 ms); from here on phases are recorded and each op is timed, some 30 ns each. Forgets what was
 * recorded before. settings NULL: the defaults. */
BNC_API bnc_status bnc_session_profile_begin(bnc_session *session, const bnc_profile_settings *settings);

/** In what form a profile is told. */
typedef enum bnc_profile_form {
  BNC_PROFILE_TEXT = 0,  /**< a table for people */
  BNC_PROFILE_JSON = 1,  /**< an object: identity, phases, programs, kinds of ops, ops, samples; whole nanoseconds */
  BNC_PROFILE_TRACE = 2, /**< Chrome's trace format, for Perfetto and chrome://tracing */
  BNC_PROFILE_HTML = 3,  /**< a self-contained page */
  BNC_PROFILE_CSV = 4    /**< a line per op */
} bnc_profile_form;

/** Ends the record, where that was not done, and tells it; *text is freed with bnc_string_free. What runs later is not recorded.
 * BNC_ERROR_ARGUMENT where nothing was begun. */
BNC_API bnc_status bnc_session_profile(bnc_session *session, bnc_profile_form form, char **text);

/** Compares two files that hold what `binocle profile --json` printed: which medians differ by more than chance, by what the runs of either
 * spread. As a table or (json not 0) an object; *text is freed with bnc_string_free. BNC_ERROR_IO, BNC_ERROR_FORMAT. */
BNC_API bnc_status bnc_profile_compare(bnc_context *context, const char *path_a, const char *path_b, int json, char **text);

#ifdef __cplusplus
}
#endif
#endif
