/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file constrain.h  Answers of a given form: one of some texts, what a regular expression matches, or JSON of a schema.
 *
 * The model still chooses, but among those tokens alone that keep the form, before temperature, top-k and top-p; with BNC_DRAFT_LOOKUP too.
 * An answer that ends with BNC_FINISH_STOP, BNC_FINISH_LENGTH or BNC_FINISH_CONTEXT is complete: near the end of max_tokens or of the
 * context only those tokens remain that leave room to finish. One that a callback, bnc_session_cancel or a stop text ends may not be.
 * An answer behind which nothing can follow ends by itself. Text is UTF-8.
 *
 * **Regular expressions** match the whole answer. Characters; . (all but \\n \\r U+2028 U+2029); [a-z] [^a-z]; in ASCII \\d \\w \\s
 * \\D \\W \\S; \\n \\r \\t \\f \\v \\0 \\xHH \\uHHHH, and \\ in front of punctuation; ( ) (?: ) |; * + ? {n} {n,} {n,m}, behind which a ?
 * changes nothing; ^ and $ at the ends of the expression or of its branches. Nothing else: no look-around, no references back, no \\b, no
 * \\p.
 *
 * **JSON Schema**: `type`, a name or a list. Objects: `properties` in the given order, `required`, `additionalProperties` false, as it is
 * where it is not given; without properties it may be true or a schema: members of any names, which may come twice. Arrays: `items`,
 * `minItems`, `maxItems`. Strings: `minLength` and `maxLength` in characters, or `pattern`, an expression as above that is found anywhere
 * unless it has ^ and $, or `format` date, time, date-time or uuid. Numbers: `minimum`, `maximum`, `exclusiveMinimum`, `exclusiveMaximum`,
 * of `number` as whole numbers. Anywhere: `enum`, `const`, `anyOf`, `$ref` to #/$defs/NAME or #/definitions/NAME that does not come back
 * to itself; title, description, default, examples and the like, which say nothing. true and {}: any JSON of up to 4 arrays and objects in
 * each other. Anything else is refused, by its JSON pointer. Numbers have up to 15 digits in front of the point and behind it, an exponent
 * of up to two, none where there are bounds. The JSON has no white space but, perhaps, one space behind a comma or a colon.
 */
#ifndef BINOCLE_CONSTRAIN_H
#define BINOCLE_CONSTRAIN_H

#include <stddef.h>

#include <binocle/export.h>
#include <binocle/status.h>

#ifdef __cplusplus
extern "C" {
#endif

struct bnc_session; /* session.h */

/** What an answer must be. */
typedef enum bnc_constraint_kind {
  BNC_CONSTRAINT_NONE = 0,       /**< whatever the model says */
  BNC_CONSTRAINT_CHOICE = 1,     /**< one of the texts */
  BNC_CONSTRAINT_REGEX = 2,      /**< what the text, a regular expression, matches */
  BNC_CONSTRAINT_JSON_SCHEMA = 3 /**< JSON of the text, a schema */
} bnc_constraint_kind;

/** The form of each answer of the session from now on. texts: [count], one but for a choice (up to 65536), none for BNC_CONSTRAINT_NONE.
 * Where it fails, the session keeps the form that it had. BNC_ERROR_FORMAT: not an expression or a schema; BNC_ERROR_UNSUPPORTED: not of
 * those above, or the model has no tokenizer; BNC_ERROR_LIMIT: too large or too ambiguous; BNC_ERROR_ARGUMENT: also where no text has the
 * form. bnc_session_generate returns BNC_ERROR_LIMIT where the shortest answer takes more than max_tokens, or than the context has left. */
BNC_API bnc_status bnc_session_constrain(struct bnc_session *session, bnc_constraint_kind kind, const char *const *texts, size_t count);

#ifdef __cplusplus
}
#endif
#endif
