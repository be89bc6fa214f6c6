# SPDX-License-Identifier: Apache-2.0
"""The files that the house checks read: {path: text} of what git tracks or would track."""
import os
import subprocess

SCRIPT_SUFFIXES = (".c", ".h", ".S", ".py", ".sh", ".cmake")


def paths(root):
    # safe.directory: root may check a tree that belongs to somebody else.
    listed = subprocess.run(["git", "-c", "safe.directory=*", "-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                            capture_output=True, check=False)
    if listed.returncode == 0 and listed.stdout:
        return sorted({p for p in listed.stdout.decode().split("\0") if p and os.path.isfile(os.path.join(root, p))})
    # An unpacked archive without .git.
    found = []
    for folder, folders, names in os.walk(root):
        folders[:] = [f for f in folders if f not in (".git", "__pycache__") and not (folder == root and f == "build")]
        found += [os.path.relpath(os.path.join(folder, n), root) for n in names]
    return sorted(found)


def is_data(path):
    return path.startswith(("tests/data/", "tests/fuzz/corpus/"))


def read(root):
    files = {}
    for path in paths(root):
        if is_data(path):
            continue
        with open(os.path.join(root, path), "rb") as f:
            raw = f.read(4 << 20)
        if b"\0" not in raw:
            files[path] = raw.decode("utf-8", "replace")
    return files


def is_c(path):
    return path.endswith((".c", ".h", ".S"))


def is_script(path, text):
    return path.endswith(SCRIPT_SUFFIXES) or path.endswith("CMakeLists.txt") or text.startswith("#!")
