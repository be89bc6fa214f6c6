/* SPDX-License-Identifier: Apache-2.0 */
/** @file binocle.h  Everything. */
#ifndef BINOCLE_BINOCLE_H
#define BINOCLE_BINOCLE_H

#include <binocle/compile.h>
#include <binocle/context.h>
#include <binocle/energy.h>
#include <binocle/model.h>
#include <binocle/profile.h>
#include <binocle/session.h>
#include <binocle/text.h>
#include <binocle/version.h>

#endif
