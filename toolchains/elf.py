#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Reads and mends the dynamic section of ELF files, 32 and 64 bits, little endian.

    elf.py needs FILE...                     the newest glibc version that the files ask for, as 2.34, and the first file that does
    elf.py closure FOLDER NAME...            the libraries in FOLDER that NAME... (sonames) need, themselves included, one soname a line
    elf.py soname FILE                       the name by which the loader asks for it
    elf.py rename FOLDER OLD NEW NAME...     the library OLD (a soname) in FOLDER, and what the files NAME... there need of it, is called NEW, a name as long
    elf.py rebase FILE LIBRARY VERSION BASE  what FILE wants of LIBRARY in VERSION it takes in BASE; FILE is rewritten in place

rebase is for a library that runs with an older glibc except for a symbol whose interface did not change: libXNNPACK's fmodf@GLIBC_2.38 differs
from the first fmodf in how it reports errors alone. The entry itself has to go: the loader checks the versions before any symbol.
rename is for libraries of which a program may have loaded another version that cannot stand in for ours: the loader tells them apart by name alone.
"""
import os
import re
import struct
import sys

NEEDED, STRTAB, SONAME, VERNEED, VERNEEDNUM = 1, 5, 14, 0x6FFFFFFE, 0x6FFFFFFF
PT_LOAD, PT_DYNAMIC = 1, 2


class Bad(Exception):
    pass


def version_hash(name):
    """System V's ELF hash, as version entries carry it."""
    value = 0
    for byte in name.encode():
        value = (value << 4) + byte
        value = (value ^ ((value & 0xF0000000) >> 24)) & 0x0FFFFFFF
    return value


class Elf:
    def __init__(self, path):
        self.path = path
        with open(path, "rb") as file:
            self.data = bytearray(file.read())
        if len(self.data) < 6 or self.data[:4] != b"\x7fELF" or self.data[5] != 1 or self.data[4] not in (1, 2):
            raise Bad(f"{path}: not a little-endian ELF file")
        wide = self.data[4] == 2
        word = "Q" if wide else "I"
        table = self.unpack("<Q", 32)[0] if wide else self.unpack("<I", 28)[0]
        size, count = self.unpack("<HH", 54 if wide else 42)
        self.machine = self.unpack("<H", 18)[0]
        self.loads, self.dynamic = [], []
        self.alignments = []  # of what is loaded
        for at in range(table, table + size * count, size):
            if wide:
                kind, _, offset, address, _, length = self.unpack("<IIQQQQ", at)
            else:
                kind, offset, address, _, length = self.unpack("<IIIII", at)
            if kind == PT_LOAD:
                self.loads.append((address, offset, length))
                self.alignments.append(self.unpack("<" + word, at + (48 if wide else 28))[0])
            elif kind == PT_DYNAMIC:
                step = struct.calcsize("<2" + word)
                self.dynamic = [self.unpack("<2" + word, entry) for entry in range(offset, offset + length, step)]
        self.strings = self.offset(self.value(STRTAB)) if self.dynamic else 0

    def unpack(self, form, at):
        if at < 0 or at + struct.calcsize(form) > len(self.data):
            raise Bad(f"{self.path}: ends within its tables")
        return struct.unpack_from(form, self.data, at)

    def value(self, tag, default=None):
        for key, value in self.dynamic:
            if key == tag:
                return value
        if default is None:
            raise Bad(f"{self.path}: no dynamic entry {tag:#x}")
        return default

    def offset(self, address):
        for start, offset, length in self.loads:
            if start <= address < start + length:
                return address - start + offset
        raise Bad(f"{self.path}: address {address:#x} is not in the file")

    def string(self, at):
        end = self.data.find(b"\0", self.strings + at)
        return self.data[self.strings + at : end].decode()

    def needed(self):
        return [self.string(value) for tag, value in self.dynamic if tag == NEEDED]

    def versions(self):
        """(library, version, file offset of the entry) for each version that the file asks for."""
        found = []
        if self.value(VERNEEDNUM, 0) == 0:
            return found
        at = self.offset(self.value(VERNEED))
        for _ in range(self.value(VERNEEDNUM)):
            _, count, library, first, following = self.unpack("<HHIII", at)
            entry = at + first
            for _ in range(count):
                _, _, _, name, step = self.unpack("<IHHII", entry)
                found.append((self.string(library), self.string(name), entry))
                entry += step
            at += following
        return found

    def rebase(self, library, version, base):
        """True where an entry was rewritten, False where the file asks for no such version."""
        entries = {name: entry for owner, name, entry in self.versions() if owner == library}
        if version not in entries:
            return False
        if base in entries:
            name = self.unpack("<I", entries[base] + 8)[0]
        else:
            # The version may be spelt for another library: any string in the table will do.
            name = self.data.find(b"\0" + base.encode() + b"\0", self.strings) + 1 - self.strings
            if name <= 0:
                raise Bad(f"{self.path}: the name {base} is not among its strings")
        struct.pack_into("<I", self.data, entries[version], version_hash(base))
        struct.pack_into("<I", self.data, entries[version] + 8, name)
        self.write()
        return True

    def rename(self, old, new):
        """True where the file is that library or needs it, and says so by another name now."""
        names = [value for tag, value in self.dynamic if tag in (NEEDED, SONAME) and self.string(value) == old]
        for at in names:
            self.data[self.strings + at : self.strings + at + len(new)] = new.encode()
        if any(library == old for library, _, _ in self.versions()):  # linkers write a name once
            raise Bad(f"{self.path}: asks for versions of {old} by another string than it needs it")
        if names:
            self.write()
        return bool(names)

    def write(self):
        temporary = self.path + ".new"
        with open(temporary, "wb") as file:
            file.write(self.data)
        os.chmod(temporary, os.stat(self.path).st_mode & 0o777)
        os.replace(temporary, self.path)


