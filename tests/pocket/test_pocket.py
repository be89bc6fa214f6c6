# SPDX-License-Identifier: Apache-2.0
"""The committed pocket model through the program: answers about committed pictures of the held-out kind, what int8 leaves of vision, and its making."""
import array
import filecmp
import json
import math
import os
import subprocess
import unittest

PROGRAM, ROOT = os.environ["BINOCLE_PROGRAM"], os.environ["BINOCLE_ROOT"]
POCKET, DATA = os.path.join(ROOT, "quant", "pocket"), os.path.join(ROOT, "tests", "data", "pocket")
MODEL = os.path.join(POCKET, "pocket.bnc")
os.environ["BINOCLE_CACHE"] = os.path.join(os.getcwd(), "cache")

PICTURE = "0000.webp"  # what toolchains/quickstart asks about
SURE = {
    "What number is on the sign?": "36", "What does the sign say?": "BUS", "Which digit is on the triangle?": "8",
    "What colour is the triangle?": "green", "Is there a star?": "no", "Is the heart big or small?": "small",
}
COSINES = {".": 0.998, "photos": 0.997}  # of each picture's embeddings in int8 with those in f32, at least; photographs are not what it was trained on
FLOORS = {".": 0.85, "photos": 0.8}  # share of right answers at least: on the lattice; of photographs with nothing asked about in them


def binocle(*arguments):
    return subprocess.run([PROGRAM, *arguments, "--quiet"], check=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True).stdout


class Pocket(unittest.TestCase):
    def test_answers(self):
        for question, answer in SURE.items():
            with self.subTest(question=question):
                out = binocle("run", MODEL, "--image", os.path.join(DATA, PICTURE), "--prompt", question, "--max-tokens", "8")
                self.assertEqual(out.strip(), answer)

    def test_accuracy(self):
        for folder, floor in FLOORS.items():
            with self.subTest(folder=folder):
                asked = os.path.join(DATA, folder, "questions.jsonl")
                binocle("eval", MODEL, asked, "-o", "answers.jsonl", "--force", "--max-tokens", "8")
                with open("answers.jsonl", encoding="utf-8") as lines:
                    rows = [json.loads(line) for line in lines]
                self.assertGreaterEqual(len(rows), 10)
                self.assertGreaterEqual(sum(row["right"] for row in rows) / len(rows), floor)

    def test_vision_in_int8(self):
        """Image embeddings of the committed model, which sees in int8, beside those of the same checkpoint in f32."""
        binocle("compile", os.path.join(POCKET, "checkpoint"), "-o", "seen.bnc", "--vision-weights", "f32")
        for folder, floor in COSINES.items():
            with self.subTest(folder=folder):
                names = [name for name in sorted(os.listdir(os.path.join(DATA, folder))) if name.endswith(".webp")]
                found = {name: self.cosine(os.path.join(DATA, folder, name)) for name in names}
                self.assertGreater(len(found), 1)
                self.assertGreater(min(found.values()), floor, found)
                self.assertLess(max(found.values()), 1 - 1e-6)  # f32 beside f32 would be no test

    def test_bf16(self):
        """The checkpoint's own type: answers are f32's, and embeddings leave f32's no further than activations in bf16 take them."""
        for kind in ("f32", "bf16"):
            binocle("compile", os.path.join(POCKET, "checkpoint"), "-o", kind + ".bnc", "--vision-weights", kind, "--text-weights", kind)
        self.assertLess(os.path.getsize("bf16.bnc"), 0.55 * os.path.getsize("f32.bnc"))
        picture = os.path.join(DATA, PICTURE)
        for question in SURE:
            with self.subTest(question=question):
                answers = [binocle("run", kind + ".bnc", "--image", picture, "--prompt", question, "--max-tokens", "8").strip() for kind in ("bf16", "f32")]
                self.assertEqual(*answers)
        self.assertGreater(self.cosine(picture, ("bf16.bnc", "f32.bnc")), 0.9999)

    def cosine(self, picture, models=(MODEL, "seen.bnc")):
        values = []
        for model in models:
            binocle("encode", model, picture, "--stage", "projector", "-o", "rows.npy")
            with open("rows.npy", "rb") as f:
                data = f.read()
            values.append(array.array("f", data[10 + int.from_bytes(data[8:10], "little"):]))
        a, b = values
        self.assertEqual(len(a), len(b))
        def dot(x, y):
            return math.fsum(p * q for p, q in zip(x, y))
        return dot(a, b) / math.sqrt(dot(a, a) * dot(b, b))

    def test_is_what_compile_makes(self):
        subprocess.run([os.path.join(POCKET, "remake"), PROGRAM, os.path.abspath("made.bnc")], check=True)
        self.assertTrue(filecmp.cmp("made.bnc", MODEL, shallow=False), "pocket.bnc is out of date: quant/pocket/remake BINOCLE writes it anew")


if __name__ == "__main__":
    unittest.main(verbosity=2)
