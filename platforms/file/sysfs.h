/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file sysfs.h  Small texts of /sys and /proc. Paths are given as on the real machine ("/sys/class/..."); where the environment has
 * BINOCLE_SYSFS they are looked up below that folder. Content is outside data: every read is bounded, every number checked.
 */
#ifndef BINOCLE_PLATFORMS_FILE_SYSFS_H
#define BINOCLE_PLATFORMS_FILE_SYSFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BNC_SYSFS_PATH 512
#define BNC_SYSFS_NAME 64

typedef enum bnc_sysfs_result {
  BNC_SYSFS_OK,
  BNC_SYSFS_ABSENT,   /* no such file, or the driver has nothing to say */
  BNC_SYSFS_DENIED,   /* there, but this user may not read it */
  BNC_SYSFS_MALFORMED /* there, but no number */
} bnc_sysfs_result;

/** The printf-made path below the root in effect, for programs that open it themselves. false where it is too long. */
__attribute__((format(printf, 3, 4))) bool bnc_sysfs_path(char *out, size_t size, const char *format, ...);
/** Whether BINOCLE_SYSFS is set: then nothing but the given tree may be asked about topology. */
bool bnc_sysfs_relocated(void);

/** The first line without blanks around it, cut to size - 1 bytes; "" on failure. */
__attribute__((format(printf, 3, 4))) bnc_sysfs_result bnc_sysfs_string(char *text, size_t size, const char *format, ...);
/** A decimal or 0x number; *value is 0 on failure. */
__attribute__((format(printf, 2, 3))) bnc_sysfs_result bnc_sysfs_int(int64_t *value, const char *format, ...);

/**
 * The entries of a folder whose names match pattern (fnmatch), in natural order (hwmon2 before hwmon10), at most max; the rest and names
 * of 64 bytes or more are left out. Returns how many.
 */
size_t bnc_sysfs_list(const char *folder, const char *pattern, char (*names)[BNC_SYSFS_NAME], size_t max);

/** Marks the numbers of a list such as "0-3,8,10-11" in set[0..size); others are left alone. Returns how many it named below size. */
size_t bnc_sysfs_cpu_list(const char *text, uint8_t *set, size_t size);

/** Reads a longer text line by line. */
typedef struct bnc_sysfs_reader {
  int fd;
  size_t from, to;
  char buffer[4096];
} bnc_sysfs_reader;
bool bnc_sysfs_reader_open(bnc_sysfs_reader *reader, const char *path);
/** The next line without its line break, cut to size - 1 bytes; false at the end. */
bool bnc_sysfs_reader_line(bnc_sysfs_reader *reader, char *line, size_t size);
void bnc_sysfs_reader_close(bnc_sysfs_reader *reader);

/** Splits "key : value" in place; false where there is no colon. */
bool bnc_sysfs_key_value(char *line, char **key, char **value);

#endif
