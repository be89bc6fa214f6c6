# SPDX-License-Identifier: Apache-2.0
"""A file is one idea and a function one step. Sources have up to 400 lines, headers 150, tests 350; functions 60, in tests 90; lines 140
columns. Data tables (NAME_table.c, NAME_table.h) are exempt from the lines of a file."""
import re

from tree import is_c

COLUMNS = 140


def file_limit(path):
    if path.startswith("tests/"):
        return 350
    return 150 if path.endswith(".h") else 400


def function_limit(path):
    return 90 if path.startswith(("tests/", "bench/")) else 60


def functions(lines):
    """(number of the first line, lines) of each function, in code that clang-format has laid out: bodies end with a brace in column 0."""
    start = None
    for i, line in enumerate(lines):
        if line == "}" and start is not None:
            yield start + 1, i - start + 1
            start = None
        elif start is None and line.endswith(") {"):
            head = i
            while head and line[:1] in (" ", ")") and lines[head - 1].strip() and lines[head - 1] != "}":
                head -= 1
                line = lines[head]
            if re.match(r"[A-Za-z_]", line):
                start = head


def violations(files):
    found = []
    for path, text in files.items():
        if not is_c(path):
            continue
        lines = text.split("\n")
        if len(lines) - 1 > file_limit(path) and not re.search(r"_tables?\.[ch]$", path):
            found.append(f"{path}: {len(lines) - 1} lines, expected at most {file_limit(path)}")
        found += [f"{path}:{i}: {len(line)} columns, expected at most {COLUMNS}" for i, line in enumerate(lines, 1) if len(line) > COLUMNS]
        found += [f"{path}:{first}: a function of {count} lines, expected at most {function_limit(path)}"
                  for first, count in functions(lines) if count > function_limit(path)]
    return found
