# SPDX-License-Identifier: Apache-2.0
"""File names are unique in the tree and snake_case; a kernel's file is named as the function that it defines, less bnc_."""
import posixpath
import re

from tree import is_c

LEVELS = ("scalar", "avx2", "avx512vnni", "neon", "neon_dotprod", "neon_i8mm")
KERNEL = re.compile(r"^ops/.*?([a-z0-9_]+_(?:" + "|".join(LEVELS) + r"))\.c$")
SHARED_NAMES = {"CMakeLists.txt", "README.md", ".gitignore", "__init__.py"}


def violations(files):
    found = []
    homes = {}
    for path in files:
        name = posixpath.basename(path)
        if name not in SHARED_NAMES:
            homes.setdefault(name, []).append(path)
        if is_c(path) and not re.fullmatch(r"[a-z0-9_]+\.[chS]", name):
            found.append(f"{path}: the name is not snake_case")
    found += [f"{name}: the name of {len(paths)} files: {', '.join(paths)}" for name, paths in sorted(homes.items()) if len(paths) > 1]
    for path, text in files.items():
        kernel = KERNEL.match(path)
        if kernel and not re.search(rf"\bbnc_{kernel.group(1)}\s*\(", text):
            found.append(f"{path}: defines no function bnc_{kernel.group(1)}")
    return found
