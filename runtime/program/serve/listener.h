/* SPDX-License-Identifier: Apache-2.0 */
/** @file listener.h  Where clients come in: an address to listen on, or the socket that systemd hands over; and the token they show. */
#ifndef BINOCLE_RUNTIME_PROGRAM_SERVE_LISTENER_H
#define BINOCLE_RUNTIME_PROGRAM_SERVE_LISTENER_H

#include <stdbool.h>
#include <stddef.h>

#define BNC_LISTENER_TEXT 256
#define BNC_TOKEN_LEAST 16
#define BNC_TOKEN_MOST 512

typedef struct bnc_listener {
  int fd;                       /* -1: none */
  bool loopback;                /* this machine alone reaches it */
  bool local_names;             /* it is reached as "localhost" or by a loopback address: false for a socket in the file system */
  char name[BNC_LISTENER_TEXT]; /* "http://127.0.0.1:8080" */
} bnc_listener;

/** address: "127.0.0.1:8080", "[::1]:8080", "localhost:0" ... NULL: the one socket of the environment's LISTEN_FDS, if it has one.
 * 1: it listens. 0: the environment has none. -1: `why` says what is wrong. -2: so does it, and address is none. */
int bnc_listener_open(bnc_listener *listener, const char *address, char why[BNC_LISTENER_TEXT]);

/** The one line of a file that nobody but its owner may read; without the line break. false: `why` says what is wrong. */
bool bnc_token_read(const char *path, char token[BNC_TOKEN_MOST + 1], char why[BNC_LISTENER_TEXT]);
/** Takes as long for any wrong token of the same length. */
bool bnc_token_equal(const char *token, const char *shown);

#endif
