/* SPDX-License-Identifier: Apache-2.0 */
/* libedit is not linked to: chat at a keyboard alone wants it, and a program that is unpacked anywhere may find none. What is declared here
 * is of its manual, editline(3), and the same in every library of this soname. */
#include "runtime/program/line_editor.h"

#include <dlfcn.h>
#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <wchar.h>

#include "runtime/program/console.h"

#define KEPT_LINES 500
enum { EL_PROMPT = 0, EL_EDITOR = 2, EL_BIND = 4, EL_ADDFN = 9, EL_HIST = 10, EL_GETCFN = 13 };
enum { CC_REFRESH = 4, CC_ERROR = 6, CC_REDISPLAY = 8 };
enum { H_SETSIZE = 1, H_ENTER = 10, H_LOAD = 17, H_SAVE = 18, H_SETUNIQUE = 20 };

typedef struct history_event {
  int number;
  const char *text;
} history_event;

typedef struct line_info {
  const char *buffer, *cursor, *last;
} line_info;

typedef int (*history_call)(void *history, history_event *event, int what, ...);

static struct {
  void *(*el_init_fd)(const char *program, FILE *in, FILE *out, FILE *errors, int in_fd, int out_fd, int errors_fd);
  void (*el_end)(void *edit);
  const char *(*el_gets)(void *edit, int *count);
  int (*el_set)(void *edit, int what, ...);
  int (*el_source)(void *edit, const char *file);
  const line_info *(*el_line)(void *edit);
  int (*el_insertstr)(void *edit, const char *text);
  void *(*history_init)(void);
  void (*history_end)(void *history);
  history_call history;
} library;

static void *edit, *past;
static bool had_text; /* when the last interrupt came */
static const char *prompt;
static bnc_complete_line complete;
static char file[4096]; /* of the history; "": it is not kept */

/* A data pointer into a function's: POSIX says that they are alike. */
static bool find(void *opened, const char *name, void *function) {
  void *symbol = dlsym(opened, name);
  memcpy(function, &symbol, sizeof symbol);
  return symbol != NULL;
}

static bool load(void) {
  void *opened = dlopen("libedit.so.2", RTLD_NOW | RTLD_LOCAL);
  return opened && find(opened, "el_init_fd", &library.el_init_fd) && find(opened, "el_end", &library.el_end) &&
         find(opened, "el_gets", &library.el_gets) && find(opened, "el_set", &library.el_set) &&
         find(opened, "el_source", &library.el_source) && find(opened, "el_line", &library.el_line) &&
         find(opened, "el_insertstr", &library.el_insertstr) && find(opened, "history_init", &library.history_init) &&
         find(opened, "history_end", &library.history_end) && find(opened, "history", &library.history);
}

bool bnc_line_editor_had_text(void) { return had_text; }

static const char *get_prompt(void *editor) {
  (void)editor;
  return prompt;
}

/* A character from the keyboard; libedit's own way would sleep through an interrupt. */
static int get_character(void *editor, wchar_t *character) {
  mbstate_t state = {0};
  (void)editor;
  for (;;) {
    char byte;
    if (!bnc_interrupt_or_input()) {
      const line_info *line = library.el_line(editor);
      had_text = line->last > line->buffer;
      return -1;
    }
    const ssize_t n = read(STDIN_FILENO, &byte, 1);
    if (n <= 0) return (int)n;
    const size_t length = mbrtowc(character, &byte, 1, &state);
    if (length != (size_t)-2 && length != (size_t)-1) return 1;
    if (length == (size_t)-1) state = (mbstate_t){0}; /* no character: it is left out */
  }
}

static unsigned char on_tab(void *editor, int key) {
  const line_info *line = library.el_line(editor);
  char begun[4096];
  bnc_completion found;
  (void)key;
  snprintf(begun, sizeof begun, "%.*s", (int)(line->cursor - line->buffer), line->buffer);
  complete(begun, &found);
  if (found.list[0]) {
    fprintf(stderr, "\n%s\n", found.list);
    return CC_REDISPLAY;
  }
  return found.insert[0] && library.el_insertstr(editor, found.insert) == 0 ? CC_REFRESH : CC_ERROR;
}

/* Where the history is kept, and the folders to it. */
static void find_file(void) {
  const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
  if (state && state[0] == '/')
    snprintf(file, sizeof file, "%s/binocle/history", state);
  else if (home && home[0] == '/')
    snprintf(file, sizeof file, "%s/.local/state/binocle/history", home);
  char *slash = *file ? strchr(file + 1, '/') : NULL;
  while (slash) {
    *slash = '\0';
    mkdir(file, 0700); /* what is there already stays */
    *slash = '/';
    slash = strchr(slash + 1, '/');
  }
}

static void begin_history(void) {
  history_event event;
  past = library.history_init();
  if (!past) return;
  library.history(past, &event, H_SETSIZE, KEPT_LINES);
  library.history(past, &event, H_SETUNIQUE, 1);
  library.el_set(edit, EL_HIST, library.history, past);
  find_file();
  if (*file) library.history(past, &event, H_LOAD, file);
}

bool bnc_line_editor_open(const char *shown, bnc_complete_line on_tab_complete) {
  const char *kind = getenv("TERM");
  if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO) || !kind || !*kind || strcmp(kind, "dumb") == 0 || !load()) return false;
  setlocale(LC_CTYPE, "");
  if (strcmp(nl_langinfo(CODESET), "UTF-8") != 0) setlocale(LC_CTYPE, "C.UTF-8");
  prompt = shown;
  complete = on_tab_complete;
  edit = library.el_init_fd("binocle", stdin, stderr, stderr, STDIN_FILENO, STDERR_FILENO, STDERR_FILENO);
  if (!edit) return false;
  library.el_set(edit, EL_PROMPT, get_prompt);
  library.el_set(edit, EL_EDITOR, "emacs");
  library.el_set(edit, EL_GETCFN, get_character);
  library.el_set(edit, EL_ADDFN, "binocle-complete", "completes a command or the name of a file", on_tab);
  library.el_set(edit, EL_BIND, "^I", "binocle-complete", NULL);
  library.el_set(edit, EL_BIND, "^R", "em-inc-search-prev", NULL);
  begin_history();
  library.el_source(edit, NULL); /* ~/.editrc: keys as the person is used to */
  return true;
}

const char *bnc_line_editor_next(size_t *length) {
  history_event event;
  int count = 0;
  const char *line = library.el_gets(edit, &count);
  *length = count > 0 ? (size_t)count : 0;
  if (line && count > 1 && past) library.history(past, &event, H_ENTER, line);
  return count > 0 ? line : NULL;
}

void bnc_line_editor_close(void) {
  history_event event;
  if (!edit) return;
  const mode_t before = umask(0077);
  if (past && *file) library.history(past, &event, H_SAVE, file);
  umask(before);
  library.el_end(edit);
  if (past) library.history_end(past);
  edit = past = NULL;
}
