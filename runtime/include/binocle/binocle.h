/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file binocle.h  Everything.
 *
 * What holds for every call:
 * - **Status.** A call that can fail returns bnc_status; BNC_OK is 0. Every such call may return BNC_ERROR_ARGUMENT (a NULL or a value that
 *   the call does not allow) and BNC_ERROR_MEMORY; the others that it can return stand with it. The message is bnc_context_error's, or for
 *   calls on a session bnc_session_error's. A failed call leaves its handle usable and its output parameters NULL, empty or untouched.
 * - **Structs that begin with `size`** are versioned by it. Set it to sizeof the struct before the call, by the struct's `_init` function
 *   where there is one (it also fills in the defaults), else by hand. The library reads or writes that many bytes and no more, so a program
 *   that was built with an older header works with a newer library. 0 is BNC_ERROR_ARGUMENT. `reserved` members stay NULL.
 * - **Ownership.** Handles and strings that a call hands out belong to the caller, who frees them with the function named beside them;
 *   freeing NULL is allowed. Paths, texts and settings that are handed in are copied or read during the call.
 * - **Threads.** A handle serves one thread at a time; handles are independent of each other, but that sessions share their model.
 */
#ifndef BINOCLE_BINOCLE_H
#define BINOCLE_BINOCLE_H

#include <binocle/compile.h>
#include <binocle/constrain.h>
#include <binocle/context.h>
#include <binocle/devices.h>
#include <binocle/energy.h>
#include <binocle/fidelity.h>
#include <binocle/machine_state.h>
#include <binocle/model.h>
#include <binocle/moments.h>
#include <binocle/plot.h>
#include <binocle/power.h>
#include <binocle/profile.h>
#include <binocle/session.h>
#include <binocle/text.h>
#include <binocle/version.h>

#endif
