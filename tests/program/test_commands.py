# SPDX-License-Identifier: Apache-2.0
"""Every command and flag does what its help says."""
import json
import os
import subprocess

from program_case import (CONTEXT, IMAGE_ROWS, PHOTO, PHOTO2, ROOT, VOCABULARY, ProgramCase, binocle, compiled, load_array, main, make_checkpoint, path,
                          save_ids)

COMMANDS = ("compile", "synth", "run", "chat", "encode", "score", "tokenize", "inspect", "devices", "bench", "eval", "perplexity", "profile", "verify")
PROMPT = [256, 72, 101, 108, 108, 111]


class Help(ProgramCase):
    def test_help(self):
        for arguments in (["--help"], ["-h"]):
            out = self.done(*arguments).out.decode()
            for command in COMMANDS:
                self.assertIn(f"\n  {command} ", out)
        for command in COMMANDS:
            outcome = self.done(command, "--help")
            out = outcome.out.decode()
            self.assertTrue(out.startswith(f"usage: binocle {command} ") and "\nexamples:\n  " in out, out)
            self.assertLess(max(map(len, out.split("\n"))), 140)
            self.assertNotRegex(out, r"\n\n(\n|\Z)")  # no paragraph is empty
            self.assertEqual(outcome.out, self.done(command, "--nonsense", "-h", "a", "b", "c").out)

    def test_linear_layers_on_what_is_asked_for(self):
        for command in sorted({*COMMANDS} - {"inspect", "tokenize", "verify"}):
            self.assertIn("--linear BACKEND", self.done(command, "--help").out.decode(), command)

    def test_version(self):
        self.assertRegex(self.done("--version").out.decode(), r"\Abinocle \d+\.\d+\.\d+\n\Z")


class Compile(ProgramCase):
    def test_weights(self):
        sizes = {}
        for vision, text in (("f32", "f32"), ("int8", "f32"), ("int8", "int8"), ("int8", "int4")):
            out = path("weights.bnc")
            outcome = self.done("compile", self.checkpoint, "-o", out, "--vision-weights", vision, "--text-weights", text, *(("--group", "32") if text == "int4" else ()))
            self.assertIn(out, self.says_one_line(outcome))
            sizes[vision + text] = os.path.getsize(out)
            self.assertEqual(4, self.done_json("run", out, "--prompt", "hi", "--image", PHOTO, "--max-tokens", "4", "--json")["tokens"])
        self.assertEqual(sorted(sizes.values(), reverse=True), list(sizes.values()))

    def test_options(self):
        out, report = path("options.bnc"), path("report.json")
        self.done("compile", "--quiet", f"--report={report}", "--context", "40", "--input-size=28", "--threads", "1", "-o", out, "--", self.checkpoint)
        with open(report, encoding="utf-8") as f:
            programs = json.load(f)["programs"]
        for program in programs.values():
            rows = [program["no_passes"], *program["passes"]]
            for measure in ("ops", "macs", "arena_bytes", "moved_bytes", "weight_bytes", "weight_read_bytes"):
                self.assertEqual([a[measure] - b[measure] for a, b in zip(rows, rows[1:])], [row["saved"][measure] for row in rows[1:]])
        self.assertEqual((3, 28, 28), self.encode(out, "pixels")[0])
        outcome = self.done("run", out, "--prompt", "hi", "--max-tokens", "3", "--json")
        self.assertIn("first 40 rows", self.says_one_line(outcome))
        self.assertTrue(json.loads(outcome.out)["cut"])
        self.assertEqual(b"", self.done("run", out, "--prompt", "hi", "--max-tokens", "3", "--json", "--quiet").err)

    def test_target(self):
        """The machine that a file is made for is told by the file, and changes no result."""
        answers = []
        for target, cores, l3 in (("pi4", 4, 0), ("x86-avx512vnni", 4, 12 << 20)):
            out = compiled("target.bnc", self.checkpoint, "--target", target)
            told = self.done_json("inspect", out, "--json")["target"]
            self.assertEqual((target, cores, l3), (told["name"], told["cores"], told["l3_bytes"]))
            self.assertIn(f"target     {target}, {cores} cores".encode(), self.done("inspect", out).out)
            answers.append(self.encode(out, "projector"))
        self.assertEqual(answers[0], answers[1])
        self.assertEqual(answers[0], self.encode(self.model, "projector"))

    def test_packed(self):
        plain, packed = self.model, compiled("packed.bnc", self.checkpoint, "--packed")
        self.assertGreater(os.path.getsize(packed), os.path.getsize(plain))
        answers = [self.done("run", m, "--prompt", "hi", "--image", PHOTO, "--max-tokens", "6").out for m in (plain, packed)]
        self.assertEqual(answers[0], answers[1])

    def encode(self, model, stage):
        out = path("encoded.npy")
        outcome = self.done("encode", model, *((PHOTO,) if stage == "dem" else ("--image", PHOTO)), "--stage", stage, "-o", out)
        self.assertEqual((b"", b""), (outcome.out, outcome.err))
        return load_array(out)

    def test_passes(self):
        exact = compiled("exact.bnc", self.checkpoint, "--vision-weights", "f32", "--text-weights", "f32")
        slow = compiled("slow.bnc", self.checkpoint, "--vision-weights", "f32", "--text-weights", "f32", "--disable-pass", "prune-rows", "--disable-pass",
                        "merge-equal")
        self.assertEqual(self.encode(exact, "projector"), self.encode(slow, "projector"))
        self.assertEqual(10, self.encode(exact, "tiles")[0][0])
        self.assertLess(10, self.encode(slow, "tiles")[0][0])

    def test_replaces_and_keeps(self):
        out = path("kept.bnc")
        compiled("kept.bnc", self.checkpoint)
        with open(out, "rb") as f:
            before = f.read()
        self.assertEqual(1, binocle("compile", path("nowhere"), "-o", out).code)
        self.assertEqual(1, binocle("compile", self.checkpoint, "-o", out, "--context", "999999").code)
        with open(out, "rb") as f:
            self.assertEqual(before, f.read())
        compiled("kept.bnc", self.checkpoint)
        with open(out, "rb") as f:
            self.assertEqual(before, f.read())


