/* SPDX-License-Identifier: Apache-2.0 */
#include <binocle/power.h>
#include <math.h>
#include <stdio.h>

#include "platforms/base/context_private.h"
#include "platforms/base/mem.h"
#include "platforms/base/sized.h"
#include "platforms/cpu/cpu.h"
#include "platforms/threads/frugal_cores.h"
#include "runtime/api/session_private.h"
#include "runtime/devices/boards.h"

#define IDLE_SHARE 0.3 /* of the busy power, where that alone is known: a judgement: the table's boards have 0.14 to 0.46 */
#define REST_WATTS 1.0 /* of a machine with several kinds of core that the table of boards does not know: a phone with its screen off */

static double read_meter(void *context) { return bnc_energy_joules(context); }

/* What the machine is said to draw. */
static bnc_status estimate(bnc_pacer_settings *s, double busy_watts, bnc_error *err) {
  bnc_cpu *cpu = bnc_mem_zalloc(sizeof *cpu);
  if (!cpu) return bnc_fail_memory(err, sizeof *cpu);
  const bnc_status status = bnc_cpu_detect(cpu, err);
  const bnc_board *board = status == BNC_OK ? bnc_board_of_brand(cpu->brand) : NULL;
  bnc_mem_free(cpu);
  if (status != BNC_OK) return status;
  if (!(busy_watts > 0) && !board)
    return bnc_fail(
        err, BNC_ERROR_UNSUPPORTED,
        "a limit of power needs a meter, or what this machine draws when it is busy (--watts): it has none, and is no board that "
        "is known");
  s->busy = busy_watts > 0 ? busy_watts : board->watts;
  s->idle = busy_watts > 0 ? IDLE_SHARE * busy_watts : board->idle;
  return BNC_OK;
}

static bnc_status choose(bnc_session *session, const bnc_power_settings *wanted, bnc_pacer_settings *s) {
  bnc_energy_info info = {.size = sizeof info};
  bnc_energy_report report = {.size = sizeof report};
  s->threads = bnc_pool_threads(session->pool);
  s->most = wanted->saver ? (s->threads + 1) / 2 : s->threads;
  s->limit = wanted->limit_watts;
  if (!(s->limit > 0)) return BNC_OK;
  if (wanted->joules) {
    s->idle = (double)NAN;
    s->joules = wanted->joules;
    s->context = wanted->user;
    return BNC_OK;
  }
  if (wanted->energy) bnc_energy_get_info(wanted->energy, &info);
  if (!info.meter[0]) return estimate(s, wanted->busy_watts, &session->error);
  bnc_energy_get_report(wanted->energy, &report);
  s->idle = report.idle_watts;
  s->joules = read_meter;
  s->context = wanted->energy;
  return BNC_OK;
}

bnc_status bnc_session_limit_power(bnc_session *session, const bnc_power_settings *settings) {
  bnc_power_settings full = {.size = sizeof full};
  bnc_pacer_settings chosen = {.threads = 1};
  if (!session) return BNC_ERROR_ARGUMENT;
  if (settings && !bnc_sized_is_set(settings)) return bnc_fail(&session->error, BNC_ERROR_ARGUMENT, "the power's settings have no size");
  if (settings) bnc_sized_read(&full, sizeof full, settings);
  if (!(full.limit_watts >= 0 && full.limit_watts <= 1e6))
    return bnc_fail(&session->error, BNC_ERROR_ARGUMENT, "limit of power: found %g W, expected 0 to 1000000", full.limit_watts);
  const bnc_status status = choose(session, &full, &chosen);
  if (status != BNC_OK) return status;
  bnc_pacer *pacer = NULL;
  if (full.limit_watts > 0 || full.saver) {
    pacer = bnc_mem_zalloc(sizeof *pacer);
    if (!pacer) return bnc_fail_memory(&session->error, sizeof *pacer);
    bnc_pacer_init(pacer, &chosen);
  }
  bnc_executor_set_pacer(session->executor, pacer);
  bnc_mem_free(session->pacer);
  session->pacer = pacer;
  return BNC_OK;
}

bnc_status bnc_session_get_power(const bnc_session *session, bnc_power_report *report) {
  bnc_power_report full = {.size = sizeof full};
  if (!session || !bnc_sized_is_set(report)) return BNC_ERROR_ARGUMENT;
  const bnc_pacer *p = session->pacer;
  if (p) {
    full.limit_watts = p->set.limit;
    full.watts = bnc_pacer_watts(p);
    full.paused_seconds = 1e-9 * p->paused;
    full.threads = p->worked > 0 ? p->threads_worked / p->worked : 0;
    full.estimated = p->set.busy > 0;
    full.idle_watts = full.estimated ? p->set.idle : 0;
    full.busy_watts = p->set.busy;
  }
  bnc_sized_write(report, &full, sizeof full);
  return BNC_OK;
}

bnc_status bnc_power_choose_cores(bnc_context *context, bnc_power_cores *cores) {
  bnc_power_cores full = {.size = sizeof full};
  bnc_frugal_cores found;
  cpu_set_t allowed;
  if (!context) return BNC_ERROR_ARGUMENT;
  if (!bnc_sized_is_set(cores)) return bnc_fail(&context->error, BNC_ERROR_ARGUMENT, "the report on cores has no size");
  bnc_cpu *cpu = bnc_mem_zalloc(sizeof *cpu);
  if (cpu && sched_getaffinity(0, sizeof allowed, &allowed) == 0 && bnc_cpu_detect(cpu, NULL) == BNC_OK) {
    const bnc_board *board = bnc_board_of_brand(cpu->brand);
    if (bnc_frugal_cores_find(cpu, &allowed, board ? board->idle : REST_WATTS, &found) &&
        sched_setaffinity(0, sizeof found.cpus, &found.cpus) == 0) {
      full = (bnc_power_cores){
          .cores = found.cores, .watts = found.watts, .busy_watts = found.all, .speed = found.speed, .joules = found.joules};
      snprintf(full.kind, sizeof full.kind, "%s", found.kind);
    }
  }
  bnc_mem_free(cpu);
  bnc_sized_write(cores, &full, sizeof full);
  return BNC_OK;
}
