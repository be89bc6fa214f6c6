# SPDX-License-Identifier: Apache-2.0
"""compile --calibration: the same file for any number of threads and after an interruption, other weights than without, nothing left behind."""
import json
import os
import re
import shutil
import signal
import struct
import subprocess
import time
import unittest

from program_case import PROGRAM, ROOT, WORK, binocle, sane_signals

CHECKPOINT = os.path.join(ROOT, "quant", "pocket", "checkpoint")
PICTURES = os.path.join(ROOT, "tests", "data", "pocket")
QUESTIONS = os.path.join(PICTURES, "questions.jsonl")
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
        plain, _ = compile_model("plain.bnc", "--group", "16")
        one, _ = compile_model("one.bnc", "--calibration", TEXT, "--threads", "1")
        two, _ = compile_model("two.bnc", "--calibration", TEXT, "--threads", "2")
        self.assertEqual(self.read(one), self.read(two))
        self.assertNotEqual(self.read(one), self.read(plain))
        self.assertEqual(os.path.getsize(one), os.path.getsize(plain))
        self.assertFalse(os.path.exists(one + ".calibration"))
        self.assertEqual(binocle("inspect", one, "--json").code, 0)

    def test_default_group(self):
        """Steps of 16 behind a calibration, which fits them, and else groups of 32."""
        options = ((), ("--group", "32"), ("--calibration", TEXT), ("--group", "16", "--calibration", TEXT))
        plain, asked, calibrated, steps = (self.read(compile_model(f"default{i}.bnc", *more)[0]) for i, more in enumerate(options))
        self.assertEqual(plain, asked)
        self.assertEqual(calibrated, steps)
        self.assertNotEqual(len(plain), len(calibrated))

    def test_int4_head(self):
        """The head is rounded with the layers, and is smaller for it; without int4 text weights the option says nothing."""
        steps, _ = compile_model("steps.bnc", "--group", "16", "--calibration", TEXT)
        head = ["--group", "16", "--head-weights", "int4"]
        one, _ = compile_model("head1.bnc", *head, "--calibration", TEXT, "--threads", "1")
        two, _ = compile_model("head2.bnc", *head, "--calibration", TEXT, "--threads", "2")
        plain, _ = compile_model("head.bnc", *head)
        self.assertEqual(self.read(one), self.read(two))
        self.assertNotEqual(self.read(one), self.read(plain))
        sizes = [json.loads(binocle("inspect", path, "--json").out)["weights"]["by_dtype"] for path in (steps, one)]
        self.assertLess(sizes[1]["int8"], sizes[0]["int8"])
        self.assertGreater(sizes[1]["int4"], sizes[0]["int4"])
        self.assertEqual(binocle("verify", one, "--quiet").code, 0)
        words = " ".join(WORDS.split()[:40])
        with open(os.path.join(WORK, "words.txt"), "w", encoding="utf-8") as f:
            f.write(words * 4)
        asked = [json.loads(binocle("perplexity", path, os.path.join(WORK, "words.txt"), "--json", "--quiet").out)["perplexity"] for path in (steps, one)]
        self.assertLess(abs(asked[1] / asked[0] - 1), 0.25)

    def test_bits_per_weight(self):
        """Types by matrix, rounded on a text as well; the report tells them, and the budget is kept."""
        report = os.path.join(WORK, "bits.json")
        one, _ = compile_model("bits1.bnc", "--bits-per-weight", "6.1", "--calibration", TEXT, "--threads", "1", "--report", report)
        two, _ = compile_model("bits2.bnc", "--bits-per-weight", "6.1", "--calibration", TEXT, "--threads", "2")
        self.assertEqual(self.read(one), self.read(two))
        with open(report, encoding="utf-8") as f:
            layers = json.load(f)["text_layers"]
        self.assertLessEqual(layers["bits_per_weight"], 6.1)
        self.assertEqual({"int4", "int8"}, {matrix["type"] for matrix in layers["matrices"]})
        self.assertEqual(binocle("inspect", one, "--json").code, 0)
        for bits, text, said in (("4.1", "int4", rb"4\.100 bits per weight, expected at least "), ("6", "int8", rb"bits per weight are chosen for int4")):
            _, done = compile_model("no.bnc", "--bits-per-weight", bits, code=1, text=text)
            self.assertRegex(done.err, said)
            self.assertEqual(1, done.err.count(b"\n"))

    def test_goes_on(self):
        whole, _ = compile_model("whole.bnc", "--calibration", TEXT)
        path, again = self.interrupted("on.bnc", CHECKPOINT)
        self.assertFalse(os.path.exists(path))
        self.assertIn("layers.state", os.listdir(path + ".calibration"))
        done = binocle(*again, timeout=250)
        self.assertEqual(0, done.code, done)
        layers = re.search(rb"from layer (\d+) of (\d+)", done.err)
        self.assertTrue(layers and layers[1] == layers[2], done)
        self.assertEqual(self.read(whole), self.read(path))

    def test_says_how_long(self):
        """Before the work, not behind it."""
        path = os.path.join(WORK, "long.bnc")
        command = [PROGRAM, "compile", CHECKPOINT, "-o", path, "--text-weights", "int4", "--calibration", TEXT]
        limited = subprocess.run(["sh", "-c", 'ulimit -f 1200; exec "$@"', "sh", *command], capture_output=True, timeout=250, check=False)
        self.assertNotEqual(0, limited.returncode)
        self.assertRegex(limited.stderr.decode(), r"from layer 0 of \d+: about \d+ seconds?")

    def test_an_interruption_tells_what_it_leaves(self):
        path = os.path.join(WORK, "told.bnc")
        p = subprocess.Popen([PROGRAM, "compile", os.path.join(ROOT, "quant", "pocket", "checkpoint"), "-o", path, "--text-weights", "int4", "--calibration", "default", "--quiet"],
                             stderr=subprocess.PIPE, preexec_fn=sane_signals)
        while not os.path.exists(path + ".calibration") and p.poll() is None:
            time.sleep(0.001)
        p.send_signal(signal.SIGINT)
        told = p.communicate(timeout=100)[1].decode()
        self.assertEqual(130, p.returncode, told)
        self.assertIn("told.bnc.calibration holds the layers that are calibrated; the same command goes on from there\n", told)
        shutil.rmtree(path + ".calibration")

    def interrupted(self, name, checkpoint):
        """What an int4 compile leaves whose model file grows beyond what the system lets a file have, behind the last layer."""
        path = os.path.join(WORK, name)
        command = [PROGRAM, "compile", checkpoint, "-o", path, "--text-weights", "int4", "--quiet", "--calibration", TEXT]
        limited = subprocess.run(["sh", "-c", 'ulimit -f 1200; exec "$@"', "sh", *command], capture_output=True, timeout=250, check=False)
        self.assertNotEqual(0, limited.returncode)
        return path, [word for word in command[1:] if word != "--quiet"]

    def test_groups_that_fit(self):
        """A layer whose inputs do not divide into groups of 128 has smaller ones, and does not grow to int8."""
        sizes = {}
        for group in ("32", "128"):
            path = os.path.join(WORK, f"group{group}.bnc")
            done = binocle("compile", CHECKPOINT, "-o", path, "--text-weights", "int4", "--group", group, timeout=250)
            self.assertEqual(0, done.code, done)
            sizes[group] = os.path.getsize(path)
        self.assertRegex(done.err.decode(), r"text layers have groups of (64|32): their \d+ inputs do not divide into groups of 128")
        self.assertNotIn("stay int8", done.err.decode())
        self.assertLess(sizes["128"], sizes["32"])

    def test_text_that_comes_along(self):
        own, _ = compile_model("own8.bnc", "--calibration", TEXT, text="int8")
        default, _ = compile_model("default8.bnc", "--calibration", "default", text="int8")
        self.assertNotEqual(self.read(own), self.read(default))

    def test_int8_is_balanced(self):
        plain, _ = compile_model("plain8.bnc", text="int8")
        one, _ = compile_model("one8.bnc", "--calibration", TEXT, "--threads", "1", text="int8")
        two, _ = compile_model("two8.bnc", "--calibration", TEXT, "--threads", "2", text="int8")
        self.assertEqual(self.read(one), self.read(two))
        self.assertNotEqual(self.read(one), self.read(plain))
        self.assertEqual(os.path.getsize(one), os.path.getsize(plain))
        self.assertFalse(os.path.exists(one + ".calibration"))

    def questions(self, name, *lines):
        path = os.path.join(WORK, name)
        with open(path, "w", encoding="utf-8") as f:
            f.writelines(json.dumps(line) + "\n" for line in lines)
        return path

    def test_questions_with_pictures(self):
        """The pictures count: what differs in them alone gives other weights; threads do not."""
        one, _ = compile_model("asked1.bnc", "--calibration", QUESTIONS, "--threads", "1")
        two, _ = compile_model("asked2.bnc", "--calibration", QUESTIONS, "--threads", "2")
        self.assertEqual(self.read(one), self.read(two))
        self.assertEqual([], [name for name in os.listdir(WORK) if name.endswith(".eyes") or name.startswith("asked1.bnc.")])
        done = binocle("run", one, "--image", os.path.join(PICTURES, "0000.webp"), "--prompt", "Which word is on the sign?", "--max-tokens", "8")
        self.assertEqual(b"BUS", done.out.strip(), done)
        if os.environ.get("BINOCLE_SANITIZE"):
            return  # what follows compares values, which are the plain build's
        asked = [{"image": os.path.join(PICTURES, "0000.webp"), "question": "What do you see?", "answer": "a sign"}] * 3
        shown, _ = compile_model("shown.bnc", "--calibration", self.questions("shown.jsonl", *asked))
        other, _ = compile_model("other.bnc", "--calibration", self.questions("other.jsonl", *(dict(q, image=os.path.join(PICTURES, "0001.webp")) for q in asked)))
        silent, _ = compile_model("silent.bnc", "--calibration", self.questions("silent.jsonl", *(dict(q, answer="no") for q in asked)))
        self.assertEqual(4, len({self.read(path) for path in (one, shown, other, silent)}))

    def test_pictures_round_vision(self):
        """int8 vision is fitted to the questions' pictures: what the tower makes of another picture is nearer to f32's, at the same size."""
        shown = self.questions("seen.jsonl", *({"image": os.path.join(PICTURES, f"000{i}.webp"), "question": "What is on the sign?", "answer": "no"} for i in range(1, 6)))
        plain, _ = compile_model("int8.bnc", text="int8")
        fitted, _ = compile_model("fitted.bnc", "--calibration", shown, text="int8")
        exact, _ = compile_model("f32.bnc", "--vision-weights", "f32", text="int8")
        self.assertEqual(os.path.getsize(plain), os.path.getsize(fitted))
        right, nearest, near = (self.tower(path) for path in (exact, plain, fitted))
        self.assertLess(self.distance(near, right), 0.85 * self.distance(nearest, right))

    def tower(self, model):
        path = os.path.join(WORK, "tower.npy")
        self.assertEqual(binocle("encode", model, os.path.join(PICTURES, "0000.webp"), "--stage", "tiles", "-o", path, "--quiet").code, 0)
        data = self.read(path)
        return memoryview(data)[10 + int.from_bytes(data[8:10], "little"):].cast("f")

    @staticmethod
    def distance(a, b):
        return sum((x - y) ** 2 for x, y in zip(a, b)) ** 0.5

    def test_wrong_questions(self):
        def fails(expected, *lines, name="wrong.jsonl"):
            _, done = compile_model("wrong.bnc", "--calibration", self.questions(name, *lines), code=1)
            self.assertRegex(done.err.decode(), expected)
            self.assertEqual(1, done.err.count(b"\n"), done)
            self.assertFalse(os.path.exists(os.path.join(WORK, "wrong.bnc")))
            self.assertFalse(os.path.exists(os.path.join(WORK, "wrong.bnc.eyes")))
        known = {"question": "What?", "answer": "that"}
        fails("has no questions")
        fails('line 1: "question" is a number', {"question": 5})
        fails(r"line 2: .*none.webp: No such file", known, dict(known, image="none.webp"))
        fails("prompts have [0-9]+ rows, expected at least 64", known)
        mute = os.path.join(WORK, "mute")
        shutil.copytree(CHECKPOINT, mute, ignore=shutil.ignore_patterns("tokenizer.json"))
        done = binocle("compile", mute, "-o", os.path.join(WORK, "mute.bnc"), "--calibration", QUESTIONS, "--quiet", timeout=250)
        self.assertIn(b"needs the checkpoint's tokenizer.json", done.err)
        self.assertEqual((1, []), (done.code, [name for name in os.listdir(WORK) if name.startswith("mute.bnc")]))
        _, done = compile_model("wrong.bnc", "--calibration", os.path.join(WORK, "absent.jsonl"), code=1)
        self.assertIn(b"absent.jsonl: No such file", done.err)

    def test_evaluate(self):
        path = os.path.join(WORK, "judged.bnc")
        told, bits = {}, {}
        for text in ("int8", "int4"):
            done = binocle("compile", CHECKPOINT, "-o", path, "--text-weights", text, "--evaluate", TEXT, "--json", "--quiet", timeout=250)
            self.assertEqual(0, done.code, done)
            told[text] = json.loads(done.out)["against"]
            bits[text] = json.loads(done.out)["bits_per_weight"]
            self.assertEqual("f32", told[text]["model"])
            self.assertFalse(os.path.exists(path + ".f32"))
        self.assertTrue(0 < told["int8"]["kl"] < told["int4"]["kl"], told)
        self.assertTrue(8 < bits["int8"]["layers"] < 9 and 4.5 < bits["int4"]["layers"] < 5, bits)  # scales and row sums are bits too
        self.assertGreater(bits["int4"]["file"], bits["int4"]["layers"])
        self.assertGreater(told["int8"]["cosine"], told["int4"]["cosine"])
        _, done = compile_model("unjudged.bnc", "--evaluate", os.path.join(WORK, "none.txt"), code=1)
        self.assertIn(b"none.txt: No such file", done.err)
        self.assertFalse(os.path.exists(os.path.join(WORK, "unjudged.bnc")))

    def test_other_weights_begin_anew(self):
        checkpoint = os.path.join(WORK, "checkpoint")
        shutil.copytree(CHECKPOINT, checkpoint)
        path, again = self.interrupted("other.bnc", checkpoint)
        with open(os.path.join(checkpoint, "model-00001-of-00001.safetensors"), "r+b") as f:
            header = json.loads(f.read(struct.unpack("<Q", f.read(8))[0]))
            start = header["model.layers.0.mlp.up_proj.weight"]["data_offsets"][0]
            f.seek(8 + self.data_start(checkpoint) + start)
            f.write(b"\0\0")
        done = binocle(*again, timeout=250)
        self.assertEqual(0, done.code, done)
        self.assertIn(b"from layer 0 of", done.err)

    def data_start(self, checkpoint):
        with open(os.path.join(checkpoint, "model-00001-of-00001.safetensors"), "rb") as f:
            return struct.unpack("<Q", f.read(8))[0]

    def test_damaged_matrix(self):
        path, again = self.interrupted("damaged.bnc", CHECKPOINT)
        matrix = os.path.join(path + ".calibration", "model.layers.0.mlp.down_proj.weight.q4")
        with open(matrix, "r+b") as f:
            f.seek(100)
            byte = f.read(1)[0]
            f.seek(100)
            f.write(bytes([byte ^ 1]))
        done = binocle(*again, timeout=250)
        self.assertEqual(1, done.code, done)
        self.assertRegex(done.err.decode(), r"down_proj.weight.q4: damaged: its checksum is another")
        self.assertFalse(os.path.exists(path))

    def test_wrong_input(self):
        def fails(expected, *more, text="int4"):
            _, done = compile_model("wrong.bnc", *more, code=1, text=text)
            self.assertIn(expected, done.err.decode())
            self.assertFalse(os.path.exists(os.path.join(WORK, "wrong.bnc")))
        fails("calibration serves int8 and int4", "--calibration", TEXT, text="f32")
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
