#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The README's ways to spread questions over programs and machines, run for real: 200 questions, a worker killed in between, and every answer compared
with those of one `binocle eval`, bit for bit.

    batch.py [--only ENGINE,...] [-o ROWS.csv]      needs in the Python that runs this the wheel of toolchains/wheel, and of the engines those
    that are to run: GNU parallel, Slurm and munge (apt: parallel slurm-wlm), PySpark with a Java runtime, Dask (PyPI: pyspark dask[distributed])

Everything happens in a folder of its own in /tmp. The kernels are the scalar ones, so that the work takes long enough for something to be killed.
"""
import argparse
import csv
import glob
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
BIN = os.path.dirname(os.path.abspath(sys.executable))
MODEL = os.path.join(ROOT, "quant", "pocket", "pocket.bnc")
DATA = os.path.join(ROOT, "tests", "data", "pocket")
QUESTIONS, PER_PICTURE = 200, 4


def readme_line(start):
    """The one line of the README's that starts so: what it promises is what is run."""
    with open(os.path.join(ROOT, "README.md"), encoding="utf-8") as file:
        found = [line.strip() for line in file if line.startswith("    " + start)]
    if len(found) != 1:
        raise SystemExit(f"batch: README.md has {len(found)} lines that start with '{start}', expected one")
    return found[0]


def make_questions(folder):
    """200 questions about 50 pictures: copies of the tests' by names of their own, so that each costs vision."""
    with open(os.path.join(DATA, "questions.jsonl"), encoding="utf-8") as file:
        asked = [json.loads(line) for line in file]
    with open(os.path.join(folder, "questions.jsonl"), "w", encoding="utf-8") as file:
        for i in range(QUESTIONS):
            source, name = asked[i % len(asked)], f"{i // PER_PICTURE:04d}.webp"
            if not os.path.exists(os.path.join(folder, name)):
                shutil.copy(os.path.join(DATA, source["image"]), os.path.join(folder, name))
            file.write(json.dumps(source | {"id": f"q{i}", "image": name}) + "\n")


def read(*paths):
    """{id: what an answer says, without its seconds and joules}, and how many lines there were."""
    records, lines = {}, 0
    for path in paths:
        with open(path, encoding="utf-8") as file:
            for line in file:
                record = json.loads(line)
                records[record["id"]] = {k: v for k, v in record.items() if k in ("answer", "finish", "answer_tokens", "question", "image")}
                lines += 1
    return records, lines


def count_lines(pattern):
    return sum(open(path, "rb").read().count(b"\n") for path in glob.glob(pattern))


def processes(program, *words):
    """Pids of what runs `program` (its file's name) with a command line that holds all the words."""
    found = []
    for path in glob.glob("/proc/[0-9]*/cmdline"):
        try:
            with open(path, "rb") as file:
                said = file.read().decode("utf-8", "replace")
            name = os.path.basename(os.readlink(os.path.join(os.path.dirname(path), "exe")))
        except OSError:
            continue
        if name.startswith(program) and all(word in said for word in words):
            found.append(int(path.split("/")[2]))
    return found


def kill_one(when, program, *words, limit=300):
    """Waits until `when` holds and a program of these words runs, and kills one; how long that took."""
    start = time.monotonic()
    while time.monotonic() - start < limit:
        pids = processes(program, *words) if when() else []
        if pids:
            os.kill(pids[0], signal.SIGKILL)
            print(f"batch: killed {pids[0]} ({program}) after {time.monotonic() - start:.1f} s", file=sys.stderr)
            return
        time.sleep(0.05)
    raise SystemExit(f"batch: nothing of {program} {words} to kill in {limit} s")


def shell(line):
    return subprocess.Popen(["bash", "-c", line])


def twice(line, when, *words):
    """Runs a line of the README, kills one of its programs, and runs the line again, as the README says."""
    first = shell(line)
    kill_one(when, *words)
    first.wait()
    again = shell(line)
    if again.wait() != 0:
        raise SystemExit(f"batch: failed the second time: {line}")


def parallel():
    twice(readme_line("parallel binocle"), lambda: count_lines("answers.*.jsonl") >= 20, "binocle", "answers.")
    return glob.glob("answers.*.jsonl"), subprocess.run(["parallel", "--version"], capture_output=True, text=True, check=True).stdout.split()[2]


def xargs():
    twice(readme_line("seq 8 | xargs"), lambda: count_lines("answers.*.jsonl") >= 20, "binocle", "answers.")
    return glob.glob("answers.*.jsonl"), subprocess.run(["xargs", "--version"], capture_output=True, text=True, check=True).stdout.split()[3]


