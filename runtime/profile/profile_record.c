/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/profile/profile_record.h"

#include "platforms/base/array.h"

bnc_status bnc_profile_reserve(bnc_profile *profile, size_t more, bnc_error *err) {
  const size_t left = BNC_PROFILE_EVENTS - profile->count;
  const size_t wanted = profile->count + (more < left ? more : left);
  return bnc_array_reserve(&profile->event, &profile->capacity, wanted, sizeof *profile->event)
             ? BNC_OK
             : bnc_fail_memory(err, wanted * sizeof *profile->event);
}

void bnc_profile_add(bnc_profile *profile, bnc_profile_event event) {
  if (profile->count < profile->capacity && profile->count < BNC_PROFILE_EVENTS)
    profile->event[profile->count++] = event;
  else
    profile->left_out++;
}

void bnc_profile_free(bnc_profile *profile) {
  if (!profile) return;
  bnc_energy_close(profile->energy);
  bnc_mem_free(profile->event);
  bnc_mem_free(profile);
}
