/* SPDX-License-Identifier: Apache-2.0 */
/** @file commands.h  The commands of the program: one file each, one table for all. */
#ifndef BINOCLE_RUNTIME_PROGRAM_COMMANDS_H
#define BINOCLE_RUNTIME_PROGRAM_COMMANDS_H

#include "runtime/program/options.h"

extern const bnc_command bnc_cmd_bench, bnc_cmd_chat, bnc_cmd_compile, bnc_cmd_devices, bnc_cmd_encode, bnc_cmd_eval, bnc_cmd_inspect,
    bnc_cmd_perplexity, bnc_cmd_profile, bnc_cmd_run, bnc_cmd_score, bnc_cmd_serve, bnc_cmd_synth, bnc_cmd_tokenize, bnc_cmd_verify;

#endif
