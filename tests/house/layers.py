# SPDX-License-Identifier: Apache-2.0
"""Who may include whom: the one-way dependencies of the layers, and one home per foreign library."""
import posixpath
import re

from tree import is_c

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.M)
LAYERS = ("platforms", "ops", "runtime", "quant")
# What a layer may include besides itself, as path prefixes.
MAY_INCLUDE = {
    "platforms": (),
    "ops": ("platforms/",),
    "runtime": ("ops/", "platforms/"),
    "quant": ("runtime/model/", "runtime/text/", "ops/", "platforms/"),
}
PUBLIC = tuple(f"{layer}/include/binocle/" for layer in ("platforms", "runtime", "quant"))
# What stands on the public API alone, of the library's both halves.
PROGRAMS = ("runtime/program/", "platforms/android/")
# The one header for users names all public headers, of both halves.
UMBRELLA = "runtime/include/binocle/binocle.h"
# Foreign header -> the only files, or the only folder, that may include it.
HOMES = {"xnnpack.h": "ops/xnn/", "pthreadpool.h": "platforms/threads/threads.c"}
# Foreign headers that exactly one file may include, whichever it is.
SINGLE = {"png.h": "PNG", "jpeglib.h": "JPEG", "webp/decode.h": "WebP", "webp/demux.h": "WebP"}


def resolve(files, mark, name):
    """The path in our tree that an include names, or None for a foreign header."""
    if mark == "<" and name.startswith("binocle/"):
        for folder in PUBLIC:
            if folder + name[len("binocle/"):] in files:
                return folder + name[len("binocle/"):]
        return "(no public header) " + name
    return name if mark == '"' else None


def violations(files):
    found = []
    readers = {}
    for path, text in files.items():
        layer = path.split("/")[0]
        if not is_c(path):
            continue
        if layer not in LAYERS:  # benchmarks and tests look anywhere, but at foreign libraries they look through ours
            found += [f"{path}: includes <{name}>, which only {HOMES[name]} may" for mark, name in INCLUDE.findall(text) if mark == "<" and name in HOMES]
            continue
        for mark, name in INCLUDE.findall(text):
            target = resolve(files, mark, name)
            if target is None:
                home = HOMES.get(name)
                if home and not path.startswith(home):
                    found.append(f"{path}: includes <{name}>, which only {home} may")
                if name in SINGLE:
                    readers.setdefault(SINGLE[name], set()).add(path)
                continue
            if target not in files:
                found.append(f"{path}: includes \"{name}\", which is no file of this tree when read from its root")
            elif path == UMBRELLA and target.startswith(PUBLIC):
                continue
            elif path.startswith(PROGRAMS):
                if not target.startswith(PUBLIC + PROGRAMS):
                    found.append(f"{path}: the program may use only the public headers, but includes {target}")
            elif not target.startswith((layer + "/",) + MAY_INCLUDE[layer]):
                found.append(f"{path}: {layer} may not depend on {posixpath.dirname(target)} ({target})")
    for format_name, paths in sorted(readers.items()):
        if len(paths) > 1:
            found.append(f"{format_name}: its header is included by more than one file: {', '.join(sorted(paths))}")
    return found
