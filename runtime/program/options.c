/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/program/options.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "runtime/program/console.h"
#include "runtime/program/nearest.h"

int bnc_usage_error(const char *command, const char *format, ...) {
  char text[512];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  if (command)
    bnc_console_error("%s: %s; see 'binocle %s --help'", command, text, command);
  else
    bnc_console_error("%s; see 'binocle --help'", text);
  return BNC_EXIT_USAGE;
}

/* The dashes belong to how an option is written. */
static const char *dashes(const bnc_option *option) { return option->rest ? "" : option->name[1] ? "--" : "-"; }

static bool is_named(const bnc_option *option, const char *name, size_t length) {
  return strlen(option->name) == length && memcmp(option->name, name, length) == 0;
}

/* The option that an argument names ("--name", "--name=value", "-o"), or NULL; *value: what stands behind "=", or NULL. */
static const bnc_option *find_option(const bnc_arguments *arguments, const char *argument, const char **value) {
  const bool is_long = argument[0] == '-' && argument[1] == '-';
  const char *name = argument + (is_long ? 2 : 1), *equals = is_long ? strchr(name, '=') : NULL;
  const size_t length = equals ? (size_t)(equals - name) : strlen(name);
  *value = equals ? equals + 1 : NULL;
  if (is_long ? length < 2 : length != 1) return NULL;
  for (size_t i = 0; i < arguments->count; i++)
    if (!arguments->options[i].rest && is_named(&arguments->options[i], name, length)) return &arguments->options[i];
  return NULL;
}

static bool parse_count(const char *text, uint64_t *count) {
  char *end;
  if (text[0] < '0' || text[0] > '9') return false; /* strtoull would take white space and signs */
  errno = 0;
  const unsigned long long parsed = strtoull(text, &end, 10);
  *count = parsed;
  return *end == '\0' && errno == 0;
}

static bool parse_real(const char *text, double *real) {
  char *end;
  if (!text[0] || text[strspn(text, "0123456789.eE+-")]) return false; /* strtod would take white space, hexadecimals, inf and nan */
  *real = strtod(text, &end);
  return *end == '\0' && isfinite(*real);
}

/* A positive number and a unit that is a power of 1000, or of 1024: K, M, G, T, Ki, Mi, Gi, Ti. */
static bool parse_bytes(const char *text, uint64_t *bytes) {
  static const char units[] = "KMGT";
  char *end;
  double value = strtod(text, &end);
  if (text[0] < '0' || text[0] > '9' || end != text + strspn(text, "0123456789.")) return false; /* strtod would take exponents and inf */
  const char *unit = *end ? strchr(units, *end) : NULL;
  if (unit) {
    const double step = end[1] == 'i' ? 1024 : 1000;
    for (const char *u = units; u <= unit; u++) value *= step;
    end += step > 1000 ? 2 : 1;
  }
  *bytes = value < 1e18 ? (uint64_t)value : 0;
  return *end == '\0' && *bytes > 0;
}

static int parse_choice(const char *command, const bnc_option *o, const char *value) {
  char all[128] = "";
  for (unsigned i = 0; o->choices[i]; i++) {
    if (strcmp(o->choices[i], value) == 0) {
      *o->choice = i;
      return BNC_PARSED;
    }
    const size_t used = strlen(all);
    snprintf(all + used, sizeof all - used, "%s%s", i == 0 ? "" : o->choices[i + 1] ? ", " : " or ", o->choices[i]);
  }
  return bnc_usage_error(command, "%s%s is '%.60s', expected %s", dashes(o), o->name, value, all);
}

static bool has_empty_part(const char *list) { return list[0] == ',' || list[strlen(list) - 1] == ',' || strstr(list, ",,"); }

static int store(const char *command, const bnc_option *o, const char *value) {
  if (o->choice) return parse_choice(command, o, value);
  if (o->count) {
    uint64_t count;
    if (!parse_count(value, &count) || count < o->least || count > o->most)
      return bnc_usage_error(command, "%s%s is '%.60s', expected a whole number from %llu to %llu", dashes(o), o->name, value,
                             (unsigned long long)o->least, (unsigned long long)o->most);
    *o->count = count;
    return BNC_PARSED;
  }
  if (o->bytes) {
    if (parse_bytes(value, o->bytes)) return BNC_PARSED;
    return bnc_usage_error(command, "%s%s is '%.60s', expected a size such as 800M, 1.5G or 2Gi", dashes(o), o->name, value);
  }
  if (o->real) {
    double real;
    if (!parse_real(value, &real) || real < o->low || real > o->high)
      return bnc_usage_error(command, "%s%s is '%.60s', expected a number from %g to %g", dashes(o), o->name, value, o->low, o->high);
    *o->real = real;
    return BNC_PARSED;
  }
  if (!value[0]) return bnc_usage_error(command, "%s%s is empty", dashes(o), o->name);
  if (o->parts && has_empty_part(value)) return bnc_usage_error(command, "%s%s '%.60s' has an empty part", dashes(o), o->name, value);
  if (o->text) {
    *o->text = value;
    return BNC_PARSED;
  }
  if (o->list->count == BNC_LIST_LIMIT)
    return bnc_usage_error(command, "%s%s is given more than %d times", dashes(o), o->name, BNC_LIST_LIMIT);
  o->list->item[o->list->count++] = value;
  return BNC_PARSED;
}

