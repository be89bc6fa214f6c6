# SPDX-License-Identifier: Apache-2.0
"""A file is one idea: sources up to 400 lines, headers 150, tests 350. Data tables (NAME_table.c, NAME_table.h) are exempt."""
import re

from tree import is_c


def limit(path):
    if path.startswith("tests/"):
        return 350
    return 150 if path.endswith(".h") else 400


def violations(files):
    found = []
    for path, text in files.items():
        if not is_c(path) or re.search(r"_tables?\.[ch]$", path):
            continue
        lines = text.count("\n")
        if lines > limit(path):
            found.append(f"{path}: {lines} lines, expected at most {limit(path)}")
    return found
