# SPDX-License-Identifier: Apache-2.0
"""What ops/kernels_table.h says each level has is what the files define, and what the table in ops/README.md shows: `kernels.py` prints that."""
import posixpath
import re

LEVELS = ("avx2", "avx512vnni", "avx512bf16", "amx", "neon", "neon_dotprod", "neon_i8mm", "neon_bf16")
V16 = ("avx2", "avx512vnni", "neon")
TABLE, README = "ops/kernels_table.h", "ops/README.md"
BEGIN, END = "<!-- kernels -->", "<!-- /kernels -->"
ROW = re.compile(r"\bK\((\w+)\.(\w+),\s*(\w+)" + r",\s*([x_])" * len(LEVELS) + r"\)", re.M)
KERNEL_FILE = re.compile(r"^ops/(?:.*/)?(\w+?)_(scalar|v16|" + "|".join(LEVELS) + r")\.c$")
DEFINITION = re.compile(r"^[a-z]\w* (?:bnc_(\w+?)_(scalar|" + "|".join(LEVELS) + r")|BNC_AT_LEVEL\((\w+)\))\([^;]*?\) \{", re.M)


def rows(files):
    """[(family, slot, kernel, levels)] of the table."""
    return [(m[0], m[1], m[2], tuple(level for level, has in zip(LEVELS, m[3:]) if has == "x")) for m in ROW.findall(files.get(TABLE, ""))]


def defined(files):
    """{(kernel, level): path} of the kernels that the files define."""
    found = {}
    for path, text in files.items():
        name = KERNEL_FILE.match(path)
        if not name:
            continue
        folder, stem = posixpath.dirname(path), name.group(1)
        for kernel, level, of_lanes in DEFINITION.findall(text):
            levels = [level] if level else [v for v in V16 if f"{folder}/{stem}_{v}.c" not in files]
            found.update({(kernel or of_lanes, v): path for v in levels})
    return found


def block(files):
    lines = ["| family | kernels | " + " | ".join(LEVELS) + " |", "|---" * (2 + len(LEVELS)) + "|"]
    table = rows(files)
    for family in dict.fromkeys(row[0] for row in table):
        mine = [row for row in table if row[0] == family]
        cells = [family, ", ".join(row[1] for row in mine)]
        for level in LEVELS:
            have = [row[1] for row in mine if level in row[3]]
            cells.append("all" if len(have) == len(mine) else ", ".join(have))
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(line.replace("|  |", "| |").replace("|  |", "| |") for line in lines)


def violations(files):
    table, files_have = rows(files), defined(files)
    if not table:
        return [f"{TABLE}: no rows" for _ in [0] if files_have]
    says = {(kernel, level) for _, _, kernel, levels in table for level in levels + ("scalar",)}
    found = [f"{TABLE}: {kernel} has an x for {level}, but no file defines it" for kernel, level in sorted(says - set(files_have))]
    found += [f"{path}: bnc_{kernel}_{level} has no x in {TABLE}: nothing calls it"
              for (kernel, level), path in sorted(files_have.items()) if (kernel, level) not in says]
    for column in (0, 2):
        names = [row[2] if column else row[:2] for row in table]
        found += [f"{TABLE}: two rows for {name}" for name in sorted(set(names)) if names.count(name) > 1]
    if f"{BEGIN}\n{block(files)}\n{END}" not in files.get(README, ""):
        found.append(f"{README}: its table is not that of {TABLE}; tests/house/kernels.py prints it")
    return found


if __name__ == "__main__":
    import os
    import tree
    print(block(tree.read(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))))
