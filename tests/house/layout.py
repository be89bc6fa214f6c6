# SPDX-License-Identifier: Apache-2.0
"""C is laid out as .clang-format says, by the version that Debian 12 and 13 share: others differ in details."""
import os
import re
import shutil
import subprocess
import tempfile

from tree import is_c

FORMATTER = "clang-format-19"
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def violations(files):
    if not shutil.which(FORMATTER):
        return [f"{FORMATTER} is not installed: toolchains/setup check installs it"]
    sources = [path for path in files if is_c(path) and not path.endswith(".S")]
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(os.path.join(ROOT, ".clang-format"), folder)
        for path in sources:
            os.makedirs(os.path.dirname(os.path.join(folder, path)), exist_ok=True)
            with open(os.path.join(folder, path), "w", encoding="utf-8") as f:
                f.write(files[path])
        said = subprocess.run([FORMATTER, "--dry-run", *sources], cwd=folder, capture_output=True, text=True, check=False).stderr
    first = {}
    for path, line in re.findall(r"^(\S+?):(\d+):\d+: ", said, re.M):
        first.setdefault(path, line)
    return [f"{path}:{line}: {FORMATTER} -i would lay it out differently" for path, line in first.items()] or [line for line in [said.strip()] if line]