static int refuse_option(const char *command, const bnc_arguments *arguments, const char *argument) {
  const bool is_long = argument[0] == '-' && argument[1] == '-';
  char typed[32], said[96];
  snprintf(typed, sizeof typed, "%.*s", (int)strcspn(argument + 2 * is_long, "="), argument + 2 * is_long);
  bnc_nearest nearest = {.typed = typed};
  for (size_t i = 0; is_long && i < arguments->count; i++)
    if (!arguments->options[i].rest && arguments->options[i].name[1]) bnc_nearest_offer(&nearest, arguments->options[i].name);
  return bnc_usage_error(command, "there is no option '%.60s'%s", argument, bnc_nearest_say(&nearest, "--", said));
}

/* One option with its value; *used: how many arguments it took. */
static int parse_option(const char *command, const bnc_arguments *arguments, int left, char **argv, bool *seen, int *used) {
  const char *value, *unused;
  const bnc_option *o = find_option(arguments, argv[0], &value);
  *used = 1;
  if (!o) return refuse_option(command, arguments, argv[0]);
  bool *again = &seen[o - arguments->options];
  if (*again && !o->list) return bnc_usage_error(command, "%s%s is given twice", dashes(o), o->name);
  *again = true;
  if (o->flag) {
    if (value) return bnc_usage_error(command, "%s%s takes no value, found '%.60s'", dashes(o), o->name, value);
    *o->flag = true;
    return BNC_PARSED;
  }
  if (!value) {
    /* "--prompt --json" forgot its value; "--prompt=--json" did not. */
    if (left < 2 || (argv[1][0] == '-' && find_option(arguments, argv[1], &unused)))
      return bnc_usage_error(command, "%s%s %s lacks its value", dashes(o), o->name, o->value);
    value = argv[1];
    *used = 2;
  }
  return store(command, o, value);
}

/* Whether `need`, "name" or "name value" in `length` letters, is there; a value may be the default. */
static bool is_met(const bnc_arguments *arguments, const bool *seen, const char *need, size_t length) {
  const size_t name = strcspn(need, " |");
  for (size_t i = 0; i < arguments->count; i++) {
    const bnc_option *o = &arguments->options[i];
    if (o->rest || !is_named(o, need, name)) continue;
    if (name == length) return seen[i];
    const char *value = o->choices[*o->choice];
    return strlen(value) == length - name - 1 && memcmp(value, need + name + 1, length - name - 1) == 0;
  }
  return false;
}

/* Options that would do nothing are refused. */
static int check_needs(const char *command, const bnc_arguments *arguments, const bool *seen) {
  for (size_t i = 0; i < arguments->count; i++) {
    const bnc_option *o = &arguments->options[i];
    char all[128] = "";
    bool met = !seen[i] || !o->needs;
    for (const char *need = o->needs; !met && need;) {
      const size_t length = strcspn(need, "|"), used = strlen(all);
      met = is_met(arguments, seen, need, length);
      snprintf(all + used, sizeof all - used, "%s--%.*s", used ? " or " : "", (int)length, need);
      need = need[length] ? need + length + 1 : NULL;
    }
    if (!met) return bnc_usage_error(command, "%s%s needs %s", dashes(o), o->name, all);
  }
  return BNC_PARSED;
}

static int check_only_ones(const char *command, const bnc_arguments *arguments, const bool *seen) {
  for (size_t i = 0; i < arguments->count; i++)
    for (size_t j = 0; j < i; j++) {
      const bnc_option *a = &arguments->options[j], *b = &arguments->options[i];
      if (seen[i] && seen[j] && a->one && b->one && strcmp(a->one, b->one) == 0)
        return bnc_usage_error(command, "%s%s and %s%s exclude each other: %s", dashes(a), a->name, dashes(b), b->name, a->one);
    }
  return BNC_PARSED;
}

static int check_required(const char *command, const bnc_arguments *arguments, size_t operands, const bool *seen) {
  if (arguments->operands[operands]) return bnc_usage_error(command, "%s is missing", arguments->operands[operands]);
  for (size_t i = 0; i < arguments->count; i++) {
    const bnc_option *o = &arguments->options[i];
    if (o->rest && o->required && o->rest->count == 0) return bnc_usage_error(command, "%s is missing", o->name);
    if (!o->rest && o->required && !seen[i]) return bnc_usage_error(command, "%s%s %s is missing", dashes(o), o->name, o->value);
  }
  return BNC_PARSED;
}

