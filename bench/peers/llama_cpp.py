# SPDX-License-Identifier: Apache-2.0
"""llama.cpp as Debian packages it, unpacked beside the build: which programs there are, how they are started, and what their output means."""
import json
import os
import platform
import re
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from runner import TREE, try_run  # noqa: E402

# The suite whose packages are raced. Debian 13 has none; the libraries of the newer suite, its C library among them, come along.
SUITE = "forky"
PACKAGES = ("llama.cpp-tools", "llama.cpp-tools-extra", "libggml0-backend-blas", "libopenblas0-pthread")
MACHINES = {"x86_64": ("amd64", "x86_64-linux-gnu", "lib64/ld-linux-x86-64.so.2"), "aarch64": ("arm64", "aarch64-linux-gnu", "lib/ld-linux-aarch64.so.1")}


class LlamaCpp:
    def __init__(self, work):
        """Unpacks the packages under `work`, unless they are there."""
        if platform.machine() not in MACHINES:
            sys.exit(f"bench: no llama.cpp package for this machine's '{platform.machine()}'")
        arch, triplet, loader = MACHINES[platform.machine()]
        self.root = os.path.join(work, "llama.cpp")
        subprocess.run([os.path.join(TREE, "toolchains", "debian_root"), SUITE, arch, self.root, *PACKAGES], check=True, stdout=sys.stderr)
        self.lib = os.path.join(self.root, "usr/lib", triplet)
        self.loader = os.path.join(self.root, loader)
        with open(os.path.join(self.root, ".packages"), encoding="ascii") as f:
            versions = dict(line.split() for line in f)
        self.version = f"{versions['llama.cpp-tools'].split(':')[-1]} (ggml {versions['libggml0']})"
        # ggml looks for its backends in the working folder: one with the CPU's variants alone, one with BLAS beside them.
        for name, wanted in (("cpu", "libggml-cpu-"), ("blas", "libggml-")):
            folder = os.path.join(work, f"backends-{name}")
            os.makedirs(folder, exist_ok=True)
            for file in os.listdir(os.path.join(self.lib, "ggml/backends0")):
                if file.startswith(wanted) and not os.path.exists(os.path.join(folder, file)):
                    os.symlink(os.path.join(self.lib, "ggml/backends0", file), os.path.join(folder, file))
        self.work = work

    def start(self, program, arguments, backend="cpu"):
        paths = ":".join((self.lib, os.path.join(self.lib, "llama"), os.path.join(self.lib, "openblas-pthread")))
        command = [self.loader, "--library-path", paths, os.path.join(self.root, "usr/bin", program), *map(str, arguments)]
        return try_run(command, cwd=os.path.join(self.work, f"backends-{backend}"))

    def bench(self, model, threads, prompt, generate, backend="cpu"):
        """{"pp256": tokens per second, "tg32": ...}; a short prompt and one token go first and are left out."""
        # BLAS reads no repacked weights.
        arguments = ["-m", model, "-t", threads, "-ub", 1024, "--repack", int(backend == "cpu"), "-r", 1, "--no-warmup", "-o", "jsonl"]
        for n in ([8] + list(prompt)) if prompt else [0]:
            arguments += ["-p", n]
        arguments += ["-n", ",".join(map(str, [1, *generate])) if generate else 0]
        text, _ = self.start("llama-bench", arguments, backend)
        rates = {}
        for line in text.splitlines():
            if line.startswith("{"):
                row = json.loads(line)
                rates[f"tg{row['n_gen']}" if row["n_gen"] else f"pp{row['n_prompt']}"] = row["avg_ts"]
        missing = [n for n in [f"pp{p}" for p in prompt] + [f"tg{g}" for g in generate] if n not in rates]
        if missing:
            sys.exit(f"bench: llama-bench printed no {missing[0]}:\n{text[-2000:]}")
        return rates

    def encode(self, model, tower, picture, prompt, threads, flash):
        """One picture and a prompt through llama-mtmd-cli: (seconds to encode the picture, peak resident bytes)."""
        text, peak = self.start("llama-mtmd-cli", ["-m", model, "--mmproj", tower, "--image", picture, "-p", prompt, "-n", 1, "-t", threads, "-c", 2048,
                                                   "-fa", flash, "--no-warmup", "--temp", 0])
        times = re.findall(r"(?:encoding done|encoded) in (\d+) ms", text)
        if not times:
            sys.exit(f"bench: llama-mtmd-cli told no time of encoding:\n{text[-2000:]}")
        return sum(map(int, times)) / 1000, peak

