/* SPDX-License-Identifier: Apache-2.0 */
#include "platforms/base/build_id.h"

#include <elf.h>
#include <link.h>
#include <stdbool.h>
#include <string.h>

typedef struct search {
  uint8_t *id; /* [BNC_BUILD_ID_BYTES] */
  size_t size;
} search;

/* The notes of one segment, as the linker laid them out. */
static size_t find_note(const uint8_t *at, size_t size, uint8_t *id) {
  while (size >= sizeof(ElfW(Nhdr))) {
    ElfW(Nhdr) note;
    memcpy(&note, at, sizeof note);
    const size_t name = ((size_t)note.n_namesz + 3) / 4 * 4, content = ((size_t)note.n_descsz + 3) / 4 * 4;
    if (name > size - sizeof note || content > size - sizeof note - name) return 0;
    const uint8_t *from = at + sizeof note + name;
    if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 && memcmp(at + sizeof note, "GNU", 4) == 0) {
      const size_t length = note.n_descsz < BNC_BUILD_ID_BYTES ? note.n_descsz : BNC_BUILD_ID_BYTES;
      memcpy(id, from, length);
      return length;
    }
    at = from + content;
    size -= sizeof note + name + content;
  }
  return 0;
}

/* The object whose code this is. */
static bool is_own(const struct dl_phdr_info *object) {
  const uintptr_t own = (uintptr_t)&bnc_build_id;
  for (size_t i = 0; i < object->dlpi_phnum; i++) {
    const ElfW(Phdr) *part = &object->dlpi_phdr[i];
    const uintptr_t from = (uintptr_t)object->dlpi_addr + part->p_vaddr;
    if (part->p_type == PT_LOAD && own >= from && own - from < part->p_memsz) return true;
  }
  return false;
}

static int visit(struct dl_phdr_info *object, size_t size, void *context) {
  search *s = context;
  (void)size;
  if (!is_own(object)) return 0;
  for (size_t i = 0; i < object->dlpi_phnum && s->size == 0; i++) {
    const ElfW(Phdr) *part = &object->dlpi_phdr[i];
    if (part->p_type != PT_NOTE) continue;
    s->size = find_note((const uint8_t *)((uintptr_t)object->dlpi_addr + part->p_vaddr), part->p_memsz, s->id);
  }
  return 1;
}

size_t bnc_build_id(uint8_t id[BNC_BUILD_ID_BYTES]) {
  search s = {id, 0};
  dl_iterate_phdr(visit, &s);
  return s.size;
}
