/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/program/path_argument.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The text without its quotes and backslashes, ~ replaced. *quote: the one that is open at the end, or 0. */
static char *unquote(const char *text, char *quote) {
  const char *home = text[0] == '~' && (text[1] == '/' || !text[1]) ? getenv("HOME") : NULL;
  const size_t before = home ? strlen(home) : 0;
  char *out = malloc(before + strlen(text) + 1), *end = out;
  *quote = 0;
  if (!out) return NULL;
  if (home) {
    memcpy(end, home, before);
    end += before;
    text++;
  }
  for (; *text; text++) {
    if (*quote ? *text == *quote : *text == '\'' || *text == '"') {
      *quote = *quote ? 0 : *text;
      continue;
    }
    if (*text == '\\' && *quote != '\'' && text[1]) text++;
    *end++ = *text;
  }
  *end = '\0';
  return out;
}

char *bnc_path_argument(const char *text) {
  char quote;
  return access(text, F_OK) == 0 ? strdup(text) : unquote(text, &quote);
}

/* Adds to text what fits. */
static void append(char *text, const char *more, size_t size) {
  const size_t used = strlen(text), room = BNC_COMPLETION_TEXT - 1 - used;
  if (size > room) size = room;
  memcpy(text + used, more, size);
  text[used + size] = '\0';
}

/* The names that may be meant, as they come: how many, and the beginning that they share. */
typedef struct matches {
  char shared[BNC_COMPLETION_TEXT], list[BNC_COMPLETION_TEXT];
  size_t count;
} matches;

static void match(matches *m, const char *name, size_t typed, const char *typed_text) {
  if (strncmp(name, typed_text, typed) != 0) return;
  if (m->count++ == 0) {
    append(m->shared, name, strlen(name));
  } else {
    size_t same = 0;
    while (name[same] && name[same] == m->shared[same]) same++;
    m->shared[same] = '\0';
    append(m->list, "  ", 2);
  }
  append(m->list, name, strlen(name));
}

/* Inserts what all share; where that is nothing more, lists them. */
static void take(const matches *m, size_t typed, char quote, bnc_completion *out) {
  for (const char *c = m->shared + typed; m->count && *c; c++) {
    if (quote ? *c == '\\' || (*c == quote && quote == '"') : strchr(" \\'\"", *c) != NULL) append(out->insert, "\\", 1);
    append(out->insert, c, 1);
  }
  if (m->count > 1 && !out->insert[0]) append(out->list, m->list, strlen(m->list));
}

void bnc_path_complete(const char *text, bnc_completion *out) {
  char quote = 0, *path = unquote(text, &quote), *slash = path ? strrchr(path, '/') : NULL;
  matches m = {.count = 0};
  *out = (bnc_completion){.insert = ""};
  if (!path) return;
  const char *name = slash ? slash + 1 : path;
  const size_t typed = strlen(name), folder_size = slash ? (size_t)(slash + 1 - path) : 0;
  char whole[2 * BNC_COMPLETION_TEXT];
  snprintf(whole, sizeof whole, "%.*s", (int)(folder_size < BNC_COMPLETION_TEXT ? folder_size : 0), path);
  DIR *folder = opendir(slash ? whole : ".");
  if (folder) {
    for (struct dirent *e; (e = readdir(folder)) != NULL;)
      if (e->d_name[0] != '.' || name[0] == '.') match(&m, e->d_name, typed, name);
    closedir(folder);
  }
  take(&m, typed, quote, out);
  struct stat st;
  append(whole, m.shared, strlen(m.shared));
  if (m.count == 1 && stat(whole, &st) == 0) {
    const char close[2] = {quote ? quote : ' ', '\0'};
    append(out->insert, S_ISDIR(st.st_mode) ? "/" : close, 1);
  }
  free(path);
}

void bnc_name_complete(const char *text, const char *const *names, bnc_completion *out) {
  matches m = {.count = 0};
  *out = (bnc_completion){.insert = ""};
  for (; *names; names++) match(&m, *names, strlen(text), text);
  take(&m, strlen(text), 0, out);
  if (m.count == 1) append(out->insert, " ", 1);
}
