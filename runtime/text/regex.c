/* SPDX-License-Identifier: Apache-2.0 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "runtime/text/regex.h"

#include <pcre2.h>
#include <string.h>

#include "platforms/base/mem.h"
#include "runtime/text/growable.h"
#include "runtime/text/utf8.h"

/* Most matches of a pre-tokenizer take a handful of steps. One that takes more is tried again with a larger limit, and what
 * that may cost is taken off a budget in proportion to the text: linear patterns never notice, catastrophic ones end. */
#define FIRST_LIMIT 256u
#define LIMIT_FACTOR 8u
#define BUDGET_BASE 4000000u
#define BUDGET_PER_BYTE 64u
#define HEAP_LIMIT_KIB 131072u
#define PATTERN_LIMIT 16384u

struct bnc_regex {
  pcre2_code *code;
  pcre2_general_context *general;
};

struct bnc_regex_matcher {
  pcre2_general_context *general;
  pcre2_match_context *context;
  pcre2_match_data *data;
  uint64_t budget;
};

static void *allocate(PCRE2_SIZE size, void *unused) {
  (void)unused;
  return bnc_mem_alloc(size);
}

static void release(void *ptr, void *unused) {
  (void)unused;
  bnc_mem_free(ptr);
}

/* Unicode's White_Space, which is Oniguruma's \s; PCRE2's also has U+180E. */
#define WHITE_SPACE "\\x09-\\x0d\\x20\\x{85}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}\\x{205f}\\x{3000}"

/* Rewrites what the two engines read differently, and refuses what cannot be rewritten. */
static bnc_status translate(bnc_text *out, const char *pattern, size_t size, bnc_error *err) {
  bool in_class = false;
  bnc_status status = BNC_OK;
  if (size >= 2 && memcmp(pattern, "(*", 2) == 0) return bnc_fail(err, BNC_ERROR_UNSUPPORTED, "regular expression begins with a (*VERB)");
  for (size_t i = 0; i < size && status == BNC_OK; i++) {
    char c = pattern[i], next = i + 1 < size ? pattern[i + 1] : 0;
    const char *put = NULL;
    if (c == '\\' && i + 1 < size) {
      if (next == 's') put = in_class ? WHITE_SPACE : "[" WHITE_SPACE "]";
      if (next == 'S' && !in_class) put = "[^" WHITE_SPACE "]";
      if (next == 'h') put = in_class ? "0-9a-fA-F" : "[0-9a-fA-F]";
      if ((next == 'S' && in_class) || next == 'Q' || next == 'K' || next == 'H')
        return bnc_fail(err, BNC_ERROR_UNSUPPORTED, "regular expression uses \\%c%s, which is not supported", next,
                        in_class ? " in a class" : "");
      status = put ? bnc_text_append(out, put, strlen(put), err) : bnc_text_append(out, pattern + i, 2, err);
      i++;
      continue;
    }
    if (in_class && (c == '[' || (c == '&' && next == '&')))
      if (!(c == '[' && next == ':'))
        return bnc_fail(err, BNC_ERROR_UNSUPPORTED, "regular expression nests or intersects classes, which is not supported");
    if (in_class && c == '[') { /* [:name:] passes whole: its own ] does not end the class */
      size_t end = i + 2;
      while (end + 1 < size && !(pattern[end] == ':' && pattern[end + 1] == ']')) end++;
      if (end + 1 >= size) return bnc_fail(err, BNC_ERROR_FORMAT, "regular expression has an unfinished [: :]");
      status = bnc_text_append(out, pattern + i, end + 2 - i, err);
      i = end + 1;
      continue;
    }
    if (c == '[') {
      in_class = true;
      size_t take = 1;
      if (next == '^') take = 2;
      if (i + take < size && pattern[i + take] == ']') take++; /* a ] in the first place is itself */
      status = bnc_text_append(out, pattern + i, take, err);
      i += take - 1;
      continue;
    }
    if (c == ']') in_class = false;
    status = bnc_text_append(out, &c, 1, err);
  }
  return status;
}

