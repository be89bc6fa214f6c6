/* SPDX-License-Identifier: Apache-2.0 */
/** @file generate.h  How an answer is drawn, where it ends, and what is told of it. */
#ifndef BINOCLE_GENERATE_H
#define BINOCLE_GENERATE_H

#include <stddef.h>
#include <stdint.h>

#include <binocle/export.h>
#include <binocle/status.h>

#ifdef __cplusplus
extern "C" {
#endif

struct bnc_session; /* session.h */

/** Whether tokens are guessed ahead, so that several are computed at once. What comes is the same, token for token; answers that repeat
    their question or themselves, as lists and JSON do, come faster. */
typedef enum bnc_draft {
  BNC_DRAFT_NONE = 0,  /**< one token after the other */
  BNC_DRAFT_LOOKUP = 1 /**< as the conversation went on where its last tokens stood before */
} bnc_draft;

/** How an answer is drawn and where it ends. */
typedef struct bnc_sampling {
  size_t size;          /**< see binocle.h; set by bnc_sampling_init */
  double temperature;   /**< 0: greedy */
  double top_p;         /**< in (0, 1]; 1: off */
  uint32_t top_k;       /**< 0: off */
  uint64_t seed;        /**< equal seeds draw equal answers */
  uint32_t max_tokens;  /**< 0: until a stop token or the end of the context */
  uint32_t ignore_stop; /**< 1: stop tokens do not end the answer */
  /** Texts, none of them empty, that end the answer where one is met: [stop_count], UTF-8. The answer ends in front of it. */
  const char *const *stop;
  size_t stop_count; /**< at most BNC_STOP_TEXTS */
  uint32_t logprobs; /**< 1: bnc_session_token has each token's log-probabilities */
  uint32_t draft;    /**< a bnc_draft */
} bnc_sampling;

#define BNC_STOP_TEXTS 16  /**< stop texts of one answer at most */
#define BNC_STOP_BYTES 256 /**< of one stop text at most */

/** Greedy, seed 0, 256 tokens. */
BNC_API void bnc_sampling_init(bnc_sampling *sampling);

/** Why an answer ended. */
typedef enum bnc_finish {
  BNC_FINISH_STOP = 0,    /**< a stop token or a stop text came */
  BNC_FINISH_LENGTH = 1,  /**< max_tokens were drawn */
  BNC_FINISH_CONTEXT = 2, /**< the context is full */
  BNC_FINISH_CALLER = 3   /**< a callback or bnc_session_cancel asked to stop */
} bnc_finish;

/** A piece of the answer, whole UTF-8 characters, not NUL-terminated; id is the token that completed it (-1 at the end). Not 0: stop.
 * A piece is empty where a character, or what may be a stop text, is not complete yet. */
typedef int (*bnc_on_text)(void *user, int32_t id, const char *text, size_t length);

/** Generates an answer behind what was asked or appended. sampling NULL: the defaults; on_text and finish may be NULL. Without a tokenizer
 * the pieces are empty. BNC_ERROR_ARGUMENT: nothing was asked, or a setting is out of its range; BNC_ERROR_LIMIT: there is no room for an
 * answer of the form that bnc_session_constrain set. */
BNC_API bnc_status bnc_session_generate(struct bnc_session *session, const bnc_sampling *sampling, bnc_on_text on_text, void *user,
                                        bnc_finish *finish);

/** The likeliest tokens that bnc_token tells. */
#define BNC_TOP_TOKENS 20

/** A drawn token and its rivals, by the model's own probabilities: without temperature, top-k, top-p or a constraint. */
typedef struct bnc_token {
  size_t size;                       /**< see binocle.h: set it before the call */
  int32_t id;                        /**< the token that was drawn last */
  float logprob;                     /**< natural logarithm of its probability; NaN where bnc_sampling.logprobs was 0 */
  uint32_t top_count;                /**< how many of the following there are */
  int32_t top_id[BNC_TOP_TOKENS];    /**< the likeliest first */
  float top_logprob[BNC_TOP_TOKENS]; /**< theirs */
} bnc_token;

/** Tells about the token that was drawn last; call it from on_text, or behind generate. BNC_ERROR_ARGUMENT: none was drawn. */
BNC_API bnc_status bnc_session_token(const struct bnc_session *session, bnc_token *token);

#ifdef __cplusplus
}
#endif
#endif
