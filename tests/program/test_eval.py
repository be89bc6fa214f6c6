# SPDX-License-Identifier: Apache-2.0
"""`binocle eval`: what it answers equals what `run` answers, and it can be interrupted, gone on with, shared out and summed up."""
import json
import os
import signal
import subprocess
import time

from program_case import IMAGES, PHOTO, PROGRAM, ProgramCase, binocle, compiled, main, path, sane_signals

TOKENS = "6"
PICTURES = ("photo.jpg", "photo.png", "webp_lossless.webp")


def write(name, questions):
    with open(path(name), "w", encoding="utf-8") as f:
        f.writelines((q if isinstance(q, str) else json.dumps(q)) + "\n" for q in questions)
    return path(name)


def read(name):
    with open(path(name), encoding="utf-8") as f:
        return [json.loads(line) for line in f]


def untimed(records):
    return [{k: v for k, v in r.items() if k not in ("seconds", "joules")} for r in records]


class EvalCase(ProgramCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        os.makedirs(path("set"), exist_ok=True)
        for name in PICTURES:
            if not os.path.exists(path("set", name)):
                os.symlink(os.path.join(IMAGES, name), path("set", name))
        cls.asked = [{"image": PICTURES[i % 3], "question": f"What is {i}?", "answers": ["x", f"{i}"], "category": ("read", "count")[i % 2]} for i in range(7)]
        cls.asked += [{"question": "hello"[:i], "answer": "y", "id": f"t{i}"} for i in (2, 3)]
        cls.asked += [{"images": [PHOTO, PICTURES[1]], "question": "<image> or <image>?", "answers": ["z"], "category": "two"}]
        cls.questions = write("set/questions.jsonl", cls.asked)

    def evaluate(self, out, *options, questions=None, code=0):
        outcome = binocle("eval", self.model, questions or self.questions, "-o", path(out), "--max-tokens", TOKENS, *options)
        self.assertEqual(code, outcome.code, outcome)
        return outcome

    def refused(self, expected, *arguments, code=1, **settings):
        outcome = binocle("eval", *arguments, **settings)
        self.assertEqual((code, b""), (outcome.code, outcome.out), outcome)
        self.assertIn(expected, self.says_one_line(outcome))


class Answers(EvalCase):
    def test_equal_those_of_run(self):
        self.evaluate("same.jsonl")
        records = read("same.jsonl")
        self.assertEqual([1, 4, 7, 2, 5, 3, 6, "t2", "t3", 10], [r["id"] for r in records])
        for r in records:
            images = [r["image"]] if isinstance(r["image"], str) else r["image"] or []
            options = [o for image in images for o in ("--image", os.path.join(path("set"), image))]
            told = self.done_json("run", self.model, "--prompt", r["question"], "--max-tokens", TOKENS, "--json", *options)
            self.assertEqual((told["answer"], told["finish"], told["prompt_rows"], told["tokens"]), (r["answer"], r["finish"], r["prompt_tokens"], r["answer_tokens"]), r)
            self.assertEqual(False, r["right"])
            self.assertIsNone(r["joules"])
            self.assertGreater(r["seconds"], 0)

    def test_right_ones_and_summary(self):
        self.evaluate("first.jsonl", "--quiet")
        asked = [dict(q) for q in self.asked]
        answers = {(r["question"], str(r["image"])): r["answer"] for r in read("first.jsonl")}
        for q in asked[:4]:
            q["answers"] = ["no", " " + answers[q["question"], q["image"]].upper() + " . "]
        asked[4]["answers"] = ["no"]
        outcome = self.evaluate("right.jsonl", "--json", questions=write("set/right.jsonl", asked))
        told = json.loads(outcome.out)
        self.assertEqual((10, 4, 0.4, 0), (told["questions"], told["right"], told["accuracy"], told["resumed"]))
        self.assertAlmostEqual(0.16818, told["accuracy_low"], 4)
        self.assertAlmostEqual(0.68733, told["accuracy_high"], 4)
        by_name = {c["category"]: (c["questions"], c["right"]) for c in told["categories"]}
        self.assertEqual({"read": (4, 2), "count": (3, 2), "two": (1, 0), None: (2, 0)}, by_name)
        self.assertEqual(("avx2" if told["cpu_level"] == "avx2" else told["cpu_level"], 1, 5), (told["cpu_level"], told["threads"], told["pictures_seen"]))
        self.assertIsNone(told["joules_per_question"])
        self.assertTrue(told["energy_meter"] is None and told["energy_note"])
        self.assertAlmostEqual(told["seconds_per_question"] * told["questions_per_second"], 1, 6)
        lines = outcome.err.decode().splitlines()
        self.assertEqual(["category", "count", "read", "two", "(none)", "all"], [line.split()[0] for line in lines])
        self.assertRegex(lines[-1], r"all +10 +4 +40\.0 % +16\.8 - +68\.7 % +\d+\.\d{3} +-\Z")
        self.assertEqual(outcome.err, self.done("eval", "--summary", path("right.jsonl")).out)
        summed = self.done_json("eval", path("right.jsonl"), "--json", "--summary")
        for a, b in [(told, summed), *zip(told["categories"], summed["categories"])]:
            self.assertEqual([a[k] for k in ("questions", "right", "accuracy_low", "answer_tokens")], [b[k] for k in ("questions", "right", "accuracy_low", "answer_tokens")])
            self.assertAlmostEqual(a["seconds"], b["seconds"], 5)
        self.assertEqual(told["fingerprint"], summed["fingerprint"])

    def test_goes_on_where_it_ended(self):
        self.evaluate("whole.jsonl", "--quiet")
        with open(path("whole.jsonl"), "rb") as f:
            whole = f.read()
        ends = [i + 1 for i, c in enumerate(whole) if c == 10]
        for cut in (0, 1, 9, ends[0], ends[3] - 1, ends[3] + 5, ends[6] + 150, len(whole)):
            with open(path("part.jsonl"), "wb") as f:
                f.write(whole[:cut])
            told = json.loads(self.evaluate("part.jsonl", "--json", "--quiet").out)
            self.assertEqual(sum(e <= cut for e in ends), told["resumed"])
            self.assertEqual(untimed(read("whole.jsonl")), untimed(read("part.jsonl")))
            with open(path("part.jsonl"), "rb") as f:
                self.assertEqual(whole[:max([0] + [e for e in ends if e <= cut])], f.read()[:max([0] + [e for e in ends if e <= cut])])

    def test_what_does_not_belong_is_refused(self):
        self.evaluate("old.jsonl", "--quiet")
        with open(path("old.jsonl"), "rb") as f:
            before = f.read()
        common = [self.questions, "-o", path("old.jsonl"), "--max-tokens", TOKENS]
        other = compiled("other.bnc", self.checkpoint, "--text-weights", "f32")
        self.refused("old.jsonl: line 1: is an answer of model ", other, *common)
        self.refused("--max-tokens 6, expected 7", self.model, *common[:-1], "7")
        self.refused("line 2: its \"id\" is another than in line 2", self.model, write("set/q2.jsonl", [{**q, "image": PICTURES[0]} for q in self.asked[:5]]), *common[1:])
        self.refused("its \"expected\" is another", self.model, write("set/q3.jsonl", [{**q, "answers": ["n"]} for q in self.asked[:7]]), *common[1:])
        self.refused("answers a question that is not asked", self.model, write("set/q4.jsonl", self.asked[:1]), *common[1:])
        for text in (b"my notes\n", b"my notes", b'{"id": 1, "category": "re-do"', b"{}\n", b"\0" * 100, b"\xff\n"):
            with open(path("notes"), "wb") as f:
                f.write(text)
            self.refused("notes: line 1: ", self.model, self.questions, "-o", path("notes"), "--max-tokens", TOKENS)
            with open(path("notes"), "rb") as f:
                self.assertEqual(text, f.read())
        with open(path("old.jsonl"), "rb") as f:
            self.assertEqual(before, f.read())
        self.evaluate("notes", "--force", "--quiet")
        self.assertEqual(10, len(read("notes")))
        self.refused("is the same file", self.model, self.questions, "-o", self.questions, "--force")
        self.refused("is the same file", self.model, self.questions, "-o", self.model, "--force")

    def test_shards(self):
        self.evaluate("all.jsonl", "--quiet")
        records = []
        for i in (1, 2, 3):
            self.evaluate(f"shard.{i}.jsonl", "--quiet", "--shard", f"{i}/3")
            records += read(f"shard.{i}.jsonl")
        self.assertEqual(sorted(json.dumps(r) for r in untimed(read("all.jsonl"))), sorted(json.dumps(r) for r in untimed(records)))
        files = [path(f"shard.{i}.jsonl") for i in (1, 2, 3)]
        told = self.done_json("eval", "--summary", *files, "--json")
        self.assertEqual((10, 3), (told["questions"], told["files"]))
        self.refused("the question stands in", "--summary", *files, files[1])
        self.evaluate("none.jsonl", "--quiet", "--shard", "9/9")
        self.assertEqual([], read("none.jsonl"))
        for shard in ("0/3", "4/3", "1", "1/", "/3", "-1/3", "1/3x", "1 /3", "a/b", "1/0", "99999999999999999999/3"):
            self.refused("--shard is '", self.model, self.questions, "-o", path("x.jsonl"), "--shard", shard, code=2)

    def test_pipe(self):
        text = "".join(json.dumps({**q, "image": PHOTO} if "image" in q else q) + "\n" for q in self.asked[:9]).encode()
        outcome = self.done("eval", self.model, "-", "-o", "-", "--max-tokens", TOKENS, "--quiet", stdin=text)
        self.assertEqual(9, len([json.loads(line) for line in outcome.out.splitlines()]))
        self.assertEqual(b"", self.done("eval", self.model, "-", "-o", "-", "--quiet", stdin=b"").out)
        self.assertEqual(outcome.out.count(b"\n"), self.done("eval", self.model, "-", "-o", "/dev/stdout", "--max-tokens", TOKENS, "--quiet", stdin=text).out.count(b"\n"))
        self.refused("both want standard output", self.model, "-", "-o", "-", "--json", code=2)


class Wrong(EvalCase):
    def test_lines(self):
        good = json.dumps(self.asked[0])
        for line, expected in (("{", "no valid JSON"), ("[1]", "is a list"), ('{"question": "a"}', '"answers" is missing'), ("\0", "JSON"), ('{"a":' * 500000, "longer than"),
                               ("[" * 1000000, "JSON"), ('{"question": "a", "answer": "b", "answer": "c"}', 'has "answer" twice'), ('{"question": "a", "answer": "b", "x": [{"y": 1, "y": 2}]}', 'has "y" twice'),
                               ('{"question": "<image>", "answer": "b"}', "1 <image>")):
            self.refused("wrong.jsonl: line 2: ", self.model, write("set/wrong.jsonl", [good, line]), "-o", path("x.jsonl"))
            self.refused(expected, self.model, path("set/wrong.jsonl"), "-o", path("x.jsonl"))
            self.assertFalse(os.path.exists(path("x.jsonl")))
        with open(path("set/bytes.jsonl"), "wb") as f:
            f.write(b'{"question": "\xff", "answer": "b"}\n')
        self.refused("bytes.jsonl: line 1: ", self.model, path("set/bytes.jsonl"), "-o", path("x.jsonl"))
        self.refused("standard input: line 1: ", self.model, "-", "-o", path("x.jsonl"), stdin=b"x\n")

    def test_picture_that_is_none(self):
        with open(path("set/broken.png"), "wb") as f:
            f.write(b"\x89PNG\r\n\x1a\n broken")
        asked = [self.asked[0], {**self.asked[1], "image": "broken.png"}]
        self.refused("broken.jsonl: line 2: ", self.model, write("set/broken.jsonl", asked), "-o", path("half.jsonl"), "--strict")
        self.assertEqual(1, len(read("half.jsonl")), "what was answered stays")
        self.refused("broken.jsonl: line 1: ", self.model, write("set/broken.jsonl", asked[1:]), "-o", path("x.jsonl"), "--strict")
        self.assertFalse(os.path.exists(path("x.jsonl")))
        self.refused("nowhere.png: No such file", self.model, write("set/nowhere.jsonl", [{**asked[0], "image": "nowhere.png"}]), "-o", path("x.jsonl"), "--strict")
        self.refused("is the same file as", self.model, path("set/broken.jsonl"), "-o", path("set/broken.jsonl"))
        # Without --strict the run goes on, also one that is taken up where another stopped, and the failure is on record.
        asked = [asked[0], asked[1], {**self.asked[0], "image": "nowhere.png"}, self.asked[0]]
        report = json.loads(self.done("eval", self.model, write("set/broken.jsonl", asked), "-o", path("half.jsonl"), "--json", "--max-tokens", "64", "--quiet").out)
        lines = read("half.jsonl")
        self.assertEqual((4, 2, 1), (report["questions"], report["failed"], report["resumed"]))
        self.assertEqual([False, False, True, True], ["error" in line for line in lines], "questions about one picture come together")
        self.assertEqual(("", False, "error"), tuple(lines[2][k] for k in ("answer", "right", "finish")))
        self.assertIn("nowhere.png: No such file", lines[3]["error"])
        self.assertEqual(lines[0]["answer"], lines[1]["answer"])
        again = json.loads(self.done("eval", self.model, path("set/broken.jsonl"), "-o", path("half.jsonl"), "--json", "--quiet").out)
        self.assertEqual((4, 2), (again["resumed"], again["failed"]))

    def test_files(self):
        self.refused("nowhere.jsonl: No such file", self.model, path("nowhere.jsonl"), "-o", path("x.jsonl"))
        self.refused("Is a directory", self.model, path("set"), "-o", path("x.jsonl"))
        self.refused("has no questions", self.model, os.devnull, "-o", path("x.jsonl"))
        self.refused("is a folder", self.model, self.questions, "-o", path("set"))
        self.refused("nowhere: No such file", path("nowhere"), self.questions, "-o", path("x.jsonl"))
        self.assertFalse(os.path.exists(path("x.jsonl")))
        if os.path.exists("/dev/full"):
            self.refused("/dev/full: cannot be written: No space left", self.model, self.questions, "-o", "/dev/full")
        for arguments, expected in ((["--summary"], "FILE... is missing"), (["--summary", "a", "--force"], "no option '--force'"), ([self.model], "QUESTIONS.jsonl is missing"),
                                    ([self.model, self.questions], "-o ANSWERS.jsonl is missing"), ([self.model, "a", "b", "-o", "c"], "one argument too many")):
            self.refused(expected, *arguments, code=2)

    def test_summary(self):
        for text, expected in (("", "has no answers"), ("{}\n", "line 1: "), ("x\n", "line 1: is no valid JSON")):
            with open(path("sum.jsonl"), "w", encoding="utf-8") as f:
                f.write(text)
            self.refused(f"sum.jsonl: {expected}", "--summary", path("sum.jsonl"))
        self.evaluate("torn.jsonl", "--quiet")
        with open(path("torn.jsonl"), "ab") as f:
            f.write(b'{"id": 1')
        self.assertEqual(10, json.loads(self.done("eval", "--summary", path("torn.jsonl"), "--json").out)["questions"])
        other = compiled("other2.bnc", self.checkpoint, "--text-weights", "f32")
        self.done("eval", other, self.questions, "-o", path("other.jsonl"), "--max-tokens", TOKENS, "--quiet")
        self.refused("other.jsonl: line 1: is an answer of model", "--summary", path("torn.jsonl"), path("other.jsonl"), "--quiet")


class Interrupted(EvalCase):
    def test_ctrl_c(self):
        many = write("set/many.jsonl", [{"image": PHOTO, "question": f"What is {i}?", "answer": "x"} for i in range(5000)])
        out = path("interrupted.jsonl")
        command = [PROGRAM, "eval", self.model, many, "-o", out]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, preexec_fn=sane_signals)
        limit = time.monotonic() + 30
        while time.monotonic() < limit and (not os.path.exists(out) or os.path.getsize(out) < 3000):
            time.sleep(0.01)
        second = binocle("eval", self.model, many, "-o", out)
        process.send_signal(signal.SIGINT)
        told, said = process.communicate(timeout=30)
        self.assertEqual((130, b""), (process.returncode, told))
        done = len(read("interrupted.jsonl"))
        self.assertEqual(f"binocle: {done} of 5000 questions are answered; the same command goes on from there\n", said.decode())
        self.assertEqual(1, second.code)
        self.assertIn("is being written by another program", self.says_one_line(second))


if __name__ == "__main__":
    main()
