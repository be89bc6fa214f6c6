/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/program/serve/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define BACKLOG 128
#define FIRST_FD 3 /* of the sockets that systemd hands over */

__attribute__((format(printf, 2, 3))) static int wrong(char why[BNC_LISTENER_TEXT], const char *format, ...) {
  va_list args;
  va_start(args, format);
  vsnprintf(why, BNC_LISTENER_TEXT, format, args);
  va_end(args);
  return -1;
}

/* What a listening socket is called, and who reaches it. */
static bool describe(bnc_listener *l) {
  struct sockaddr_storage address;
  socklen_t length = sizeof address;
  char host[INET6_ADDRSTRLEN] = "";
  if (getsockname(l->fd, (struct sockaddr *)&address, &length) != 0) return false;
  l->local_names = true;
  if (address.ss_family == AF_INET) {
    const struct sockaddr_in *in = (const struct sockaddr_in *)&address;
    inet_ntop(AF_INET, &in->sin_addr, host, sizeof host);
    l->loopback = ntohl(in->sin_addr.s_addr) >> 24 == 127;
    snprintf(l->name, sizeof l->name, "http://%s:%u", host, ntohs(in->sin_port));
  } else if (address.ss_family == AF_INET6) {
    const struct sockaddr_in6 *in = (const struct sockaddr_in6 *)&address;
    inet_ntop(AF_INET6, &in->sin6_addr, host, sizeof host);
    l->loopback = IN6_IS_ADDR_LOOPBACK(&in->sin6_addr);
    snprintf(l->name, sizeof l->name, "http://[%s]:%u", host, ntohs(in->sin6_port));
  } else {
    l->loopback = address.ss_family == AF_UNIX; /* who may is for the folder's and the socket's modes to say */
    l->local_names = false;
    snprintf(l->name, sizeof l->name, "a local socket");
  }
  return true;
}

/* Splits "host:port"; an IPv6 address stands in brackets. */
static bool split(const char *address, char host[64], char port[8]) {
  const char *colon = strrchr(address, ':');
  if (!colon) return false;
  const bool bracketed = address[0] == '[' && colon > address && colon[-1] == ']';
  const char *from = address + bracketed, *to = colon - bracketed;
  const size_t length = (size_t)(to - from), digits = strspn(colon + 1, "0123456789");
  if (to <= from || length > 63 || digits == 0 || digits > 5 || colon[1 + digits] || strtoul(colon + 1, NULL, 10) > 65535) return false;
  if (!bracketed && memchr(from, ':', length)) return false;
  memcpy(host, from, length);
  host[length] = '\0';
  snprintf(port, 8, "%s", colon + 1);
  return true;
}

static int open_address(bnc_listener *l, const char *address, char why[BNC_LISTENER_TEXT]) {
  char host[64], port[8];
  struct addrinfo *found = NULL, hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE, .ai_socktype = SOCK_STREAM};
  if (!split(address, host, port)) {
    wrong(why, "'%.80s', expected ADDRESS:PORT such as 127.0.0.1:8080 or [::1]:8080", address);
    return -2;
  }
  const char *numeric = strcmp(host, "localhost") == 0 ? "127.0.0.1" : host;
  if (getaddrinfo(numeric, port, &hints, &found) != 0) {
    wrong(why, "'%.60s', expected the number of an address", host);
    return -2;
  }
  const int yes = 1;
  l->fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  int problem = l->fd < 0 ? errno : 0;
  if (!problem && setsockopt(l->fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) != 0) problem = errno;
  if (!problem && bind(l->fd, found->ai_addr, found->ai_addrlen) != 0) problem = errno;
  if (!problem && listen(l->fd, BACKLOG) != 0) problem = errno;
  if (!problem && !describe(l)) problem = errno;
  freeaddrinfo(found);
  if (!problem) return 1;
  if (l->fd >= 0) close(l->fd);
  l->fd = -1;
  return wrong(why, "%.80s: %s", address, strerror(problem));
}

/* sd_listen_fds(3) tells what the variables mean. */
static int open_inherited(bnc_listener *l, char why[BNC_LISTENER_TEXT]) {
  const char *process = getenv("LISTEN_PID"), *count = getenv("LISTEN_FDS");
  int listens = 0;
  socklen_t length = sizeof listens;
  if (!process || !count || strtol(process, NULL, 10) != (long)getpid()) return 0;
  if (strcmp(count, "1") != 0) return wrong(why, "LISTEN_FDS is '%.20s', expected 1 socket", count);
  if (getsockopt(FIRST_FD, SOL_SOCKET, SO_ACCEPTCONN, &listens, &length) != 0 || !listens)
    return wrong(why, "LISTEN_FDS: descriptor %d is no listening socket", FIRST_FD);
  l->fd = FIRST_FD;
  if (fcntl(l->fd, F_SETFD, FD_CLOEXEC) != 0 || fcntl(l->fd, F_SETFL, O_NONBLOCK) != 0 || !describe(l))
    return wrong(why, "LISTEN_FDS: %s", strerror(errno));
  return 1;
}

int bnc_listener_open(bnc_listener *listener, const char *address, char why[BNC_LISTENER_TEXT]) {
  *listener = (bnc_listener){.fd = -1};
  return address ? open_address(listener, address, why) : open_inherited(listener, why);
}

bool bnc_token_read(const char *path, char token[BNC_TOKEN_MOST + 1], char why[BNC_LISTENER_TEXT]) {
  char bytes[BNC_TOKEN_MOST + 3];
  struct stat st;
  const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  if (fd < 0) return wrong(why, "%s", strerror(errno)), false;
  const bool known = fstat(fd, &st) == 0;
  const ssize_t count = known && S_ISREG(st.st_mode) ? read(fd, bytes, sizeof bytes) : -1;
  close(fd);
  if (!known || !S_ISREG(st.st_mode)) return wrong(why, "is no regular file, expected one with the token in it"), false;
  if (st.st_mode & (S_IRWXG | S_IRWXO))
    return wrong(why, "has mode %04o, expected 0600: others could read the token", (unsigned)(st.st_mode & 07777)), false;
  if (count < 0) return wrong(why, "cannot be read"), false;
  size_t length = (size_t)count;
  while (length && (bytes[length - 1] == '\n' || bytes[length - 1] == '\r')) length--;
  for (size_t i = 0; i < length; i++)
    if (bytes[i] <= ' ' || bytes[i] > '~') return wrong(why, "has more than one word, expected one line of ASCII without spaces"), false;
  if (length < BNC_TOKEN_LEAST || length > BNC_TOKEN_MOST)
    return wrong(why, "has a token of %zu characters, expected %d to %d", length, BNC_TOKEN_LEAST, BNC_TOKEN_MOST), false;
  memcpy(token, bytes, length);
  token[length] = '\0';
  return true;
}

bool bnc_token_equal(const char *token, const char *shown) {
  const size_t length = strlen(token);
  if (strlen(shown) != length) return false;
  unsigned differs = 0;
  for (size_t i = 0; i < length; i++) differs |= (unsigned)(token[i] ^ shown[i]);
  return differs == 0;
}
