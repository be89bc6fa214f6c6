#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the archive that Android's build tools take: classes, native libraries, and what they have to be told.

    make_aar.py -o binocle.aar --classes FOLDER... --library ABI=FILE...     ABI: arm64-v8a or x86_64

Each FOLDER is one of class files (of java/ and of java_android/). Each library must be of its ABI, be aligned for pages of 16 KiB, and need
nothing but the system's libraries and those that come along: what an installed app would fail on otherwise, on the phones of some users.
"""
import argparse
import io
import os
import sys
import zipfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "toolchains"))
import elf  # noqa: E402

MACHINES = {"arm64-v8a": 183, "x86_64": 62}  # EM_AARCH64, EM_X86_64
SYSTEM = {"libc.so", "libm.so", "libdl.so", "liblog.so"}
PAGE = 16384
MOMENT = (1980, 1, 1, 0, 0, 0)  # the same classes and libraries make the same archive


def faults(abi, path, beside):
    """What is wrong with a library that comes with others named `beside`."""
    library = elf.Elf(path)
    if library.machine != MACHINES[abi]:
        yield f"{path}: of machine {library.machine}, expected {MACHINES[abi]} for {abi}"
    if not library.alignments or min(library.alignments) < PAGE:
        yield f"{path}: aligned to {min(library.alignments or [0])} bytes, expected at least {PAGE} (-Wl,-z,max-page-size={PAGE})"
    for name in library.needed():
        if name not in SYSTEM and name not in beside:
            yield f"{path}: needs {name}, which neither Android has nor this archive"


def put(archive, name, data):
    entry = zipfile.ZipInfo(name, MOMENT)
    entry.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(entry, data)


def classes_jar(folders):
    """One jar of all class files, in the order of their names."""
    found = {}
    for folder in folders:
        for parent, _, names in os.walk(folder):
            for name in names:
                if name.endswith(".class"):
                    path = os.path.join(parent, name)
                    found[os.path.relpath(path, folder)] = path
    if not found:
        raise elf.Bad(f"{', '.join(folders)}: no class files")
    jar = io.BytesIO()
    with zipfile.ZipFile(jar, "w") as archive:
        for name in sorted(found):
            with open(found[name], "rb") as file:
                put(archive, name, file.read())
    return jar.getvalue()


def make(output, folders, libraries):
    names = {abi: {os.path.basename(path) for a, path in libraries if a == abi} for abi, _ in libraries}
    wrong = [fault for abi, path in libraries for fault in faults(abi, path, names[abi])]
    if wrong:
        raise elf.Bad("\n".join(wrong))
    classes = classes_jar(folders)
    with zipfile.ZipFile(output + ".new", "w") as archive:
        for name, source in (("AndroidManifest.xml", "manifest.xml"), ("proguard.txt", "proguard.txt")):
            with open(os.path.join(HERE, "archive", source), "rb") as file:
                put(archive, name, file.read())
        put(archive, "R.txt", b"")
        put(archive, "classes.jar", classes)
        for abi, path in sorted(libraries):
            with open(path, "rb") as file:
                put(archive, f"jni/{abi}/{os.path.basename(path)}", file.read())
    os.replace(output + ".new", output)


def library(text):
    abi, _, path = text.partition("=")
    if abi not in MACHINES or not path:
        raise argparse.ArgumentTypeError(f"'{text}', expected ABI=FILE with ABI one of {', '.join(MACHINES)}")
    return abi, path


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", dest="output", required=True)
    parser.add_argument("--classes", nargs="+", required=True)
    parser.add_argument("--library", nargs="+", type=library, required=True)
    given = parser.parse_args()
    try:
        make(given.output, given.classes, given.library)
    except (elf.Bad, OSError) as error:
        sys.exit(f"make_aar.py: {error}")


if __name__ == "__main__":
    main()
