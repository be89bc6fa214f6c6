# SPDX-License-Identifier: Apache-2.0
"""File names are unique in the tree and snake_case; a kernel's file is named as the kernel that it defines, or as its family
(the folder) where it may hold several, and as its level; NAME_v16.c, which is compiled for several levels, names them by BNC_AT_LEVEL."""
import posixpath
import re

from kernels import DEFINITION, KERNEL_FILE
from tree import is_c

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
        name = KERNEL_FILE.match(path)
        if not name:
            continue
        stem, level = name.groups()
        kernels = [(kernel or of_lanes, "v16" if of_lanes else at) for kernel, at, of_lanes in DEFINITION.findall(text)]
        if not kernels:
            found.append(f"{path}: defines no kernel")
        found += [f"{path}: defines {kernel} of {at}" for kernel, at in kernels
                  if at != level or stem not in (kernel, posixpath.basename(posixpath.dirname(path)))]
    return found
