# SPDX-License-Identifier: Apache-2.0
"""compile --rotate: the same model in f32, pictures included; the same bits whatever the passes and threads; calibration sees what runs."""
import math
import os
import shutil
import unittest

from program_case import PHOTO, ROOT, WORK, ProgramCase, binocle, load_array, path, save_ids

CHECKPOINT = os.path.join(ROOT, "quant", "pocket", "checkpoint")
QUESTIONS = os.path.join(ROOT, "tests", "data", "pocket", "questions.jsonl")
PASSES = ("simplify-taps", "prune-rows", "merge-equal", "fold-scales", "fuse-projections", "fuse-quantize", "fuse-residual", "fuse-patches",
          "alias-parts", "slab-columns")
TEXT = "the red sign says stop and a small dog sits near the blue car while two people read what is on the wall. " * 8


def distance(a, b):
    return math.sqrt(sum((x - y) ** 2 for x, y in zip(a, b)) / sum(y * y for y in b))


class Rotation(ProgramCase):
    @classmethod
    def setUpClass(cls):
        shutil.rmtree(WORK, ignore_errors=True)
        os.makedirs(WORK)
        cls.plain = cls.compile("plain.bnc", "--vision-weights", "f32", "--text-weights", "f32")
        cls.turned = cls.compile("turned.bnc", "--vision-weights", "f32", "--text-weights", "f32", "--rotate", "on")
        cls.text = path("text.txt")
        with open(cls.text, "w", encoding="utf-8") as f:
            f.write(TEXT)

    @staticmethod
    def compile(name, *options):
        done = binocle("compile", CHECKPOINT, "-o", path(name), "--quiet", *options, timeout=250)
        assert done.code == 0, done
        return path(name)

    def logits(self, model, *more):
        ids, forced, out = save_ids("ids.npy", [1, 5, -200, 9, 17, 30]), save_ids("forced.npy", [40, 8, 77, 120]), path("logits.npy")
        self.done("score", model, "--ids", ids, "--image", PHOTO, "--force", forced, "-o", out, *more)
        return load_array(out)[1]

    def test_f32_is_exact(self):
        plain, turned = self.logits(self.plain), self.logits(self.turned)
        self.assertNotEqual(list(plain), list(turned))
        self.assertLess(distance(turned, plain), 2e-5)
        for model in (self.plain, self.turned):
            self.done("encode", model, PHOTO, "--stage", "projector", "-o", model + ".npy")
        self.assertEqual(load_array(self.plain + ".npy"), load_array(self.turned + ".npy"))
        asked = [self.done("run", m, "--image", PHOTO, "--prompt", "What is there?", "--max-tokens", "12").out for m in (self.plain, self.turned)]
        self.assertEqual(asked[0], asked[1])

    def test_passes_and_threads(self):
        whole = self.compile("whole.bnc", "--text-weights", "int8", "--rotate", "on")
        bare = self.compile("bare.bnc", "--text-weights", "int8", "--rotate", "on", *(word for name in PASSES for word in ("--disable-pass", name)))
        expected = self.logits(whole, "--threads", "1")
        self.assertEqual(expected, self.logits(bare, "--threads", "1"))
        self.assertEqual(expected, self.logits(whole, "--threads", "2"))
        self.assertNotEqual(expected, self.logits(self.compile("unturned.bnc", "--text-weights", "int8", "--rotate", "off")))

    def kl(self, model):
        return self.done_json("perplexity", model, self.text, "--against", self.plain, "--json", "--context", "64")["against"]["kl"]

    def test_calibration_sees_what_runs(self):
        """Moments of unturned inputs, of pictures too, would round worse than none."""
        plain = self.kl(self.compile("plain4.bnc", "--text-weights", "int4", "--rotate", "on"))
        asked = self.compile("asked4.bnc", "--text-weights", "int4", "--rotate", "on", "--calibration", QUESTIONS)
        fitted = self.compile("fitted4.bnc", "--text-weights", "int4", "--rotate", "on", "--calibration", self.text)
        self.assertLess(self.kl(fitted), 0.7 * plain)
        done = self.done("run", asked, "--image", os.path.join(os.path.dirname(QUESTIONS), "0000.webp"), "--prompt", "Which word is on the sign?",
                         "--max-tokens", "8")
        self.assertEqual(b"BUS", done.out.strip(), done)

    def test_when(self):
        auto = self.compile("auto.bnc", "--text-weights", "int8")
        off = self.compile("off.bnc", "--text-weights", "int8", "--rotate", "off")
        with open(auto, "rb") as a, open(off, "rb") as b:
            self.assertEqual(a.read(), b.read())


if __name__ == "__main__":
    unittest.main()
