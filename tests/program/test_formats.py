# SPDX-License-Identifier: Apache-2.0
"""How weights are kept, in all combinations: groups with steps, budgets of bits, int4 heads and embeddings, each rotated or not, calibrated or not.
Every one compiles to a sound file, has the same bits on each level and number of threads, stays near f32, and still reads the sign."""
import itertools
import json
import os
import platform
import shutil
import unittest

from program_case import ROOT, WORK, binocle, load_array, path, save_ids

CHECKPOINT = os.path.join(ROOT, "quant", "pocket", "checkpoint")
PICTURES = os.path.join(ROOT, "tests", "data", "pocket")
QUESTIONS = os.path.join(PICTURES, "questions.jsonl")
SIGN = os.path.join(PICTURES, "0000.webp")
TEXT = "the red sign says stop and a small dog sits near the blue car while two people read what is on the wall. " * 8
FORMATS = (("--group", "16"), ("--bits-per-weight", "6.1"), ("--group", "16", "--head-weights", "int4"),
           ("--head-weights", "int4", "--embedding-weights", "int4"), ("--bits-per-weight", "6.1", "--head-weights", "int4", "--embedding-weights", "int4"))
LEVELS = ("scalar", {"x86_64": "avx2"}.get(platform.machine(), "neon"), None)
if os.environ.get("BINOCLE_SANITIZE"):  # all parts of the code, in minutes
    FORMATS, LEVELS = FORMATS[::4], LEVELS[1:]
COMBINATIONS = list(itertools.product(FORMATS, ("on", "off"), (False, True)))
if os.environ.get("BINOCLE_SANITIZE"):  # every pair of choices
    COMBINATIONS = [COMBINATIONS[i] for i in (0, 3, 5, 6)]


class Formats(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        shutil.rmtree(WORK, ignore_errors=True)
        os.makedirs(WORK)
        cls.text, cls.ids = path("text.txt"), save_ids("ids.npy", [1, 5, -200, 9, 17, 30])
        with open(cls.text, "w", encoding="utf-8") as f:
            f.write(TEXT)
        cls.exact = cls.compile("exact.bnc", "--text-weights", "f32", "--vision-weights", "int8")

    @staticmethod
    def done(*arguments, level=None):
        environment = dict(os.environ, BINOCLE_CPU=level) if level else None
        outcome = binocle(*arguments, timeout=250, env=environment)
        assert outcome.code == 0, (arguments, outcome)
        return outcome.out

    @classmethod
    def compile(cls, name, *options):
        cls.done("compile", CHECKPOINT, "-o", path(name), "--quiet", *options)
        return path(name)

    def logits(self, model, level, threads):
        self.done("score", model, "--ids", self.ids, "--image", SIGN, "-o", path("logits.npy"), "--threads", threads, level=level)
        return load_array(path("logits.npy"))[1]

    def against(self, model):
        return json.loads(self.done("perplexity", model, QUESTIONS, "--against", self.exact, "--json", "--quiet"))["against"]

    def check(self, options, rotation, calibration):
        model = self.compile("model.bnc", "--text-weights", "int4", *options, "--rotate", rotation, *(("--calibration", calibration) if calibration else ()))
        self.done("verify", model)
        if not calibration:  # values do not matter to that
            found = [self.logits(model, level, threads) for level, threads in zip(LEVELS, ("1", "2", "2"))]
            self.assertTrue(all(bits == found[0] for bits in found))
        lost = self.against(model)
        self.assertTrue(0 < lost["kl"] < 0.05 and 0.9 < lost["perplexity_ratio"] < 1.15 and lost["top1"] > 0.9, lost)
        self.assertEqual(b"BUS", self.done("run", model, "--image", SIGN, "--prompt", "Which word is on the sign?", "--max-tokens", "8").strip())
        with open(model, "rb") as f:
            return f.read()

    def test_all_combinations(self):
        files = set()
        for options, rotation, calibrated in COMBINATIONS:
            with self.subTest(options=options, rotation=rotation, calibrated=calibrated):
                files.add(self.check(options, rotation, self.text if calibrated else None))
        self.assertEqual(len(COMBINATIONS), len(files))

    def test_pictures_calibrate_too(self):
        for options in FORMATS[:4]:
            with self.subTest(options=options):
                self.check(options, "on", QUESTIONS)

    def test_an_int4_embedding_is_smaller(self):
        """And is that of int8 but for its rounding; it says nothing of other text weights."""
        sizes = {}
        for text, kind in itertools.product(("int4", "int8"), ("int8", "int4")):
            model = self.compile("table.bnc", "--text-weights", text, "--embedding-weights", kind)
            sizes[text, kind] = json.loads(self.done("inspect", model, "--json"))["weights"]["by_dtype"]["int4" if text == "int4" else "int8"]
        self.assertGreater(sizes["int4", "int4"], sizes["int4", "int8"])
        self.assertEqual(sizes["int8", "int4"], sizes["int8", "int8"])


if __name__ == "__main__":
    unittest.main()
