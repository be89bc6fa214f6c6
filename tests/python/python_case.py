# SPDX-License-Identifier: Apache-2.0
"""What the tests of the Python package share.

    BINOCLE_ROOT  the source tree      BINOCLE_PROGRAM  the program      PYTHONPATH and LD_LIBRARY_PATH, or an installed wheel, give the package
"""
import os
import subprocess
import tempfile
import unittest

import binocle

ROOT = os.environ["BINOCLE_ROOT"]
PROGRAM = os.environ["BINOCLE_PROGRAM"]
POCKET = os.path.join(ROOT, "quant", "pocket", "pocket.bnc")
SIGN = os.path.join(ROOT, "tests", "data", "pocket", "0000.webp")
QUESTION, ANSWER = "Which number is on the sign?", "36"
PHOTO = os.path.join(ROOT, "tests", "data", "image", "photo.png")


def program(*arguments):
    return subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, check=True).stdout


class PythonCase(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="binocle-test-")
        cls.addClassCleanup(folder.cleanup)
        cls.work = folder.name
        # One thread: what is tested here is not speed, and two threads wait for each other where the machine is busy.
        cls.model = binocle.Model(POCKET, threads=1, cache_dir=os.path.join(cls.work, "cache"))
        cls.addClassCleanup(cls.model.close)
        with open(SIGN, "rb") as file:
            cls.sign = file.read()