class Run(ProgramCase):
    def run_json(self, *arguments):
        return self.done_json("run", self.model, "--json", *arguments)

    def test_streams_what_json_says(self):
        arguments = ("--prompt", "What is this?", "--image", PHOTO, "--max-tokens", "12")
        told = self.run_json(*arguments)
        outcome = self.done("run", self.model, *arguments)
        self.assertEqual(b"", outcome.err)
        self.assertEqual(told["answer"].rstrip("\n") + "\n", outcome.out.decode().rstrip("\n") + "\n")
        self.assertTrue(outcome.out.endswith(b"\n"))
        self.assertEqual((1, False), (told["pictures"], told["cut"]))
        self.assertEqual(("length", 12), (told["finish"], told["tokens"]))
        for name in ("load_s", "vision_s", "prefill_s", "decode_s", "total_s", "time_to_first_token_s", "prefill_tokens_per_s", "decode_tokens_per_s"):
            self.assertGreaterEqual(told[name], 0, name)

    def test_threads_do_not_matter(self):
        answers = {self.run_json("--prompt", "x", "--image", PHOTO, "--max-tokens", "8", "--threads", n)["answer"] for n in "124"}
        self.assertEqual(1, len(answers))
        self.assertEqual(3, self.run_json("--prompt", "x", "--max-tokens", "2", "--threads", "3")["threads"])

    def test_sampling(self):
        drawn = ["--temperature", "1.5", "--top-p", "0.95", "--top-k", "50", "--max-tokens", "16", "--prompt", "x"]
        answers = [self.run_json(*drawn, "--seed", seed)["answer"] for seed in ("1", "1", "18446744073709551615")]
        self.assertEqual(answers[0], answers[1])
        self.assertNotEqual(answers[0], answers[2])
        greedy = self.run_json("--prompt", "x", "--max-tokens", "16")["answer"]
        self.assertEqual(greedy, self.run_json("--prompt", "x", "--max-tokens", "16", "--temperature", "2", "--top-k", "1")["answer"])

    def test_pictures(self):
        none, one = self.run_json("--prompt", "hi", "--max-tokens", "2"), self.run_json("--prompt", "hi", "--image", PHOTO, "--max-tokens", "2")
        two = self.run_json("--prompt", "<image> then <image>?", "--image", PHOTO, "--image", PHOTO2, "--max-tokens", "2")
        self.assertEqual((0, 1, 2), (none["pictures"], one["pictures"], two["pictures"]))
        self.assertGreater(one["prompt_rows"], none["prompt_rows"] + IMAGE_ROWS)
        self.assertGreater(two["prompt_rows"], one["prompt_rows"] + IMAGE_ROWS)

    def test_long_prompt_is_cut(self):
        outcome = self.done("run", self.model, "--prompt", "long " * 400, "--max-tokens", "2", "--json")
        told = json.loads(outcome.out)
        self.assertEqual((True, CONTEXT), (told["cut"], told["prompt_rows"]))
        self.assertIn(f"first {CONTEXT} rows", self.says_one_line(outcome))

    def test_dashes_as_values(self):
        self.assertEqual(1, self.run_json("--prompt=--json", "--max-tokens", "1")["tokens"])
        self.assertEqual(1, self.run_json("--prompt", "-5 + 3 =", "--max-tokens", "1")["tokens"])

    def test_text_only(self):
        model = compiled("text.bnc", make_checkpoint("text", vision=False))
        self.assertEqual(3, self.done_json("run", model, "--prompt", "hi", "--max-tokens", "3", "--json")["tokens"])
        for arguments in (["run", model, "--prompt", "hi", "--image", PHOTO], ["chat", model, "--image", PHOTO],
                          ["encode", model, PHOTO, "--stage", "dem", "-o", path("x.npy")]):
            outcome = binocle(*arguments)
            self.assertEqual(1, outcome.code)
            self.assertIn("text-only", self.says_one_line(outcome))

    def test_no_tokenizer(self):
        model, checkpoint = path("mute.bnc"), make_checkpoint("mute", tokenizer=False)
        lines = self.done("compile", checkpoint, "-o", model).err.decode().splitlines()
        self.assertTrue(len(lines) == 2 and lines[0].startswith("binocle: warning: ") and "no tokenizer.json" in lines[0], lines)
        for arguments in (["run", model, "--prompt", "hi", "--image", PHOTO], ["chat", model], ["tokenize", model]):
            outcome = binocle(*arguments, stdin=b"hi\n")
            self.assertEqual(1, outcome.code)
            self.assertIn("no tokenizer", self.says_one_line(outcome))
        self.done("score", model, "--ids", save_ids("ids.npy", PROMPT), "-o", path("logits.npy"))

    def test_example(self):
        ask = os.environ["BINOCLE_ASK"]
        def run(*arguments):
            return subprocess.run([ask, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60, check=False)
        said = run(self.model, PHOTO, "What is this?")
        self.assertEqual((0, b""), (said.returncode, said.stderr))
        told = self.run_json("--prompt", "What is this?", "--image", PHOTO)
        self.assertEqual(told["answer"] + "\n", said.stdout.decode())
        self.assertEqual((2, 1, 1), (run().returncode, run(self.model, self.model, "x").returncode, run(path("nowhere"), PHOTO, "x").returncode))
        with open(os.path.join(ROOT, "runtime", "examples", "ask.c"), encoding="utf-8") as f:
            self.assertLessEqual(len(f.readlines()), 40)


class Chat(ProgramCase):
    def chat(self, text, *arguments):
        return self.done("chat", self.model, "--max-tokens", "6", *arguments, stdin=text).out.decode()

    def test_first_answer_is_run_s(self):
        told = self.done_json("run", self.model, "--prompt", "one", "--image", PHOTO, "--max-tokens", "6", "--json")
        self.assertEqual(told["answer"] + "\n", self.chat(b"one\n", "--image", PHOTO))
        self.assertEqual(told["answer"] + "\n", self.chat(b"  one  \r\n\n\n", "--image", PHOTO, "--threads", "2", "--quiet"))
        self.assertEqual(told["answer"] + "\n", self.chat(f"/image {PHOTO}\none".encode()))

    def test_reset_and_quit(self):
        once = self.chat(b"one\n")
        self.assertEqual(once + once, self.chat(b"one\n/reset\none\n"))
        self.assertEqual(once, self.chat(b"one\n/quit\none\n"))
        self.assertNotEqual(once + once, self.chat(b"one\none\n"), "the second question continues the first")
        self.assertEqual("", self.chat(b""))

    def test_slash(self):
        self.assertEqual(self.done_json("run", self.model, "--prompt", "/x", "--max-tokens", "6", "--json")["answer"] + "\n", self.chat(b"//x\n"))

    def test_wrong_lines(self):
        for line in (b"/nonsense\n", b"/image\n", b"/image /nowhere.png\n", b"\xff\n", b"a\0b\n", b"<image>\n", b"/quit now\n"):
            outcome = binocle("chat", self.model, stdin=line)
            self.assertEqual((1, b""), (outcome.code, outcome.out), line)
            self.says_one_line(outcome, line)

    def test_context_fills(self):
        outcome = binocle("chat", self.model, "--max-tokens", "100", stdin=b"again and again\n" * 100)
        self.assertEqual(1, outcome.code)
        self.assertIn("context", outcome.err.decode())


class Encode(ProgramCase):
    def test_stages(self):
        def shape(stage):
            self.done("encode", self.model, PHOTO, "--stage", stage, "-o", path("out.npy"), "--threads", "2", "--quiet")
            shape, values = load_array(path("out.npy"))
            self.assertEqual(len(values), int(os.path.getsize(path("out.npy")) - 128) // 4)
            return shape
        self.assertEqual([(3, 84, 84), (10, IMAGE_ROWS, 64), (IMAGE_ROWS, 64), (IMAGE_ROWS, 64)], [shape(s) for s in ("pixels", "tiles", "dem", "projector")])


class Score(ProgramCase):
    def score(self, *arguments):
        out = path("logits.npy")
        outcome = self.done("score", self.model, *arguments, "-o", out)
        self.assertEqual((b"", b""), (outcome.out, outcome.err))
        return load_array(out)

    def test_force(self):
        ids, forced = save_ids("ids.npy", PROMPT), [33, 44, 55]
        shape, rows = self.score("--ids", ids, "--force", save_ids("force.npy", forced))
        self.assertEqual((3, VOCABULARY), shape)
        for k in range(3):
            one_shape, one = self.score("--ids", save_ids("more.npy", PROMPT + forced[:k], "<i8"), "--threads", "2")
            self.assertEqual((VOCABULARY,), one_shape)
            self.assertLess(max(abs(a - b) for a, b in zip(one, rows[k * VOCABULARY:])), 0.05)

    def test_pictures(self):
        ids = save_ids("ids.npy", [256, -200, 65, -200, 66])
        self.assertEqual((VOCABULARY,), self.score("--ids", ids, "--image", PHOTO, "--image", PHOTO2)[0])
        self.assertNotEqual(self.score("--ids", ids, "--image", PHOTO, "--image", PHOTO2), self.score("--ids", ids, "--image", PHOTO2, "--image", PHOTO))

    def test_cut(self):
        ids = save_ids("long.npy", [65] * (CONTEXT + 9))
        outcome = self.done("score", self.model, "--ids", ids, "-o", path("cut.npy"))
        self.assertIn(f"first {CONTEXT} rows", self.says_one_line(outcome))
        self.assertEqual(self.score("--ids", save_ids("short.npy", [65] * CONTEXT)), load_array(path("cut.npy")))


class Tokenize(ProgramCase):
    def test_both_ways(self):
        lines = [json.dumps(t) for t in ("", "a street sign", "\u00e9\u4e16\U0001f600", "line\nbreak <|eot_id|>")]
        text = ("\n".join(lines) + "\n").encode()
        for source in (self.model, self.checkpoint):
            ids = self.done("tokenize", source, stdin=text).out
            self.assertEqual(["", "a street sign", "\u00e9\u4e16\U0001f600", "line\nbreak <|eot_id|>"],
                             [json.loads(line) for line in self.done("tokenize", source, "--decode", stdin=ids).out.splitlines()])
            self.assertEqual([[], list(b"a street sign")], [json.loads(line) for line in ids.splitlines()[:2]])
        self.assertEqual(b"", self.done("tokenize", self.model, stdin=b"").out)

    def test_wrong_line_is_numbered(self):
        for arguments, text in (([], b'"a"\nx\n"c"\n'), ([], b'"a"\n[1]\n'), ([], b'"a"\n\n'), ([], b'"a"\n"\xff"\n'), (["--decode"], b'[1]\n[2147483648]\n'),
                                (["--decode"], b'[1]\n"a"\n'), (["--decode"], b'[1]\n[1.5]\n'), (["--decode"], b'[1]\n[-200]\n')):
            outcome = binocle("tokenize", self.model, *arguments, stdin=text)
            self.assertEqual(1, outcome.code, text)
            self.assertIn("line 2", self.says_one_line(outcome, text))


class Tell(ProgramCase):
    def test_inspect(self):
        told = self.done_json("inspect", self.model, "--json")
        self.assertEqual((10, 19, 10), (told["vision"]["tile_encodes"], told["vision"]["tile_encodes_reference"], len(told["vision"]["live_tiles"])))
        self.assertEqual(os.path.getsize(self.model), told["file_bytes"])
        for program in ("vision", "prefill", "decode"):
            for figure in ("ops", "arena_bytes", "macs"):
                self.assertGreater(told["programs"][program][figure], 0)
        self.assertGreater(told["weights"]["bytes"], 0)
        self.assertTrue(told["format_version"] and told["model"] and told["weights"]["by_dtype"])
        text, schedule = self.done("inspect", self.model).out, self.done("inspect", self.model, "--schedule").out
        self.assertTrue(text.endswith(b"\n") and not text.endswith(b"\n\n"))
        self.assertGreater(len(schedule.splitlines()), 20)
        both = self.done_json("inspect", self.model, "--json", "--schedule")
        self.assertEqual(told | {"schedule": schedule.decode().splitlines()}, both)
        self.assertEqual(text, self.done("inspect", self.model, "--memory-svg", path("memory.svg")).out)
        with open(path("memory.svg"), encoding="utf-8") as f:
            self.assertIn("<svg", f.read())

    def test_devices(self):
        self.assertIn("cpu", self.done_json("devices", "--json"))
        self.assertGreater(len(self.done("devices").out.splitlines()), 3)


if __name__ == "__main__":
    main()