bnc_status bnc_regex_compile(bnc_regex **regex, const char *pattern, size_t size, bnc_error *err) {
  *regex = NULL;
  if (size > PATTERN_LIMIT)
    return bnc_fail(err, BNC_ERROR_LIMIT, "regular expression has %zu bytes, at most %u are read", size, PATTERN_LIMIT);
  bnc_text text = {0};
  bnc_status status = translate(&text, pattern, size, err);
  bnc_regex *made = status == BNC_OK ? bnc_mem_zalloc(sizeof *made) : NULL;
  if (status == BNC_OK && !made) status = bnc_fail_memory(err, sizeof *made);
  pcre2_compile_context *context = NULL;
  if (status == BNC_OK) {
    made->general = pcre2_general_context_create(allocate, release, NULL);
    context = made->general ? pcre2_compile_context_create(made->general) : NULL;
    if (!context) status = bnc_fail_memory(err, sizeof *made);
  }
  if (status == BNC_OK) {
    int code = 0;
    PCRE2_SIZE at = 0;
    pcre2_set_newline(context, PCRE2_NEWLINE_LF);
    /* In Ruby's syntax ^ and $ belong to the line. */
    made->code = pcre2_compile((PCRE2_SPTR)(text.data ? text.data : ""), text.size,
                               PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C, &code, &at, context);
    if (!made->code && code == PCRE2_ERROR_HEAP_FAILED) {
      status = bnc_fail_memory(err, size);
    } else if (!made->code) {
      char message[160];
      pcre2_get_error_message(code, (PCRE2_UCHAR *)message, sizeof message);
      status = bnc_fail(err, BNC_ERROR_FORMAT, "regular expression '%.*s': %s", (int)(size < 200 ? size : 200), pattern, message);
    } else {
      (void)pcre2_jit_compile(made->code, PCRE2_JIT_COMPLETE); /* where it fails, the interpreter does the same more slowly */
    }
  }
  pcre2_compile_context_free(context);
  bnc_text_free(&text);
  if (status == BNC_OK)
    *regex = made;
  else
    bnc_regex_free(made);
  return status;
}

void bnc_regex_free(bnc_regex *regex) {
  if (!regex) return;
  pcre2_code_free(regex->code);
  pcre2_general_context_free(regex->general);
  bnc_mem_free(regex);
}

bnc_status bnc_regex_matcher_create(bnc_regex_matcher **matcher, size_t work, bnc_error *err) {
  bnc_regex_matcher *made = *matcher = bnc_mem_zalloc(sizeof *made);
  if (!made) return bnc_fail_memory(err, sizeof *made);
  made->budget = BUDGET_BASE + (uint64_t)work * BUDGET_PER_BYTE;
  made->general = pcre2_general_context_create(allocate, release, NULL);
  if (made->general) made->context = pcre2_match_context_create(made->general);
  if (made->general) made->data = pcre2_match_data_create(1, made->general);
  if (made->context && made->data) {
    pcre2_set_heap_limit(made->context, HEAP_LIMIT_KIB);
    return BNC_OK;
  }
  bnc_regex_matcher_free(made);
  *matcher = NULL;
  return bnc_fail_memory(err, sizeof *made);
}

void bnc_regex_matcher_free(bnc_regex_matcher *matcher) {
  if (!matcher) return;
  pcre2_match_data_free(matcher->data);
  pcre2_match_context_free(matcher->context);
  pcre2_general_context_free(matcher->general);
  bnc_mem_free(matcher);
}

static int match_within_budget(bnc_regex_scan *scan) {
  bnc_regex_matcher *m = scan->matcher;
  uint32_t options = PCRE2_NO_UTF_CHECK;
  for (uint64_t limit = FIRST_LIMIT;;) {
    pcre2_set_match_limit(m->context, (uint32_t)limit);
    int rc = pcre2_match(scan->regex->code, (PCRE2_SPTR)scan->text, scan->size, scan->next, options, m->data, m->context);
    if (rc == PCRE2_ERROR_JIT_STACKLIMIT) {
      options |= PCRE2_NO_JIT;
      continue;
    }
    if (rc != PCRE2_ERROR_MATCHLIMIT) return rc;
    limit *= LIMIT_FACTOR;
    if (limit > m->budget || limit > UINT32_MAX) return rc;
    m->budget -= limit;
  }
}

bnc_status bnc_regex_next(bnc_regex_scan *scan, bool *found, size_t *start, size_t *end, bnc_error *err) {
  *found = false;
  while (scan->next <= scan->size) {
    int rc = match_within_budget(scan);
    if (rc == PCRE2_ERROR_NOMATCH) return BNC_OK;
    if (rc == PCRE2_ERROR_NOMEMORY) return bnc_fail_memory(err, scan->size);
    if (rc < 0)
      return bnc_fail(err, BNC_ERROR_LIMIT, "the tokenizer's regular expression takes too long on this text (PCRE2 error %d)", rc);
    const PCRE2_SIZE *range = pcre2_get_ovector_pointer(scan->matcher->data);
    if (range[0] < scan->next || range[1] < range[0]) return bnc_fail(err, BNC_ERROR_UNSUPPORTED, "regular expression matches backwards");
    if (range[0] == range[1] && scan->last_end == range[1]) { /* an empty match where the last one ended: go on behind the next character */
      if (scan->next >= scan->size) return BNC_OK;
      scan->next += (size_t)bnc_utf8_next(scan->text + scan->next, scan->size - scan->next);
      continue;
    }
    *start = range[0];
    *end = scan->next = scan->last_end = range[1];
    *found = true;
    return BNC_OK;
  }
  return BNC_OK;
}
