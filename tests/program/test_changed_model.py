# SPDX-License-Identifier: Apache-2.0
"""A model file that is cut or rewritten while it is in use, and models that need more memory than there is: a line that says so, exit code 1,
never a crash and never an answer out of other bytes."""
import os
import resource
import select
import shutil
import subprocess
import time
import unittest

from program_case import PHOTO, PROGRAM, ProgramCase, binocle, compiled, main, path, sane_signals

CHANGED = ("was changed since it was opened", "was cut while it was read")


class ChangedModel(ProgramCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.long_model = compiled("long.bnc", cls.checkpoint, "--context", "7900", "--text-weights", "int4")

    def chat(self, change, wait_for_text):
        """Asks, changes the model, asks again. wait_for_text: while the first answer, a long one, is being said."""
        model = path("in_use.bnc")
        shutil.copy(self.long_model, model)
        chat = subprocess.Popen([PROGRAM, "chat", model, "--quiet", "--threads", "1", "--max-tokens", "1000000" if wait_for_text else "4"],
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=sane_signals,
                                env=dict(os.environ, BINOCLE_CPU="scalar"))  # no CPU says 7900 tokens at once then
        chat.stdin.write(b"one\n")
        chat.stdin.flush()
        self.assertTrue(select.select([chat.stdout], [], [], 60)[0], "no answer")
        time.sleep(0.05)  # a tick of the file system's clock
        change(model)
        out, err = chat.communicate(b"two\n", 60)
        return chat.returncode, out, err.decode()

    def check(self, change):
        for wait_for_text in (False, True):
            code, out, err = self.chat(change, wait_for_text)
            self.assertEqual(1, code, (out, err))
            self.assertTrue(any(word in err for word in CHANGED) and err.startswith("binocle: ") and "in_use.bnc" in err, err)
            self.assertEqual(1, err.count("\n"), err)

    def test_rewritten(self):
        def rewrite(model):
            with open(model, "r+b") as f:
                f.write(bytes(os.path.getsize(model)))
        self.check(rewrite)

    def test_one_byte(self):
        def flip(model):
            with open(model, "r+b") as f:
                f.seek(os.path.getsize(model) - 1)
                f.write(b"\xff")
        self.check(flip)

    def test_cut(self):
        for size in (0, 4096):
            self.check(lambda model: os.truncate(model, size))  # pylint: disable=cell-var-from-loop

    def test_replaced_goes_on(self):
        def replace(model):
            shutil.copy(PHOTO, model + ".new")
            os.replace(model + ".new", model)
        code, out, err = self.chat(replace, False)
        self.assertEqual((0, ""), (code, err))
        self.assertEqual(binocle("chat", self.long_model, "--quiet", "--max-tokens", "4", stdin=b"one\ntwo\n").out, out)


class Memory(ProgramCase):
    def fake(self, available_kib, **files):
        root = path("fake")
        shutil.rmtree(root, ignore_errors=True)
        files = {"proc/meminfo": f"MemTotal: 8000000 kB\nMemAvailable: {available_kib} kB\n", **files}
        for name, text in files.items():
            os.makedirs(os.path.dirname(os.path.join(root, name)), exist_ok=True)
            with open(os.path.join(root, name), "w", encoding="utf-8") as f:
                f.write(text)
        return {"env": {**os.environ, "BINOCLE_SYSFS": root}}

    def test_ever_more(self):
        """From some size on it runs, and says a line before."""
        ran = []
        for kib in range(1, 64 << 10, 2 << 10):
            outcome = binocle("run", self.model, "--prompt", "hi", "--max-tokens", "2", "--quiet", "--threads", "1", **self.fake(kib))
            ran.append(outcome.code == 0)
            if outcome.code != 0:
                self.assertEqual(1, outcome.code, outcome)
                line = self.says_one_line(outcome)
                self.assertRegex(line, r"a session with this model .* needs [0-9.]+ MB of memory, but this machine leaves [0-9.]+ MB")
        self.assertEqual(sorted(ran), ran)
        self.assertTrue(ran[-1] and not ran[0], ran)

    def test_control_group(self):
        group = {"proc/self/cgroup": "0::/small\n", "sys/fs/cgroup/small/memory.max": "1000\n", "sys/fs/cgroup/small/memory.current": "900\n"}
        outcome = binocle("run", self.model, "--prompt", "hi", "--quiet", **self.fake(8000000, **group))
        self.assertEqual(1, outcome.code)
        self.assertIn("the control group leaves 0.0 MB", self.says_one_line(outcome))

    @unittest.skipIf(os.environ.get("BINOCLE_SANITIZE"), "a sanitizer's shadow memory alone takes terabytes of addresses")
    def test_address_space(self):
        def limit():
            sane_signals()
            resource.setrlimit(resource.RLIMIT_AS, (size, size))
        size = 8 << 30
        codes = set()
        while size > 8 << 20:
            p = subprocess.Popen([PROGRAM, "run", self.model, "--prompt", "hi", "--max-tokens", "1", "--quiet", "--threads", "1"],
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=limit)
            out, err = p.communicate(timeout=60)
            codes.add(p.returncode)
            if p.returncode == 127:
                break  # the loader cannot even map the libraries
            self.assertIn(p.returncode, (0, 1), (size, out, err))
            if p.returncode == 1:
                self.assertRegex(err.decode(), r"memory|allocate|threads")
            size = size * 2 // 3
        self.assertIn(0, codes)


if __name__ == "__main__":
    main()
