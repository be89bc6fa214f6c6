# SPDX-License-Identifier: Apache-2.0
"""Every source says its licence; none is unfinished, holds switched-off code, or names a package registry or a path of somebody's machine."""
import re

from tree import is_c, is_script

LICENCE = "SPDX-License-Identifier: Apache-2.0"
# Written in pieces, so that this file does not hold what it looks for.
UNFINISHED = re.compile(r"\b(?:TO" r"DO|FIX" r"ME|XX" r"X|not implem" r"ented)\b")
SWITCHED_OFF = re.compile(r"^[ \t]*#[ \t]*(?:el)?if[ \t]+[01][ \t]*$", re.M)
REGISTRY = re.compile(r"(?:deb|security|ftp|snapshot)\.deb" r"ian\.org|py" r"pi\.org|pythonho" r"sted\.org|npm" r"js\.org|cra" r"tes\.io|"
                      r"proxy\.gol" r"ang\.org|conda\.ana" r"conda\.org")
MACHINE_PATH = re.compile(r"(?<![\w./])/(?:wo" r"rk|ro" r"ot|ho" r"me|Us" r"ers|tmp/w" r"t)/[\w.-]")


def violations(files):
    found = []
    for path, text in files.items():
        if is_script(path, text) and not any(LICENCE in line for line in text.split("\n", 2)[:2]):
            found.append(f"{path}: the licence line '{LICENCE}' is not among its first two")
        code = is_script(path, text)
        for number, line in enumerate(text.split("\n"), 1):
            if code and UNFINISHED.search(line):
                found.append(f"{path}:{number}: unfinished: {line.strip()[:100]}")
            if is_c(path) and SWITCHED_OFF.match(line):
                found.append(f"{path}:{number}: switched-off code: {line.strip()}")
            for what, pattern in (("a package registry", REGISTRY), ("a path of one machine", MACHINE_PATH)):
                if pattern.search(line):
                    found.append(f"{path}:{number}: names {what}: {line.strip()[:100]}")
    return found
