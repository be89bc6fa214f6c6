# SPDX-License-Identifier: Apache-2.0
"""Files, memory and processes that misbehave: the program ends rightly or with one clear line, and never leaves half a file or another answer.

    BINOCLE_FAULTS  the library of fault_preload.c, empty under sanitizers        BINOCLE_KILLS  kills in all (default 40; check: 400)
"""
import json
import os
import random
import resource
import shutil
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.environ["BINOCLE_ROOT"], "tests", "program"))
from program_case import PHOTO, PROGRAM, ProgramCase, binocle, compiled, main, path, sane_signals  # noqa: E402

FAULTS = os.environ.get("BINOCLE_FAULTS", "")
KILLS = int(os.environ.get("BINOCLE_KILLS", "40"))
RUN = ("--prompt", "what?", "--image", PHOTO, "--max-tokens", "4", "--temperature", "0")


def files_in(folder):
    return sorted(name for _, _, names in os.walk(folder) for name in names)


class Faults(ProgramCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.out = path("faults")
        shutil.rmtree(cls.out, ignore_errors=True)
        os.makedirs(cls.out)
        cls.answer = binocle("run", cls.model, *RUN).out
        with open(path("faults.jsonl"), "w", encoding="utf-8") as f:
            f.writelines(json.dumps({"question": f"{i}?", "answers": ["x"]}) + "\n" for i in range(12))

    def with_fault(self, fault, *arguments, cache="", count=None):
        env = {**os.environ, "BINOCLE_FAULT": fault, "LD_PRELOAD": FAULTS, "BINOCLE_CACHE": cache, "BINOCLE_CPU": "scalar"}
        if count:
            env["BINOCLE_FAULT_COUNT"] = count
        return binocle(*arguments, env=env, timeout=120)

    def compile_to(self, fault, name, count=None):
        return self.with_fault(fault, "compile", self.checkpoint, "-o", os.path.join(self.out, name), "--quiet", "--packed", count=count)

    def right_answer(self, outcome):
        self.assertEqual((0, self.answer), (outcome.code, outcome.out), outcome)

    def test_cut_short_and_interrupted(self):
        if not FAULTS:
            self.skipTest("a sanitizer must be the first library")
        self.assertEqual(0, self.compile_to("count", "whole.bnc").code)
        with open(os.path.join(self.out, "whole.bnc"), "rb") as f:
            whole = f.read()
        for fault in ("short", "eintr"):
            outcome = self.compile_to(fault, f"{fault}.bnc")
            self.assertEqual(0, outcome.code, outcome)
            with open(os.path.join(self.out, f"{fault}.bnc"), "rb") as f:
                self.assertEqual(whole, f.read(), fault)
            cache = path(f"cache_{fault}")
            shutil.rmtree(cache, ignore_errors=True)
            for _ in range(2):  # packs, then maps
                self.right_answer(self.with_fault(fault, "run", self.model, *RUN, cache=cache))

    def test_disk_full_at_each_write(self):
        if not FAULTS:
            self.skipTest("a sanitizer must be the first library")
        count = path("writes.txt")
        self.assertEqual(0, self.compile_to("count", "count.bnc", count).code)
        with open(count) as f:
            writes = int(f.read())
        self.assertGreater(writes, 1)
        before = files_in(self.out)
        for n in range(1, writes + 1):
            outcome = self.compile_to(f"full:{n}", "full.bnc")
            self.assertEqual(1, outcome.code, outcome)
            self.assertIn("No space left", self.says_one_line(outcome))
            self.assertEqual(before, files_in(self.out))
        cache = path("cache_full")
        shutil.rmtree(cache, ignore_errors=True)
        self.right_answer(self.with_fault("count", "run", self.model, *RUN, cache=cache, count=count))
        with open(count) as f:
            writes = int(f.read())
        self.assertGreater(writes, 0)
        for n in range(1, writes + 1):
            shutil.rmtree(cache)
            outcome = self.with_fault(f"full:{n}", "run", self.model, *RUN, cache=cache)
            self.right_answer(outcome)
            kept = files_in(cache)
            if not kept:
                self.assertIn(b"stay in memory", outcome.err)
            self.assertIn([name[-len(".bncpack"):] for name in kept], ([], [".bncpack"]))  # the rows, which come last, are not missed

    def test_disk_full_while_saving_and_evaluating(self):
        if not FAULTS:
            self.skipTest("a sanitizer must be the first library")
        count, session = path("writes.txt"), os.path.join(self.out, "full.session")
        before = files_in(self.out)
        save = ("run", self.model, *RUN, "--quiet", "--save", session)
        for _ in range(2):  # the first one packs weights
            self.assertEqual(0, self.with_fault("count", *save, cache=path("cache_save"), count=count).code)
            os.remove(session)
        with open(count) as f:
            writes = int(f.read())
        self.assertGreater(writes, 0)
        for n in range(1, writes + 1):
            outcome = self.with_fault(f"full:{n}", *save, cache=path("cache_save"))
            self.assertEqual(1, outcome.code, outcome)
            self.assertIn("No space left", self.says_one_line(outcome))
            self.assertEqual(before, files_in(self.out))
        answers = path("full.jsonl")
        evaluate = ("eval", self.model, path("faults.jsonl"), "-o", answers, "--max-tokens", "4", "--quiet")
        if os.path.exists(answers):
            os.remove(answers)
        self.assertEqual(0, self.with_fault("count", *evaluate, cache=path("cache_save")).code)
        with open(answers, encoding="utf-8") as f:
            expected = [json.loads(line)["answer"] for line in f]
        for n in (1, 2, 5, 12):
            os.remove(answers)
            outcome = self.with_fault(f"full:{n}", *evaluate, cache=path("cache_save"))
            self.assertEqual(1, outcome.code, outcome)
            self.assertIn("No space left", self.says_one_line(outcome))
            self.assertEqual(0, self.with_fault("count", *evaluate, cache=path("cache_save")).code)  # goes on where it stopped
            with open(answers, encoding="utf-8") as f:
                self.assertEqual(expected, [json.loads(line)["answer"] for line in f], n)

    def killed(self, after, *arguments, **environment):
        process = subprocess.Popen([PROGRAM, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                   env={**os.environ, "BINOCLE_CPU": "scalar", **environment}, preexec_fn=sane_signals)
        try:
            return process.wait(after)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()

    def test_killed(self):
        choice, killed = random.Random(7), 0
        model, answers, cache = os.path.join(self.out, "killed.bnc"), path("killed.jsonl"), path("cache_killed")
        shutil.rmtree(cache, ignore_errors=True)
        work = (("compile", self.checkpoint, "-o", model, "--quiet"), ("run", self.model, *RUN, "--quiet"),
                ("eval", self.model, path("faults.jsonl"), "-o", answers, "--max-tokens", "4", "--quiet"))
        spans = []
        for arguments in work:
            start = time.monotonic()
            self.assertEqual(0, self.killed(60, *arguments, BINOCLE_CACHE=cache))
            spans.append(time.monotonic() - start)
        with open(answers, encoding="utf-8") as f:
            expected = [json.loads(line)["answer"] for line in f]
        for i in range(KILLS):
            what = i % 3
            if what == 0 and os.path.exists(model):
                os.remove(model)
            if what == 1:
                shutil.rmtree(cache, ignore_errors=True)
            if what == 2 and os.path.exists(answers) and i % 2:
                os.remove(answers)
            killed += self.killed(choice.uniform(0, spans[what]), *work[what], BINOCLE_CACHE=cache) != 0
            if what == 0 and os.path.exists(model):
                self.assertEqual(0, binocle("verify", model, "--quiet").code)
        self.assertGreater(killed, KILLS // 4)
        env = {**os.environ, "BINOCLE_CPU": "scalar", "BINOCLE_CACHE": cache}
        self.right_answer(binocle("run", self.model, *RUN, env=env))
        self.assertEqual(0, binocle(*work[2], env=env).code)
        with open(answers, encoding="utf-8") as f:
            self.assertEqual(expected, [json.loads(line)["answer"] for line in f])

    def test_little_memory(self):
        if not FAULTS:
            self.skipTest("sanitizers need terabytes of address space")
        low, high = 0, 1 << 32  # the address space that a run needs lies between
        arguments = ("run", self.model, *RUN, "--threads", "1", "--quiet")
        while high - low > 1 << 20:
            middle = (low + high) // 2
            if self.limited(middle, *arguments).code == 0:
                high = middle
            else:
                low = middle
        need, checked = high, 0
        for tenth in range(1, 13):
            if self.limited(need * tenth // 10, "--version").code != 0:
                continue  # too little for the loader
            checked += 1
            outcome = self.limited(need * tenth // 10, *arguments)
            if outcome.code == 0:
                self.assertEqual(self.answer, outcome.out)
            else:
                self.assertEqual(1, outcome.code, outcome)
                self.assertEqual(b"", outcome.out)
                self.assertTrue(outcome.err.strip(), outcome)
        self.assertGreater(checked, 3)

    @staticmethod
    def limited(limit, *arguments):
        process = subprocess.run([PROGRAM, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
                                 preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)))

        class Ended:
            code, out, err = process.returncode, process.stdout, process.stderr

            def __repr__(self):
                return f"limit {limit}: exit code {self.code}, stderr {self.err!r}"
        return Ended()


if __name__ == "__main__":
    main()
