# SPDX-License-Identifier: Apache-2.0
"""Runs clang-tidy with the set of .clang-tidy over the library's sources: tidy.py ROOT BUILD. BUILD has compile_commands.json.

The commands are gcc's: clang gets its own compiler headers in the place of gcc's, and none of the warnings that gcc does not have."""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

TIDY = "clang-tidy-19"
LAYERS = ("platforms", "ops", "runtime", "quant")


def commands(root, build):
    """{path: command for clang} of the library's and the program's sources, each once."""
    with open(os.path.join(build, "compile_commands.json"), encoding="utf-8") as f:
        entries = json.load(f)
    found = {}
    for entry in entries:
        path = os.path.relpath(os.path.realpath(os.path.join(entry["directory"], entry["file"])), root)
        if path.split("/")[0] in LAYERS:
            command = re.sub(r'-nostdinc|-isystem\s+"?/usr/lib/gcc/[^"\s]*"?|-Wno-format-truncation', "", entry["command"])
            found.setdefault(path, dict(entry, command=command + " -Wno-enum-float-conversion"))
    return found


def check(folder, path):
    done = subprocess.run([TIDY, "-p", folder, "--quiet", path], capture_output=True, text=True, check=False)
    return [line for line in done.stdout.split("\n") if re.search(r": (?:error|warning): ", line)] or ([f"{path}: {done.stderr}"] if done.returncode else [])


def main():
    root, build = map(os.path.realpath, sys.argv[1:])
    if not shutil.which(TIDY):
        print(f"{TIDY} is not installed: toolchains/setup check installs it")
        return 1
    wanted = commands(root, build)
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "compile_commands.json"), "w", encoding="utf-8") as f:
            json.dump(list(wanted.values()), f)
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            found = sorted({line for lines in pool.map(lambda p: check(folder, os.path.join(root, p)), sorted(wanted)) for line in lines})
    print("\n".join(found))
    print(f"tidy: {len(wanted)} files read, {len(found)} findings")
    return 1 if found or not wanted else 0


if __name__ == "__main__":
    sys.exit(main())
