/* SPDX-License-Identifier: Apache-2.0 */
/* What pages a mapped model file lies on, and what that costs whoever reads it: the file is thrown out of the system's cache, brought back
 * in one of several ways, and read through a map again and again, as each token does; then once more through a map of its own, as the
 * next process does. Then copies of it as whoever just wrote them leaves them in the cache: 64 KiB at a time, and as model files are
 * written.
 *
 *   bench_pages FILE PASSES   CSV: a line per way and pass: GB per second of CPU time, CPU time and its part in the system, page faults,
 *                             megabytes that huge pages map. FILE must be nobody else's: it leaves the cache. Beside
 *                             it FILE.copy is made and removed. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ops/kernels.h"
#include "platforms/base/clock.h"
#include "platforms/cpu/cpu.h"
#include "platforms/file/file.h"

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#endif
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

enum { PIECE = 1 << 20 };

static bnc_kernels kernels;
static volatile float kept;

static void fail(const char *why) {
  fprintf(stderr, "bench_pages: %s\n", why);
  exit(1);
}

/* Kilobytes of one field of smaps, summed over all maps of the process that hold `from`. */
static unsigned long huge_kb(const void *from) {
  static const char *const fields[] = {"AnonHugePages:", "FilePmdMapped:"};
  char line[4096];
  unsigned long sum = 0, start, end, kb;
  bool inside = false;
  FILE *f = fopen("/proc/self/smaps", "r");
  if (!f) fail("/proc/self/smaps cannot be read");
  while (fgets(line, sizeof line, f)) {
    if (sscanf(line, "%lx-%lx ", &start, &end) == 2) inside = (unsigned long)from >= start && (unsigned long)from < end;
    for (size_t i = 0; inside && i < 2; i++)
      if (strncmp(line, fields[i], strlen(fields[i])) == 0 && sscanf(line + strlen(fields[i]), "%lu", &kb) == 1) sum += kb;
  }
  fclose(f);
  return sum;
}

typedef struct usage {
  double wall, user, system;
  long faults;
} usage;

static usage now(void) {
  struct rusage u;
  getrusage(RUSAGE_SELF, &u);
  return (usage){(double)bnc_clock_ns() * 1e-9, (double)u.ru_utime.tv_sec + (double)u.ru_utime.tv_usec * 1e-6,
                 (double)u.ru_stime.tv_sec + (double)u.ru_stime.tv_usec * 1e-6, u.ru_minflt + u.ru_majflt};
}

static void tell(const char *way, const char *step, size_t bytes, const usage *start, const void *at) {
  const usage end = now();
  const double user = end.user - start->user, system = end.system - start->system;
  printf("%s,%s,%.3g,%.3g,%.3g,%.3g,%ld,%.0f\n", way, step, (double)bytes * 1e-9 / (user + system), end.wall - start->wall, user + system,
         system, end.faults - start->faults, (double)huge_kb(at) * 1024e-6);
  fflush(stdout);
}

static void read_all(const uint8_t *data, size_t size) {
  for (size_t at = 0; at + PIECE <= size; at += PIECE) kept = kernels.limits.read((const float *)(const void *)(data + at), PIECE / 4);
}

static const uint8_t *map_file(int fd, size_t size) {
  void *map = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
  if (map == MAP_FAILED) fail("no map");
  return map;
}

/* The file's bytes in memory of the process's own, in huge pages where the system has them. */
static const uint8_t *copy_file(const uint8_t *from, size_t size) {
  const size_t huge = (size_t)2 << 20;
  uint8_t *map = mmap(NULL, size + huge, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (map == MAP_FAILED) fail("no memory");
  uint8_t *copy = map + (huge - (size_t)map % huge) % huge;
  madvise(copy, size, MADV_HUGEPAGE);
  memcpy(copy, from, size);
  return copy;
}

typedef enum way { PLAIN, SMALL, POPULATE, HUGE_ADVICE, COLLAPSE, COPY, WAYS } way;
static const char *const names[WAYS] = {
    "as it comes", "MADV_NOHUGEPAGE: small pages", "MADV_POPULATE_READ", "MADV_HUGEPAGE", "MADV_COLLAPSE", "a copy"};

static void advise(const uint8_t *map, size_t size, int advice, const char *name) {
  if (madvise((void *)(uintptr_t)map, size, advice) != 0) perror(name);
}

static void forget(int fd) {
  fdatasync(fd);
  if (posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) != 0) fail("the file stays in the cache");
}

