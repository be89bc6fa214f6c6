# SPDX-License-Identifier: Apache-2.0
"""A step a line: no assignment joined to another by a comma, and no condition hidden in a for, where an assignment may only be the whole
test of an iterator."""
import re

from tree import is_c

TARGET = r"[*&]*[A-Za-z_][\w.\[\]>-]*"
ASSIGN = r" [-+*/|&^]?= "
JOINED = re.compile(rf"^\s*(?:\}} else |else )?(?:if \(.*?\) )?{TARGET}{ASSIGN}[^;{{}}]*, {TARGET}{ASSIGN}[^;]*;")
FOR_TEST = re.compile(r"\bfor \([^;]*;([^;]*);")
ASSIGNMENT = re.compile(r"[^=!<>+\-*/|&^]=[^=]")


def plain(line):
    """The line without strings and comments."""
    return re.sub(r"/\*.*?\*/", "", re.sub(r'"(?:\\.|[^"\\])*"', '""', line))


def violations(files):
    found = []
    for path, text in files.items():
        if not is_c(path):
            continue
        before = ""
        for number, line in enumerate(text.split("\n"), 1):
            code = plain(line)
            if JOINED.match(code) and not before.endswith(","):  # behind a comma, a declaration goes on
                found.append(f"{path}:{number}: two assignments in one statement: {line.strip()[:100]}")
            test = FOR_TEST.search(code)
            if test and ASSIGNMENT.search(test.group(1)) and re.search(r"&&|\|\||,(?![^()]*\))", test.group(1)):
                found.append(f"{path}:{number}: a condition hidden in a for: {line.strip()[:100]}")
            before = code.rstrip()
    return found
