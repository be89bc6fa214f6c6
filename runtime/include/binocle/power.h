/* SPDX-License-Identifier: Apache-2.0 */
/** @file power.h  Running on less power: a limit of the machine's mean power, half of the threads, the cores that take the least. */
#ifndef BINOCLE_POWER_H
#define BINOCLE_POWER_H

#include <binocle/energy.h>
#include <binocle/session.h>

#ifdef __cplusplus
extern "C" {
#endif

/** How much a session may ask of the machine. Answers stay the same, bit for bit. */
typedef struct bnc_power_settings {
  size_t size;        /**< see binocle.h: set it before the call */
  double limit_watts; /**< mean power of the machine, as its meter sees it; 0: no limit */
  bnc_energy
      *energy; /**< the meter that tells; not owned, outlives the session or its next limit. NULL, or one without a meter: an estimate */
  double busy_watts; /**< without a meter: what the machine draws busy; 0: as boards like this one are known to. At rest it is taken to draw
                        0.3 of it */
  int saver;         /**< not 0: half of the session's threads, rounded up, at most */
  double (*joules)(void *user); /**< a meter of the caller's, in place of energy: joules so far, NaN: not known now. Asked five times a
                                   second, on the thread that asks the session. NULL: none */
  void *user;                   /**< handed to joules */
} bnc_power_settings;
/** From now on threads are parked, and the others pause between ops, such that the mean power stays below the limit; settings NULL: full
 * speed again. BNC_ERROR_ARGUMENT; BNC_ERROR_UNSUPPORTED: a limit without a meter, on a machine whose power is not known. */
BNC_API bnc_status bnc_session_limit_power(bnc_session *session, const bnc_power_settings *settings);

/** How the limit was kept. */
typedef struct bnc_power_report {
  size_t size;           /**< see binocle.h: set it before the call */
  double limit_watts;    /**< 0: none */
  double watts;          /**< mean since the limit was set; NaN: no meter */
  double paused_seconds; /**< that work waited */
  double threads;        /**< that worked, on average of the time that they did; pauses left out */
  int estimated;         /**< not 0: the pauses come from a table's or the caller's watts, not from a meter */
  double idle_watts;     /**< of an estimate; else 0, as the next */
  double busy_watts;     /**< with all threads busy */
} bnc_power_report;
/** Fills in the report; all 0 without a limit or saver. Fails with BNC_ERROR_ARGUMENT alone. */
BNC_API bnc_status bnc_session_get_power(const bnc_session *session, bnc_power_report *report);

/** The kind of core that saves a battery, where there are several: an estimate. */
typedef struct bnc_power_cores {
  size_t size;       /**< see binocle.h: set it before the call */
  uint32_t cores;    /**< how many; 0: the thread stays where it was */
  char kind[32];     /**< "Cortex-A55"; "" */
  double watts;      /**< of the machine while they work; as the next three, 0 where cores is 0 */
  double busy_watts; /**< while all big cores do */
  double speed;      /**< against all big cores, where computing is what takes the time */
  double joules;     /**< for the same work, against all big cores */
} bnc_power_cores;
/** Keeps the calling thread, and the threads that it starts from now on (those of sessions among them), on the kind of core, big or little,
 * that is estimated to answer for the fewest joules, of those kinds on which the machine draws a fifth less than on all of its big cores.
 * Where half of the big cores would take no more, or nothing is known of the machine's kinds of core, nothing happens: cores is 0, and
 * bnc_power_settings.saver is what is left. Before sessions are created. Fails with BNC_ERROR_ARGUMENT alone. */
BNC_API bnc_status bnc_power_choose_cores(bnc_context *context, bnc_power_cores *cores);

#ifdef __cplusplus
}
#endif
#endif
