# SPDX-License-Identifier: Apache-2.0
"""GGUF files on the command line: a LLaVA-1.5 in two files answers as its checkpoint does, a text model runs without eyes and says so."""
import os

import gguf_files
import random_checkpoint
from program_case import PHOTO, SHARD, ProgramCase, binocle, compiled, load_array, main, make_checkpoint, path, save_ids

F32 = ("--vision-weights", "f32", "--text-weights", "f32", "--context", "256")
ASK = ("--max-tokens", "12", "--quiet")


def make_files():
    shapes = random_checkpoint.shapes
    plain = {n: s for n, s in shapes().items() if "spatial_embed" not in n}
    random_checkpoint.shapes = lambda: plain
    folder = make_checkpoint("plain")
    random_checkpoint.shapes = shapes
    alphabet = random_checkpoint.byte_alphabet()
    tokens = sorted(alphabet, key=alphabet.get) + random_checkpoint.SPECIAL
    gguf_files.convert(folder, SHARD, path("text.gguf"), path("vision.gguf"), random_checkpoint.TEXT, random_checkpoint.VISION, tokens)
    return folder


class Gguf(ProgramCase):
    @classmethod
    def setUpClass(cls):
        os.makedirs(path(), exist_ok=True)
        cls.folder = make_files()

    def fails(self, words, *arguments):
        outcome = binocle(*arguments)
        self.assertEqual(1, outcome.code, outcome)
        self.assertIn(words, self.says_one_line(outcome))

    def logits(self, model):
        ids = save_ids("ids.npy", [256, 5, -200, 40, 41, 256, 9])
        self.done("score", model, "--ids", ids, "--image", PHOTO, "-o", path("logits.npy"), "--quiet")
        return load_array(path("logits.npy"))

    def test_as_the_checkpoint(self):
        checkpoint = compiled("plain.bnc", self.folder, *F32)
        model = compiled("two.bnc", path("text.gguf"), "--mmproj", path("vision.gguf"), *F32)
        self.assertEqual(self.logits(checkpoint), self.logits(model))
        for picture in ((), ("--image", PHOTO)):
            answers = [self.done("run", m, "--prompt", "what is it?", *picture, *ASK).out for m in (checkpoint, model)]
            self.assertEqual(*answers)
            self.assertGreater(len(answers[0]), 4)

    def test_text_alone(self):
        model = compiled("text.bnc", path("text.gguf"))
        self.assertGreater(len(self.done("run", model, "--prompt", "hello", *ASK).out), 4)
        about = self.done_json("inspect", model, "--json")
        self.assertIsNone(about["programs"]["vision"])
        self.fails("model", "run", model, "--prompt", "hello", "--image", PHOTO, *ASK)
        self.done("compile", path("text.gguf"), "-o", path("small.bnc"), "--text-weights", "int4", "--quiet")
        self.assertLess(os.path.getsize(path("small.bnc")), os.path.getsize(model))

    def test_sliding_window(self):
        """Mistral's: as many rows as a prompt and its answer may have in it."""
        folder = make_checkpoint("mistral", {"model_type": "mistral", "sliding_window": 300}, vision=False)
        model = compiled("mistral.bnc", folder)
        self.assertEqual(44, self.done_json("inspect", model, "--json")["prompt_limit"])
        self.fails("the model's sliding window has 300", "compile", folder, "-o", path("wrong.bnc"), "--context", "45")
        folder = make_checkpoint("narrow", {"model_type": "mistral", "sliding_window": 256}, vision=False)
        self.fails("a sliding window of 256 rows", "compile", folder, "-o", path("wrong.bnc"))

    def test_wrong(self):
        out = path("wrong.bnc")
        with open(path("text.gguf"), "rb") as f:
            raw = f.read()
        with open(path("cut.gguf"), "wb") as f:
            f.write(raw[:len(raw) // 2])
        self.fails("truncated", "compile", path("cut.gguf"), "-o", out)
        self.fails("--mmproj", "compile", path("vision.gguf"), "-o", out)
        self.fails("expected \"clip\"", "compile", path("text.gguf"), "--mmproj", path("text.gguf"), "-o", out)
        self.fails("expected the folder of a vision tower", "compile", self.folder, "--mmproj", path("vision.gguf"), "-o", out)
        self.fails("not both", "compile", path("text.gguf"), "--mmproj", path("vision.gguf"), "--vision-tower", self.folder, "-o", out)
        self.assertFalse(os.path.exists(out))


if __name__ == "__main__":
    main()
