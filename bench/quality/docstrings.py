#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""English to measure language models on, and other English to calibrate them on: the docstrings of Python's own library.
usage: docstrings.py TEXT CALIBRATION
Modules are parsed, not run, in the order of their names; every second one goes into TEXT, the others into CALIBRATION. Both are the same for the
same version of Python, which is printed with the texts' checksums."""
import ast
import hashlib
import os
import platform
import sys
import sysconfig

LEAST = 400  # characters of a module's docstrings: fewer are no prose
LEFT_OUT = {"test", "tests", "idle_test", "idlelib", "lib2to3", "site-packages", "dist-packages", "__pycache__", "ensurepip", "pydoc_data"}


def modules(folder):
    for path, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in LEFT_OUT and not name.startswith("config-"))
        for name in sorted(files):
            if name.endswith(".py"):
                yield os.path.join(path, name)


def docstrings(path):
    with open(path, "rb") as f:
        tree = ast.parse(f.read())
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    found = [ast.get_docstring(node) for node in ast.walk(tree) if isinstance(node, kinds)]
    return "\n\n".join(text.strip() for text in found if text and len(text) > 60)


def texts():
    """[text, calibration]"""
    folder = sysconfig.get_path("stdlib")
    parts = [text for text in map(docstrings, sorted(modules(folder), key=lambda path: os.path.relpath(path, folder))) if len(text) >= LEAST]
    return ["\n\n".join(parts[first::2]) + "\n" for first in (0, 1)]


def write(text, calibration):
    for path, content in zip((text, calibration), texts()):
        with open(path, "w", encoding="utf-8") as f:
            f.write(content)
        print(f"{os.path.basename(path)}: {len(content)} characters, sha256 {hashlib.sha256(content.encode()).hexdigest()[:16]}, Python "
              f"{platform.python_version()}", file=sys.stderr)


if __name__ == "__main__":
    write(*sys.argv[1:3])
