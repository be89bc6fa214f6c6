# SPDX-License-Identifier: Apache-2.0
"""What the scripts that time whole models share: running a program, and Binocle with its made-up models and its caches in one folder."""
import json
import os
import statistics
import subprocess
import sys

TREE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def say(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


class Failed(RuntimeError):
    """A command that was run failed."""


def try_run(command, cwd=None, env=None):
    """Runs it; returns (what it printed on both streams, its peak resident bytes), or raises Failed."""
    process = subprocess.Popen(command, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    text = process.stdout.read().decode("utf-8", "replace")
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise Failed(f"failed ({process.returncode}): {' '.join(command)}\n{text[-2000:]}")
    return text, usage.ru_maxrss * 1024


def run(command, cwd=None, env=None):
    """try_run, for what a script cannot do without."""
    try:
        return try_run(command, cwd, env)
    except Failed as e:
        sys.exit(f"bench: {e}")


def attempt(name, work):
    """Whether that peer's work succeeds. A peer that fails is left out from then on, and said; the others race."""
    try:
        work()
    except (RuntimeError, OSError, subprocess.CalledProcessError) as e:
        say(f"{name} is left out from here on: {e}")
        return False
    return True


def spread(values):
    """min, median and max, as a CSV row has them."""
    return [f"{v:.4g}" for v in (min(values), statistics.median(values), max(values))]


class Binocle:
    """The program of a build folder; models and packed weights under `work`."""

    def __init__(self, build, work):
        self.build = os.path.abspath(build or os.path.join(TREE, "build/host"))
        self.work = os.path.abspath(work or os.path.join(TREE, "build/peers"))
        self.program = os.path.join(self.build, "bin/binocle")
        if not os.access(self.program, os.X_OK):
            sys.exit(f"bench: there is no {self.program}; toolchains/build makes it")
        os.makedirs(self.work, exist_ok=True)
        self.env = dict(os.environ, BINOCLE_CACHE=os.path.join(self.work, "cache"))
        about = self.json("devices")["cpu"]
        self.cpu = f"{about['brand']} ({about['uarch']}, {about['cpus']} CPUs)"
        self.version = self("--version").split()[-1]

    def __call__(self, *arguments):
        return run([self.program, *map(str, arguments)], env=self.env)[0]

    def json(self, command, *arguments):
        text = self(command, *arguments, "--json")
        return json.loads(text[text.index("{"):])

    def bench(self, model, threads, *arguments):
        """One repetition unless --repeat says otherwise, with no other before it unless --warm-up does; 0 threads: the program's own choice."""
        usual = [part for option, value in (("--repeat", 1), ("--warm-up", 0)) if option not in arguments for part in (option, value)]
        return self.json("bench", model, "--quiet", *usual, *(["--threads", threads] if threads else []), *arguments)

    def model(self, preset):
        """The path of that preset with int4 text weights, and what a first, untimed run of it told: weights are packed and in memory then."""
        path = os.path.join(self.work, f"{preset}.bnc")
        # A newer program may write another format.
        if not os.path.exists(path) or os.path.getmtime(path) < os.path.getmtime(self.program):
            say(f"synthesising {preset}")
            self("synth", preset, "-o", path, "--text-weights", "int4", "--quiet")
        return path, self.bench(path, 0, "--prompt-tokens", 1, "--gen-tokens", 1)

    def bandwidth(self, threads):
        """GB/s that so many threads read from memory: the best of 5."""
        text, _ = run([os.path.join(self.build, "bench/bench_limits"), "--memory", "--repeat", "5", "--threads", str(threads)])
        return float(text.splitlines()[-1].split(",")[6])