static void try_way(int fd, size_t size, way w, int passes) {
  char step[32];
  forget(fd);
  const uint8_t *map = map_file(fd, size), *data = map;
  usage start = now();
  if (w == SMALL || w == HUGE_ADVICE) advise(map, size, w == SMALL ? MADV_NOHUGEPAGE : MADV_HUGEPAGE, names[w]);
  read_all(map, size);
  tell(names[w], "read anew", size, &start, data);
  if (w == POPULATE || w == COLLAPSE || w == COPY) {
    start = now();
    if (w != COPY) advise(map, size, w == POPULATE ? MADV_POPULATE_READ : MADV_COLLAPSE, names[w]);
    if (w == COPY) data = copy_file(map, size);
    tell(names[w], "advice", size, &start, data);
  }
  for (int i = 1; i <= passes; i++) {
    start = now();
    read_all(data, size);
    snprintf(step, sizeof step, "pass %d", i);
    tell(names[w], step, size, &start, data);
  }
  munmap((void *)(uintptr_t)map, size);
  map = map_file(fd, size);
  start = now();
  if (w == SMALL) advise(map, size, MADV_NOHUGEPAGE, names[w]);
  if (w == POPULATE) advise(map, size, MADV_POPULATE_READ, names[w]);
  read_all(map, size);
  tell(names[w], "a second map: first pass", size, &start, map);
  start = now();
  read_all(map, size);
  tell(names[w], "a second map: next pass", size, &start, map);
  munmap((void *)(uintptr_t)map, size);
  if (w == COPY) munmap((void *)(uintptr_t)data, size);
}

/* The same cached bytes through small pages and through those that the system gives, by turns, so that a busy moment meets both. */
static void by_turns(int fd, size_t size, int passes) {
  const uint8_t *small = map_file(fd, size), *map = map_file(fd, size);
  advise(small, size, MADV_NOHUGEPAGE, names[SMALL]);
  for (int i = 0; i <= passes; i++) { /* the first turn maps */
    usage start = now();
    read_all(small, size);
    tell("by turns", i ? "small pages" : "small pages, first", size, &start, small);
    start = now();
    read_all(map, size);
    tell("by turns", i ? "as it comes" : "as it comes, first", size, &start, map);
  }
}

static void write_plainly(const char *path, const uint8_t *data, size_t size, size_t piece) {
  const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) fail("no copy can be made");
  for (size_t at = 0; at < size;) {
    const ssize_t n = write(fd, data + at, size - at < piece ? size - at : piece);
    if (n <= 0) fail("the copy cannot be written");
    at += (size_t)n;
  }
  close(fd);
}

static void write_as_models(const char *path, const uint8_t *data, size_t size) {
  bnc_error err;
  bnc_file_writer *out = NULL;
  if (bnc_file_writer_open(&out, path, &err) != BNC_OK || bnc_file_writer_write(out, data, size, &err) != BNC_OK ||
      bnc_file_writer_commit(out, &err) != BNC_OK)
    fail(err.text);
}

/* piece 0: as model files are written */
static void try_written(const char *name, int from, size_t size, size_t piece, int passes) {
  char path[4096], step[32];
  if (snprintf(path, sizeof path, "%s.copy", name) >= (int)sizeof path) fail("a name too long");
  const uint8_t *data = map_file(from, size);
  if (piece)
    write_plainly(path, data, size, piece);
  else
    write_as_models(path, data, size);
  munmap((void *)(uintptr_t)data, size);
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) fail("the copy cannot be read");
  const uint8_t *map = map_file(fd, size);
  advise(map, size, MADV_HUGEPAGE, names[HUGE_ADVICE]);
  for (int i = 1; i <= passes; i++) {
    const usage start = now();
    read_all(map, size);
    snprintf(step, sizeof step, "pass %d", i);
    tell(piece ? "written 64 KiB at a time" : "written as model files are", step, size, &start, map);
  }
  munmap((void *)(uintptr_t)map, size);
  close(fd);
  unlink(path);
}

int main(int argc, char **argv) {
  bnc_cpu cpu;
  bnc_error err;
  struct stat st;
  if (argc != 3) fail("usage: bench_pages FILE PASSES");
  const int fd = open(argv[1], O_RDONLY | O_CLOEXEC);
  if (fd < 0 || fstat(fd, &st) != 0) fail("the file cannot be read");
  if (bnc_cpu_detect(&cpu, &err) != BNC_OK) fail(err.text);
  bnc_kernels_init(&kernels, cpu.level);
  printf("way,step,gb_per_cpu_s,wall_s,cpu_s,system_s,faults,huge_mb\n");
  for (way w = PLAIN; w < WAYS; w++) try_way(fd, (size_t)st.st_size, w, atoi(argv[2]));
  by_turns(fd, (size_t)st.st_size, 2 * atoi(argv[2]) + 1);
  try_written(argv[1], fd, (size_t)st.st_size, (size_t)64 << 10, atoi(argv[2]) + 1);
  try_written(argv[1], fd, (size_t)st.st_size, 0, atoi(argv[2]) + 1);
  close(fd);
  return 0;
}
