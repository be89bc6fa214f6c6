/* SPDX-License-Identifier: Apache-2.0 */
#include <binocle/version.h>
#include <string.h>

#include "runtime/program/bus_guard.h"
#include "runtime/program/commands.h"
#include "runtime/program/console.h"

static const bnc_command *const commands[] = {&bnc_cmd_compile, &bnc_cmd_synth,      &bnc_cmd_run,     &bnc_cmd_chat,   &bnc_cmd_encode,
                                              &bnc_cmd_score,   &bnc_cmd_tokenize,   &bnc_cmd_inspect, &bnc_cmd_bench,  &bnc_cmd_profile,
                                              &bnc_cmd_eval,    &bnc_cmd_perplexity, &bnc_cmd_verify,  &bnc_cmd_devices};
#define COMMANDS (sizeof commands / sizeof *commands)

static void print_help(void) {
  bnc_console_print(
      "usage: binocle COMMAND ...\n\nAnswers questions about high-resolution pictures on a CPU, with INF-LLaVA models.\n\ncommands:\n");
  for (size_t i = 0; i < COMMANDS; i++) bnc_console_print("  %-10s %s\n", commands[i]->name, commands[i]->summary);
  bnc_console_print("\n'binocle COMMAND --help' tells more; 'binocle --version' tells the version.\n\n"
                    "environment:\n"
                    "  BINOCLE_CPU     kernels of this level at most: scalar, avx2, avx512vnni, neon, neon_dotprod or neon_i8mm\n"
                    "  BINOCLE_LINEAR  what runs linear layers: auto, own or xnnpack\n"
                    "  BINOCLE_CACHE   folder of packed weights\n\n"
                    "exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted\n");
}

static const bnc_command *find(const char *name) {
  for (size_t i = 0; i < COMMANDS; i++)
    if (strcmp(commands[i]->name, name) == 0) return commands[i];
  return NULL;
}

int main(int argc, char **argv) {
  bnc_console_init();
  bnc_bus_guard(NULL);
  if (argc < 2) return bnc_usage_error(NULL, "no command is given");
  const char *name = argv[1];
  const bnc_command *command = find(name);
  if (command) return command->run(command, argc - 2, argv + 2);
  const bool help = strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0, version = strcmp(name, "--version") == 0;
  if ((help || version) && argc > 2) return bnc_usage_error(NULL, "'%.60s' behind %s is one argument too many", argv[2], name);
  if (help)
    print_help();
  else if (version)
    bnc_console_print("binocle %s\n", bnc_version());
  else if (name[0] == '-')
    return bnc_usage_error(NULL, "there is no option '%.60s'", name);
  else
    return bnc_usage_error(NULL, "there is no command '%.60s'", name);
  return bnc_console_finish(BNC_EXIT_DONE);
}