def newest(paths):
    best = ((0,), "")
    for path in paths:
        for _, version, _ in Elf(path).versions():
            number = re.fullmatch(r"GLIBC_(\d+(?:\.\d+)*)", version)
            if number:
                best = max(best, (tuple(map(int, number[1].split("."))), path), key=lambda pair: pair[0])
    return best


def closure(folder, names):
    found, waiting = [], list(names)
    while waiting:
        name = waiting.pop(0)
        path = os.path.join(folder, name)
        if name not in found and os.path.exists(path):
            found.append(name)
            waiting += Elf(path).needed()
    return found


def rename(folder, old, new, names):
    if len(new.encode()) != len(old.encode()):
        raise Bad(f"{new}: a name of another length than {old}")
    for path in sorted({os.path.realpath(os.path.join(folder, name)) for name in [old, *names]}):
        Elf(path).rename(old, new)
    if os.path.lexists(os.path.join(folder, new)):
        os.remove(os.path.join(folder, new))
    os.symlink(os.path.basename(os.path.realpath(os.path.join(folder, old))), os.path.join(folder, new))


def main(arguments):
    command, rest = (arguments[0], arguments[1:]) if arguments else ("", [])
    if command == "needs" and rest:
        version, path = newest(rest)
        print(".".join(map(str, version)), path)
    elif command == "closure" and len(rest) >= 2:
        print("\n".join(closure(rest[0], rest[1:])))
    elif command == "soname" and len(rest) == 1:
        file = Elf(rest[0])
        print(file.string(file.value(SONAME)))
    elif command == "rename" and len(rest) >= 3:
        rename(rest[0], rest[1], rest[2], rest[3:])
    elif command == "rebase" and len(rest) == 4:
        print(f"{rest[0]}: {rest[2]} " + (f"is now {rest[3]}" if Elf(rest[0]).rebase(*rest[1:]) else "is not asked for"))
    else:
        print(__doc__, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except (Bad, OSError) as error:
        print(f"elf.py: {error}", file=sys.stderr)
        sys.exit(1)
