/* SPDX-License-Identifier: Apache-2.0 */
#include <binocle/version.h>
#include <string.h>

#include "runtime/program/bus_guard.h"
#include "runtime/program/commands.h"
#include "runtime/program/console.h"
#include "runtime/program/nearest.h"

static const bnc_command *const commands[] = {
    &bnc_cmd_compile, &bnc_cmd_synth, &bnc_cmd_run,     &bnc_cmd_chat, &bnc_cmd_encode,     &bnc_cmd_score,  &bnc_cmd_tokenize,
    &bnc_cmd_inspect, &bnc_cmd_bench, &bnc_cmd_profile, &bnc_cmd_eval, &bnc_cmd_perplexity, &bnc_cmd_verify, &bnc_cmd_devices,
#ifdef BINOCLE_SERVE
    &bnc_cmd_serve,
#endif
};
#define COMMANDS (sizeof commands / sizeof *commands)

static void print_help(void) {
  bnc_console_print(
      "usage: binocle COMMAND ...\n\nAnswers questions about high-resolution pictures on a CPU, with INF-LLaVA models.\n\ncommands:\n");
  for (size_t i = 0; i < COMMANDS; i++) bnc_console_print("  %-10s %s\n", commands[i]->name, commands[i]->summary);
  bnc_console_print(
      "\n'binocle help COMMAND' tells more; 'binocle --version' tells the version.\n\n"
      "environment:\n"
      "  BINOCLE_CPU     fastest kernels to use: scalar, avx2, avx512vnni, avx512bf16, amx, neon, neon_dotprod, neon_i8mm or neon_bf16\n"
      "  BINOCLE_LINEAR  what runs linear layers: auto, own or xnnpack\n"
      "  BINOCLE_CACHE   folder of packed weights and of kept rows of template and system text\n\n"
      "exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted\n");
}

static const bnc_command *find(const char *name) {
  for (size_t i = 0; i < COMMANDS; i++)
    if (strcmp(commands[i]->name, name) == 0) return commands[i];
  return NULL;
}

static int refuse_command(const char *name) {
  char said[96];
  bnc_nearest nearest = {.typed = name};
  for (size_t i = 0; i < COMMANDS; i++) bnc_nearest_offer(&nearest, commands[i]->name);
  bnc_nearest_offer(&nearest, "help");
  return bnc_usage_error(NULL, "there is no command '%.60s'%s", name, bnc_nearest_say(&nearest, "", said));
}

/* "help", "help COMMAND". */
static int help(int argc, char **argv) {
  char ask[] = "--help", *asks[] = {ask, NULL};
  if (argc > 1) return bnc_usage_error(NULL, "'%.60s' behind help %s is one argument too many", argv[1], argv[0]);
  const bnc_command *command = argc == 1 ? find(argv[0]) : NULL;
  if (command) return command->run(command, 1, asks);
  if (argc == 1 && strcmp(argv[0], "help") != 0) return refuse_command(argv[0]);
  print_help();
  return bnc_console_finish(BNC_EXIT_DONE);
}

int main(int argc, char **argv) {
  bnc_console_init();
  bnc_bus_guard(NULL);
  if (argc < 2) return bnc_usage_error(NULL, "no command is given");
  const char *name = argv[1];
  const bnc_command *command = find(name);
  if (command) return command->run(command, argc - 2, argv + 2);
  if (strcmp(name, "help") == 0) return help(argc - 2, argv + 2);
  const bool wants_help = strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0,
             version = strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0;
  if ((wants_help || version) && argc > 2) return bnc_usage_error(NULL, "'%.60s' behind %s is one argument too many", argv[2], name);
  if (wants_help)
    print_help();
  else if (version)
    bnc_console_print("binocle %s\n", bnc_version());
  else if (name[0] == '-')
    return bnc_usage_error(NULL, "there is no option '%.60s'", name);
  else
    return refuse_command(name);
  return bnc_console_finish(BNC_EXIT_DONE);
}
