# SPDX-License-Identifier: Apache-2.0
"""The folders' pages stay true: in a README.md of a folder, each file in backquotes is there, and in a table's row that names functions and
files, each function is in one of those files."""
import posixpath
import re

TICKED = re.compile(r"`([^`\n]+)`")
PATH = re.compile(r"[A-Za-z0-9_./-]+\.(?:c|h|S|py|cmake|md)")
FUNCTION = re.compile(r"bnc_[a-z0-9_]+|BNC_[A-Z0-9_]+")
FOLDERS = ("ops", "platforms", "quant", "runtime")


def find(files, folder, name):
    """A page names files from its own folder or from the root."""
    return next((path for path in (posixpath.join(folder, name), name) if path in files), None)


def violations(files):
    found = []
    pages = [path for path in files if posixpath.basename(path) == "README.md" and path.split("/")[0] in FOLDERS]
    for page in pages:
        folder = posixpath.dirname(page)
        for number, line in enumerate(files[page].split("\n"), 1):
            words = TICKED.findall(line)
            named = [word for word in words if PATH.fullmatch(word)]
            homes = [find(files, folder, name) for name in named]
            found += [f"{page}:{number}: there is no file {name}" for name, home in zip(named, homes) if not home]
            functions = [word for word in words if FUNCTION.fullmatch(word)]
            if not line.startswith("|") or not all(homes):
                continue
            text = "\n".join(files[home] for home in homes)
            found += [f"{page}:{number}: {name} is not in {', '.join(named)}" for name in functions
                      if named and not re.search(rf"\b{name}\b", text)]
    return found
