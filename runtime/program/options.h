/* SPDX-License-Identifier: Apache-2.0 */
/** @file options.h  A command's arguments: described by a table, parsed strictly, and told by --help. */
#ifndef BINOCLE_RUNTIME_PROGRAM_OPTIONS_H
#define BINOCLE_RUNTIME_PROGRAM_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BNC_LIST_LIMIT 64
#define BNC_OPTIONS_LIMIT 64 /* options of one command */

/** The values of an option that may be repeated; they point into argv. */
typedef struct bnc_text_list {
  size_t count;
  const char *item[BNC_LIST_LIMIT];
} bnc_text_list;

/** Any number of arguments; they point into argv. */
typedef struct bnc_operand_list {
  size_t count;
  char **item;
} bnc_operand_list;

/** Exactly one of the targets is set: it says what kind of option this is, and holds the default. */
typedef struct bnc_option {
  const char *name;  /* "max-tokens" for --max-tokens; a single letter for -o */
  const char *value; /* what help calls the value: "N"; NULL for a flag */
  const char *help;  /* one line */
  bool required;
  const char *needs; /* without one of these it says nothing: "json|power-limit", or with a value of its choices: "text-weights int4" */
  const char *one;   /* of the options with the same text one may be given; it says why: "an answer has one form" */
  bool output;       /* the value names a file that is written: it must be none of the files that the other arguments name */
  bool state;        /* the value names a saved conversation, which is read whole before one is written: that may take its place */
  bool *flag;
  const char **text;            /* not empty */
  bool parts;                   /* a text "A,B,C", of which no part is empty */
  bnc_text_list *list;          /* may be repeated */
  bnc_operand_list *rest;       /* every argument that is no option, behind the operands; name is what help calls them: "FILE..." */
  uint64_t *count, least, most; /* a whole number from least to most */
  uint64_t *bytes;              /* "800M", "1.5G": powers of 1000; with an i behind them, of 1024 */
  double *real, low, high;      /* a finite number from low to high */
  unsigned *choice;             /* index of the value in choices, which a NULL ends */
  const char *const *choices;
} bnc_option;

typedef struct bnc_command {
  const char *name;
  const char *synopsis; /* arguments in one line: "MODEL --prompt TEXT [--image FILE]... [options]" */
  const char *summary;  /* one line, for the list of commands */
  const char *details;  /* paragraphs for --help; may be NULL */
  const char *examples; /* lines for --help */
  int (*run)(const struct bnc_command *command, int argc,
             char **argv); /* argv[0] is the first argument behind the command; returns the exit code */
} bnc_command;

typedef struct bnc_arguments {
  const char *const *operands; /* names of the arguments that are no options, each required: "MODEL"; NULL ends */
  const char **operand;        /* their values go here */
  const bnc_option *options;
  size_t count;
} bnc_arguments;

#define BNC_PARSED (-1)

/** Fills in the targets. BNC_PARSED: go on; else the exit code to end with (--help was printed, or the one line that says what is wrong).
 */
int bnc_options_parse(const bnc_command *command, const bnc_arguments *arguments, int argc, char **argv);

/** What is written must not replace what is read: says so where `output` is the file `input`, or one of that folder; input may be NULL.
 * BNC_PARSED: go on; else the exit code. */
int bnc_options_check_output(const char *output, const char *input);
/** The same with every file that the arguments, parsed before, name. */
int bnc_options_check_output_of(const bnc_arguments *arguments, const char *output);

/** Prints a command's help on standard output. */
void bnc_options_help(const bnc_command *command, const bnc_arguments *arguments);

/** Says one line, "binocle: COMMAND: ...; see 'binocle COMMAND --help'", and returns the exit code of wrong usage. command is NULL where
 * none runs. */
int bnc_usage_error(const char *command, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