def pipe():
    """Nothing to go on with: parallel starts the killed block anew."""
    running = shell(readme_line("parallel --retries"))
    started = time.monotonic()
    kill_one(lambda: time.monotonic() - started > 3, "binocle", "\0-\0")
    if running.wait() != 0:
        raise SystemExit("batch: parallel --pipe failed")
    return ["answers.jsonl"], subprocess.run(["parallel", "--version"], capture_output=True, text=True, check=True).stdout.split()[2]


def slurm():
    """A node of its own: controller and node daemon on this machine, an array of 8 tasks, one of them killed."""
    line = readme_line("sbatch").replace("sbatch", "sbatch --wait", 1)
    for killed in (True, False):
        running = subprocess.Popen(["sh", os.path.join(HERE, "slurm_node.sh"), line])
        if killed:
            kill_one(lambda: count_lines("answers.*.jsonl") >= 20, "binocle", "answers.")
        if running.wait() != 0 and not killed:
            raise SystemExit("batch: the array failed the second time")
    return glob.glob("answers.*.jsonl"), subprocess.run(["sbatch", "--version"], capture_output=True, text=True, check=True,
                                                            env=os.environ | {"SLURM_CONF": "slurm/slurm.conf"}).stdout.split()[1]


def in_python(script, *words, wait=lambda: count_lines("began.*") >= 2):
    """A script beside this one, whose engine gets a worker killed and finishes all the same."""
    environment = os.environ | {"PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1", "SPARK_WORKER_DIR": os.path.abspath("spark")}
    running = subprocess.Popen([sys.executable, os.path.join(HERE, script)], stdout=subprocess.PIPE, text=True, env=environment)
    started = []

    def when():
        if wait() and not started:
            started.append(time.monotonic())
        return started and time.monotonic() - started[0] > 2  # in the midst of it
    kill_one(when, *words)
    version = running.communicate()[0].strip().splitlines()[-1]
    if running.returncode != 0:
        raise SystemExit(f"batch: {script} failed")
    return ["answers.jsonl"], version


ENGINES = {
    "parallel": (parallel, "a program"), "xargs": (xargs, "a program"), "parallel --pipe": (pipe, "a program"), "slurm": (slurm, "a task's program"),
    "spark pipe": (lambda: in_python("spark_pipe.py", "binocle", "\0-\0", wait=lambda: processes("binocle", "\0-\0")), "a program"),
    "spark python": (lambda: in_python("spark_python.py", "java", "CoarseGrainedExecutorBackend"), "an executor"),
    "dask python": (lambda: in_python("dask_python.py", "python", "spawn_main"), "a worker"),
}


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--only", help="engines, with commas between: " + ", ".join(ENGINES))
    options.add_argument("-o", dest="output", help="rows as CSV; default: standard output")
    given = options.parse_args()
    names = given.only.split(",") if given.only else list(ENGINES)
    os.environ.update(BINOCLE_CPU="scalar", LC_ALL="C.UTF-8", PATH=BIN + ":" + os.environ["PATH"])
    rows = []
    with tempfile.TemporaryDirectory(prefix="binocle-batch-") as folder:
        os.environ["BINOCLE_CACHE"] = os.path.join(folder, "cache")
        make_questions(folder)
        shutil.copy(MODEL, os.path.join(folder, "model.bnc"))
        os.chdir(folder)
        subprocess.run(["binocle", "eval", "model.bnc", "questions.jsonl", "-o", "expected.jsonl", "--threads", "1", "--quiet"], check=True)
        expected, _ = read("expected.jsonl")
        for name in names:
            for path in glob.glob("answers*") + glob.glob("began*"):
                os.remove(path)
            run, killed = ENGINES[name]
            start = time.monotonic()
            paths, version = run()
            seconds = time.monotonic() - start
            got, lines = read(*paths)
            equal = sum(got.get(key) == record for key, record in expected.items())
            rows.append([name, version, killed, QUESTIONS, lines, equal, f"{seconds:.1f}"])
            print(f"batch: {name} {version}: {lines} answers, {equal} of {QUESTIONS} equal", file=sys.stderr)
    output = open(given.output, "w", encoding="utf-8", newline="") if given.output else sys.stdout
    writer = csv.writer(output, lineterminator="\n")
    writer.writerows([["engine", "version", "killed", "questions", "answers", "equal", "seconds"], *rows])
    return 0 if all(row[4] == row[5] == QUESTIONS for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