static bool same_file(const char *a, const char *b) {
  struct stat x, y;
  return stat(a, &x) == 0 && stat(b, &y) == 0 && S_ISREG(x.st_mode) && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* A file of a folder that is read, as a checkpoint is; model files are none of its parts. */
static bool is_inside(const char *file, const char *folder) {
  struct stat in, of, it;
  char parent[4096];
  const char *slash = strrchr(file, '/');
  const size_t length = !slash || slash == file ? 1 : (size_t)(slash - file), name = strlen(file);
  if (length >= sizeof parent || (name > 4 && strcmp(file + name - 4, ".bnc") == 0)) return false;
  memcpy(parent, slash ? file : ".", length);
  parent[length] = '\0';
  return stat(file, &it) == 0 && S_ISREG(it.st_mode) && stat(folder, &of) == 0 && S_ISDIR(of.st_mode) && stat(parent, &in) == 0 &&
         in.st_dev == of.st_dev && in.st_ino == of.st_ino;
}

int bnc_options_check_output(const char *output, const char *input) {
  if (!input || output == input || (!same_file(output, input) && !is_inside(output, input))) return BNC_PARSED;
  bnc_console_error("%s: is %s %s, expected another file to write", output, same_file(output, input) ? "the same file as" : "a part of",
                    input);
  return BNC_EXIT_FAILED;
}

int bnc_options_check_output_of(const bnc_arguments *arguments, const char *output) {
  int code = BNC_PARSED;
  for (size_t k = 0; code == BNC_PARSED && arguments->operands[k]; k++) code = bnc_options_check_output(output, arguments->operand[k]);
  for (size_t k = 0; k < arguments->count; k++) {
    const bnc_option *o = &arguments->options[k];
    if (o->state || !o->value || (!strstr(o->value, "FILE") && !strstr(o->value, ".") && strcmp(o->value, "DIR") != 0)) continue;
    for (size_t n = 0; o->list && code == BNC_PARSED && n < o->list->count; n++) code = bnc_options_check_output(output, o->list->item[n]);
    if (o->text && code == BNC_PARSED) code = bnc_options_check_output(output, *o->text);
  }
  return code;
}

static int check_outputs(const bnc_arguments *arguments) {
  int code = BNC_PARSED;
  for (size_t i = 0; code == BNC_PARSED && i < arguments->count; i++)
    if (arguments->options[i].output && *arguments->options[i].text)
      code = bnc_options_check_output_of(arguments, *arguments->options[i].text);
  return code;
}

static bnc_operand_list *find_rest(const bnc_arguments *arguments, char **argv) {
  for (size_t i = 0; i < arguments->count; i++)
    if (arguments->options[i].rest) {
      *arguments->options[i].rest = (bnc_operand_list){.item = argv};
      return arguments->options[i].rest;
    }
  return NULL;
}

int bnc_options_parse(const bnc_command *command, const bnc_arguments *arguments, int argc, char **argv) {
  bool seen[BNC_OPTIONS_LIMIT] = {false}, options_end = false;
  size_t operands = 0;
  bnc_operand_list *rest = find_rest(arguments, argv);
  /* Help wins over whatever else is wrong. */
  for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++)
    if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
      bnc_options_help(command, arguments);
      return bnc_console_finish(BNC_EXIT_DONE);
    }
  for (int i = 0, used; i < argc; i += used) {
    used = 1;
    if (!options_end && strcmp(argv[i], "--") == 0) {
      options_end = true;
    } else if (!options_end && argv[i][0] == '-' && argv[i][1]) {
      const int code = parse_option(command->name, arguments, argc - i, argv + i, seen, &used);
      if (code != BNC_PARSED) return code;
    } else {
      const char *name = arguments->operands[operands];
      if (!name && !rest) return bnc_usage_error(command->name, "'%.60s' is one argument too many", argv[i]);
      if (!argv[i][0]) return bnc_usage_error(command->name, "%s is empty", name ? name : "an argument");
      if (name)
        arguments->operand[operands++] = argv[i];
      else
        rest->item[rest->count++] = argv[i]; /* over arguments that were read already */
    }
  }
  int code = check_required(command->name, arguments, operands, seen);
  if (code == BNC_PARSED) code = check_needs(command->name, arguments, seen);
  if (code == BNC_PARSED) code = check_only_ones(command->name, arguments, seen);
  return code == BNC_PARSED ? check_outputs(arguments) : code;
}

void bnc_options_help(const bnc_command *command, const bnc_arguments *arguments) {
  bnc_console_print("usage: binocle %s %s\n\n%s\n", command->name, command->synopsis, command->summary);
  if (command->details) bnc_console_print("\n%s\n", command->details);
  bnc_console_print("\noptions:\n");
  for (size_t i = 0; i <= arguments->count; i++) {
    const bnc_option help = {.name = "help", .help = "print this"}, *o = i < arguments->count ? &arguments->options[i] : &help;
    char left[64];
    snprintf(left, sizeof left, "%s%s%s%s", dashes(o), o->name, o->value ? " " : "", o->value ? o->value : "");
    bnc_console_print("  %-28s %s%s\n", left, o->help, o->list ? "; may be repeated" : "");
  }
  bnc_console_print("\nexamples:\n%s\n", command->examples);
}
