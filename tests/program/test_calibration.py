# SPDX-License-Identifier: Apache-2.0
"""compile --calibration: the same file for any number of threads and after an interruption, other weights than without, nothing left behind."""
import os
import re
import shutil
import subprocess
import unittest

from program_case import PROGRAM, ROOT, WORK, binocle

CHECKPOINT = os.path.join(ROOT, "quant", "pocket", "checkpoint")
TEXT = os.path.join(WORK, "text.txt")
WORDS = "the red sign says stop and a small dog sits near the blue car while two people read what is on the wall"


def compile_model(name, *more, code=0, text="int4"):
    path = os.path.join(WORK, name)
    done = binocle("compile", CHECKPOINT, "-o", path, "--text-weights", text, "--quiet", *more, timeout=250)
    assert done.code == code, done
    return path, done


class Calibration(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        shutil.rmtree(WORK, ignore_errors=True)
        os.makedirs(WORK)
        words = WORDS.split()
        with open(TEXT, "w", encoding="utf-8") as f:
            f.write(" ".join(words[(i * i + i // 7) % len(words)] for i in range(400)))

    def read(self, path):
        with open(path, "rb") as f:
            return f.read()

    def test_same_for_any_threads(self):
        plain, _ = compile_model("plain.bnc")
        one, _ = compile_model("one.bnc", "--calibration", TEXT, "--threads", "1")
        two, _ = compile_model("two.bnc", "--calibration", TEXT, "--threads", "2")
        self.assertEqual(self.read(one), self.read(two))
        self.assertNotEqual(self.read(one), self.read(plain))
        self.assertEqual(os.path.getsize(one), os.path.getsize(plain))
        self.assertFalse(os.path.exists(one + ".calibration"))
        self.assertEqual(binocle("inspect", one, "--json").code, 0)

    def test_goes_on(self):
        whole, _ = compile_model("whole.bnc", "--calibration", TEXT)
        # The model file grows beyond what the system lets a file have, behind the last layer.
        path = os.path.join(WORK, "on.bnc")
        command = [PROGRAM, "compile", CHECKPOINT, "-o", path, "--text-weights", "int4", "--quiet", "--calibration", TEXT]
        limited = subprocess.run(["sh", "-c", 'ulimit -f 1200; exec "$@"', "sh", *command], capture_output=True, timeout=250, check=False)
        self.assertNotEqual(0, limited.returncode)
        self.assertFalse(os.path.exists(path))
        self.assertIn("layers.state", os.listdir(path + ".calibration"))
        done = binocle("compile", CHECKPOINT, "-o", path, "--text-weights", "int4", "--calibration", TEXT, timeout=250)
        self.assertEqual(0, done.code, done)
        layers = re.search(rb"from layer (\d+) of (\d+)", done.err)
        self.assertTrue(layers and layers[1] == layers[2], done)
        self.assertEqual(self.read(whole), self.read(path))

    def test_wrong_input(self):
        def fails(expected, *more, text="int4"):
            _, done = compile_model("wrong.bnc", *more, code=1, text=text)
            self.assertIn(expected, done.err.decode())
            self.assertFalse(os.path.exists(os.path.join(WORK, "wrong.bnc")))
        fails("calibration serves int4", "--calibration", TEXT, text="int8")
        fails("No such file", "--calibration", os.path.join(WORK, "none.txt"))
        short = os.path.join(WORK, "short.txt")
        with open(short, "w", encoding="utf-8") as f:
            f.write("too short")
        fails("expected at least 64", "--calibration", short)
        with open(short, "wb") as f:
            f.write(b"\xff" * 1000)
        fails("UTF-8", "--calibration", short)


if __name__ == "__main__":
    unittest.main()
