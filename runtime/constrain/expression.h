/* SPDX-License-Identifier: Apache-2.0 */
/** @file expression.h  Regular expressions, of the syntax that binocle/constrain.h gives, as languages. */
#ifndef BINOCLE_RUNTIME_CONSTRAIN_EXPRESSION_H
#define BINOCLE_RUNTIME_CONSTRAIN_EXPRESSION_H

#include "runtime/constrain/nfa.h"

#define BNC_EXPRESSION_BYTES ((size_t)1 << 14)
#define BNC_EXPRESSION_DEPTH 64 /* groups in each other */
#define BNC_EXPRESSION_TIMES 65535u
#define BNC_EXPRESSION_ENDLESS UINT32_MAX

typedef enum bnc_expression_kind {
  BNC_EXPRESSION_SET,      /* first: the index of its set */
  BNC_EXPRESSION_SEQUENCE, /* first: the first of its parts, or NONE */
  BNC_EXPRESSION_CHOICE,   /* likewise */
  BNC_EXPRESSION_REPEAT    /* first: what is repeated, least to most times */
} bnc_expression_kind;

typedef struct bnc_expression_node {
  bnc_expression_kind kind;
  uint32_t first, next, least, most; /* next: the one behind it in its sequence or choice, or NONE */
  bool begins, ends;                 /* a sequence of the whole expression: it had a ^ in front, a $ behind */
} bnc_expression_node;

/** A parsed expression. */
typedef struct bnc_expression {
  bnc_expression_node *nodes;
  bnc_characters *sets;
  size_t node_count, node_capacity, set_count, set_capacity;
  uint32_t root; /* a choice of sequences */
} bnc_expression;

/** Errors name the byte: BNC_ERROR_FORMAT where it is no expression, BNC_ERROR_UNSUPPORTED where it is of a kind that is not known here. */
bnc_status bnc_expression_parse(bnc_expression *expression, const char *text, size_t size, bnc_error *err);
void bnc_expression_free(bnc_expression *expression);

/** How a character of a set is written. */
typedef void (*bnc_write_characters)(bnc_nfa *nfa, uint32_t from, const bnc_characters *set, uint32_t to);

/** The texts that match from their first to their last character. */
uint32_t bnc_expression_write(const bnc_expression *expression, bnc_nfa *nfa, uint32_t from);
/** The texts in which something matches, their characters written by `write`. */
uint32_t bnc_expression_write_search(const bnc_expression *expression, bnc_nfa *nfa, uint32_t from, bnc_write_characters write);

#endif
