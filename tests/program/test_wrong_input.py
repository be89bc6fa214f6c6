# SPDX-License-Identifier: Apache-2.0
"""Wrong input of every kind: exit code 1 or 2, one line on standard error that helps, nothing on standard output, no file left."""
import json
import os
import re
import shutil
import struct
import subprocess

from program_case import IMAGES, PHOTO, PROGRAM, ROOT, SHARD, ProgramCase, binocle, main, path, sane_signals, save_ids

COMMANDS = re.findall(r"^  ([a-z]+) ", binocle("help").out.decode().split("environment:")[0], re.M)
NPY = os.path.join(ROOT, "tests", "data", "npy")


def listing():
    return sorted(os.path.join(d, f) for d, _, files in os.walk(path()) for f in files if not d.startswith(path("cache")))


class Wrong(ProgramCase):
    checked = 0

    def wrong(self, code, expected, *arguments, **settings):
        """Exit code, a regular expression that the line matches, the arguments."""
        before = listing()
        outcome = binocle(*arguments, **settings)
        what = " ".join(str(a)[:80] for a in arguments)
        self.assertEqual(code, outcome.code, f"binocle {what}\n{outcome}")
        self.assertEqual(b"", outcome.out, f"binocle {what}\n{outcome}")
        line = self.says_one_line(outcome, what)
        self.assertRegex(line, expected, what)
        if code == 2:  # the page that helps is the command's own, where there is one
            command = next((f"{a} " for a in arguments[:1] if a in COMMANDS), "")
            self.assertTrue(line.endswith(f"; see 'binocle {command}--help'"), line)
        self.assertEqual(before, listing(), f"binocle {what} left a file")
        Wrong.checked += 1

    def test_usage(self):
        m, out = self.model, path("out.npy")
        run, encode, score, comp = ["run", m, "--prompt", "x"], ["encode", m, PHOTO, "-o", out], ["score", m, "-o", out], ["compile", self.checkpoint]
        for expected, arguments in (
                ("no command", []), ("no command 'fly'", ["fly"]), ("no command ''", [""]), ("no option '--fly'", ["--fly"]), ("too many", ["--version", "x"]),
                ("no option '--fly'", [*run, "--fly"]), ("no option '-x'", [*run, "-x"]), ("no option '--prompts=x'", ["run", m, "--prompts=x"]),
                ("no option '--p'", ["run", m, "--p", "x"]), ("no option '-o=x'", [*comp, "-o=x"]), ("no option '--calibrate'", [*comp, "--calibrate", "x"]),
                ("MODEL is missing", ["run"]), ("--prompt TEXT is missing", ["run", m]), ("--prompt TEXT lacks", ["run", m, "--prompt"]),
                ("--prompt TEXT lacks", ["run", m, "--prompt", "--json"]), ("--prompt is empty", ["run", m, "--prompt", ""]), ("MODEL is empty", ["run", "", "--prompt", "x"]),
                ("one argument too many", [*run, "y"]), ("one argument too many", ["devices", m, "x"]), ("--prompt is given twice", [*run, "--prompt", "y"]),
                ("--json is given twice", [*run, "--json", "--json"]), ("--json takes no value", [*run, "--json=1"]), ("--image is empty", [*run, "--image", ""]),
                ("more than 64 times", [*run, *["--image", "x"] * 65]),
                *((f"--threads is '{re.escape(n)}'", [*run, "--threads", n]) for n in
                  ("0", "-1", "+2", "1025", "100000", "12x", "x", " 4", "4 ", "0x4", "1.0", "1e1", "99999999999999999999", "\u0663", "nan")),
                ("--threads is ''", [*run, "--threads="]), ("--max-tokens is '0'", [*run, "--max-tokens", "0"]), ("--top-k is '-1'", [*run, "--top-k=-1"]),
                *((f"--temperature is '{re.escape(t)}'", [*run, "--temperature", t]) for t in ("-0.1", "101", "nan", "inf", "1e999", "0x1", "1,5", "warm", "--", "1e")),
                *((f"--top-p is '{p}'", [*run, "--top-p", p]) for p in ("0", "1.01", "-1")), ("--seed is '18446744073709551616'", [*run, "--seed", "18446744073709551616"]),
                ("--stage STAGE is missing", encode), ("--stage is 'patch'", [*encode, "--stage", "patch"]), ("IMAGE is missing", ["encode", m, "--stage", "dem", "-o", out]),
                ("'.*photo.jpg' is one argument too many", [*encode, "--stage", "dem", "--image", PHOTO]), ("is one argument too many", [*encode, PHOTO, "--stage", "dem"]),
                ("-o OUT.npy is missing", ["encode", m, PHOTO, "--stage", "dem"]), ("--ids IDS.npy is missing", score), ("-o LOGITS.npy is missing", ["score", m, "--ids", "x"]),
                ("-o is given twice", [*comp, "-o", "a", "-o", "b"]), ("-o MODEL.bnc is missing", comp), ("--group is '48'", [*comp, "-o", out, "--group", "48"]), *((f"--bits-per-weight is '{x}'", [*comp, "-o", out, "--bits-per-weight", x]) for x in ("3", "17", "nan")),
                ("--vision-weights is 'int4'", [*comp, "-o", out, "--vision-weights", "int4"]), ("--text-weights is 'f16'", [*comp, "-o", out, "--text-weights", "f16"]),
                ("--context is '0'", [*comp, "-o", out, "--context", "0"]), ("no pass 'x', expected one of", [*comp, "-o", out, "--disable-pass", "x"]),
                ("no target 'pi6', expected one of pi4, pi5, ", [*comp, "-o", out, "--target", "pi6"]),
                ("--memory-svg FILE.svg lacks", ["inspect", m, "--memory-svg"]), ("--group needs --text-weights int4", [*comp, "-o", out, "--group", "16"]),
                ("--json needs --evaluate", [*comp, "-o", out, "--json"]), ("--vision-weights needs a preset or --board", ["devices", "--vision-weights", "int8"]),
                ("--text-weights needs a preset: ", ["devices", m, "--text-weights", "int4"]), ("B.json is missing", ["profile", "--compare", "A.json"]),
                *((f"{o} needs --json or --power-limit", [*run, o, v]) for o, v in (("--energy", "none"), ("--meter-command", "false"), ("--watts", "5"), ("--idle", "1"))),
                *(("--choice '.*' has an empty part", [*run, "--choice", c]) for c in ("a,,b", ",a", "a,", ",")),
                *((f"{a} and {b} exclude each other: an answer has one form", [*command, b, "x", a, "x"])
                  for command in (run, ["chat", m], ["eval", m, "x", "-o", out]) for a, b in (("--json-schema", "--choice"), ("--choice", "--regex"))),
                *((f"{a} and {b} exclude each other: energy has one source", [*command, a, "5", b, "6"]) for a, b in (("--energy", "--meter-command"), ("--energy", "--watts"))
                  for command in ([*run, "--json"], ["bench", m], ["profile", m], ["serve", m], ["eval", m, "x", "-o", out], ["chat", m, "--power-limit", "9"]))):
            self.wrong(2, expected, *arguments)

    def test_files(self):
        m, out, ids = self.model, path("out.npy"), save_ids("ids.npy", [1, 2])
        os.makedirs(path("folder"))
        os.mkfifo(path("fifo"))
        run, encode = ["run", m, "--prompt", "x"], ["encode", m, PHOTO, "--stage", "dem", "-o"]
        for expected, arguments in (
                ("nowhere.bnc: No such file", ["run", path("nowhere.bnc"), "--prompt", "x"]), ("folder: .*directory", ["run", path("folder"), "--prompt", "x"]),
                ("fifo: ", ["run", path("fifo"), "--prompt", "x"]), ("photo.jpg: ", ["run", PHOTO, "--prompt", "x"]), ("/dev/null: ", ["inspect", "/dev/null"]),
                ("name_with\\?line: No such", ["inspect", path("name_with\nline")]), ("File name too long", ["inspect", "x" * 300]),
                ("nowhere.png: No such file", [*run, "--image", path("nowhere.png")]), ("folder: .*directory", [*run, "--image", path("folder")]),
                ("model.bnc: .*expected a WebP, JPEG or PNG", [*run, "--image", m]),
                ("the question: .*UTF-8", [*run[:-1], b"\xff"]), ("1 <image>, but 0 pictures", [*run[:-1], "<image> x"]),
                ("1 <image>, but 2 pictures are given", [*run[:-1], "<image> x", "--image", PHOTO, "--image", PHOTO]), ("2 <image>, but 1 picture is given", [*run[:-1], "<image> <image>", "--image", PHOTO]),
                ("nowhere.txt: No such file", ["compile", self.checkpoint, "-o", path("x.bnc"), "--evaluate", path("nowhere.txt")]), ("nofile: No such file", ["eval", "--summary", path("nofile")]),
                ("the vision tower: .*photo.jpg: found a file", ["compile", self.checkpoint, "-o", path("x.bnc"), "--mmproj", PHOTO]),
                ("folder: is a folder", [*encode, path("folder")]), ("nowhere/x.npy: .*No such", [*encode, path("nowhere", "x.npy")]), ("is a folder", [*encode, path("x/")]),
                ("/dev/full: .*No space", [*encode, "/dev/full"]), ("ids.npy is no folder|Not a directory", [*encode, os.path.join(ids, "x.npy")]),
                ("nowhere.npy: No such", ["score", m, "--ids", path("nowhere.npy"), "-o", out]), ("photo.jpg: ", ["score", m, "--ids", PHOTO, "-o", out]),
                ("/dev/full: .*No space", ["score", m, "--ids", ids, "-o", "/dev/full"]), ("/dev/full: .*No space", ["compile", self.checkpoint, "-o", "/dev/full"]),
                ("/dev/full: .*No space", ["compile", self.checkpoint, "-o", path("y.bnc"), "--report", "/dev/full"]),
                ("folder: is a folder", ["compile", self.checkpoint, "-o", path("folder")]), ("folder: is a folder", ["inspect", m, "--memory-svg", path("folder")]),
                ("nowhere.*No such", ["tokenize", path("nowhere")]), ("tokenizer.json: No such", ["tokenize", path("folder")])):
            self.wrong(1, expected, *arguments)
        os.rmdir(path("folder"))
        os.unlink(path("fifo"))

    def test_rights(self):
        locked, folder = path("locked.bnc"), path("sealed")
        shutil.copy(self.model, locked)
        os.chmod(locked, 0)
        os.makedirs(folder)
        os.chmod(folder, 0o500)
        somebody = {}
        if os.geteuid() == 0:  # root may read and write everything: be somebody else, who may at least run the program
            somebody = {"user": 65534, "group": 65534, "extra_groups": []}
            try:
                if binocle("inspect", self.model, **somebody).code != 0:
                    self.skipTest("nobody but root can read this folder")
            except OSError as error:
                self.skipTest(f"nobody but root can run the program: {error}")
        try:
            self.wrong(1, "locked.bnc: Permission denied", "inspect", locked, **somebody)
            self.wrong(1, "locked.bnc: .*Permission denied", "encode", self.model, PHOTO, "--stage", "dem", "-o", locked, **somebody)
            self.wrong(1, "x.npy: .*Permission denied", "encode", self.model, PHOTO, "--stage", "dem", "-o", os.path.join(folder, "x.npy"), **somebody)
        finally:
            os.rmdir(folder)

    def test_ids(self):
        def score(expected, ids, *more):
            self.wrong(1, expected, "score", self.model, "--ids", ids, "-o", path("out.npy"), *more)
        good = save_ids("good.npy", [1, 2])
        for ids in ([300], [1, -1], [-199], [2 ** 31 - 1], [-2 ** 31]):
            score(f"bad_ids.npy: id {ids[-1]} at position {len(ids) - 1}, expected 0 to ", save_ids("bad_ids.npy", ids))
        score("bad_ids.npy: id ", save_ids("bad_ids.npy", [2 ** 40], "<i8"))
        score("bad_ids.npy: has no ids", save_ids("bad_ids.npy", []))
        score("bad_ids.npy: has no ids", good, "--force", save_ids("bad_ids.npy", []))
        score("bad_ids.npy: id 300 at position 1", good, "--force", save_ids("bad_ids.npy", [1, 300]))
        score("bad_ids.npy: has 1 placeholders", good, "--force", save_ids("bad_ids.npy", [-200]))
        score("bad_ids.npy: has 1 placeholders .*0 pictures", save_ids("bad_ids.npy", [-200]))
        score("good.npy: has 0 placeholders .*1 picture is given", good, "--image", PHOTO)
        score("bad_ids.npy: has 100000 ids, expected at most", good, "--force", save_ids("bad_ids.npy", [1] * 100000))
        score("bad_ids.npy: .*context", good, "--force", save_ids("bad_ids.npy", [1] * 544))
        for name in ("bad_big_endian", "bad_fortran", "bad_matrix_i4", "bad_records", "bad_u2", "matrix_f4", "scalar_f4"):
            score(f"{name}.npy: ", os.path.join(NPY, name + ".npy"))

    def test_pictures(self):
        names = sorted(n for n in os.listdir(IMAGES) if n.startswith("bad_"))
        self.assertGreater(len(names), 10)
        for name in names:
            self.wrong(1, f"{name}: ", "encode", self.model, os.path.join(IMAGES, name), "--stage", "pixels", "-o", path("out.npy"))
        for name in ("photo.jpg", "photo.png", "photo.webp"):
            with open(os.path.join(IMAGES, name), "rb") as f, open(path("cut_" + name), "wb") as g:
                g.write(f.read()[:200])
            self.wrong(1, f"cut_{name}: ", "run", self.model, "--prompt", "x", "--image", path("cut_" + name))

    def test_models(self):
        with open(self.model, "rb") as f:
            good = f.read()
        def bad(content, *arguments):
            with open(path("bad.bnc"), "wb") as g:
                g.write(content)
            for command in (["inspect"], ["run", "--prompt", "x"], ["tokenize"]):
                self.wrong(1, "bad.bnc: ", command[0], path("bad.bnc"), *command[1:])
        for size in (0, 1, 8, 63, len(good) // 2, len(good) - 1):
            bad(good[:size])
        bad(good + b"x")
        bad(b"\0" * len(good))
        for at in (0, 9, 20, len(good) // 3, len(good) - 2):
            bad(good[:at] + bytes([good[at] ^ 16]) + good[at + 1:])

    def broken(self, expected, change_config=None, change=None, *more):
        folder = shutil.copytree(self.checkpoint, path("broken"))
        if change_config:
            with open(os.path.join(folder, "config.json"), encoding="utf-8") as f:
                config = json.load(f) | change_config
            with open(os.path.join(folder, "config.json"), "w", encoding="utf-8") as f:
                json.dump(config, f)
        if change:
            change(folder)
        self.wrong(1, expected, "compile", folder, "-o", path("y.bnc"), *more)
        shutil.rmtree(folder)

    def test_checkpoints(self):
        def shard(change):
            def apply(folder):
                with open(os.path.join(folder, SHARD), "rb") as f:
                    raw = f.read()
                size = struct.unpack("<Q", raw[:8])[0]
                with open(os.path.join(folder, SHARD), "wb") as f:
                    f.write(change(json.loads(raw[8:8 + size]), raw[8 + size:], raw))
            return apply
        def packed(header, data):
            text = json.dumps(header).encode()
            return struct.pack("<Q", len(text)) + text + data
        def without(header, data, _):
            header["model.norm.wight"] = header.pop("model.norm.weight")
            return packed(header, data)
        def reshaped(header, data, _):
            header["lm_head.weight"]["shape"].reverse()
            return packed(header, data)
        def nan(header, data, _):
            at = header["model.norm.weight"]["data_offsets"][0]
            return packed(header, data[:at] + b"\xc0\x7f" + data[at + 2:])
        def write(name, text):
            def apply(folder):
                with open(os.path.join(folder, name), "wb") as f:
                    f.write(text)
            return apply
        remove = lambda name: lambda folder: os.unlink(os.path.join(folder, name))
        self.broken("config.json: No such", None, remove("config.json"))
        for text in (b"", b"{", b"[]", b"{}", b"\xff", b"[" * 100000, b'{"model_type": "bert"}'):
            self.broken("config.json", None, write("config.json", text))
        for member in ({"hidden_size": 0}, {"hidden_size": -4}, {"hidden_size": 10 ** 12}, {"num_attention_heads": 3}, {"num_hidden_layers": 9}, {"vocab_size": 1},
                       {"hidden_size": "64"}, {"rms_norm_eps": -1}, {"num_key_value_heads": 0}):
            self.broken("config.json|weight", member)
        self.broken(f"{SHARD}: No such", None, remove(SHARD))
        self.broken(r"model\.norm\.wei?ght", None, shard(without))
        self.broken("lm_head.weight", None, shard(reshaped))
        self.broken("norm.weight", None, shard(nan))
        self.broken(SHARD, None, shard(lambda h, d, raw: raw[:-100]))
        self.broken(SHARD, None, shard(lambda h, d, raw: struct.pack("<Q", 1 << 62) + raw[8:]))
        self.broken(SHARD, None, shard(lambda h, d, raw: b""))
        self.broken("index.json", None, write("model.safetensors.index.json", b'{"weight_map": {"a": "model.safetensors.index.json"}}'))
        self.broken("tokenizer.json", None, write("tokenizer.json", b'{"model": {"type": "WordPiece"}}'))
        self.broken("999999", None, None, "--context", "999999")
        self.broken("9999 pixels", None, None, "--input-size", "9999")
        self.broken("nowhere", None, None, "--vision-tower", path("nowhere"))

    def test_environment(self):
        environment = dict(os.environ, BINOCLE_CPU="pentium")
        self.wrong(1, "BINOCLE_CPU: found 'pentium'", "run", self.model, "--prompt", "x", env=environment)
        environment = dict(os.environ, BINOCLE_LINEAR="blas")
        self.wrong(1, "BINOCLE_LINEAR: found 'blas', expected one of: auto, own, xnnpack", "run", self.model, "--prompt", "x", env=environment)
        self.wrong(2, "--linear is 'blas'", "run", self.model, "--prompt", "x", "--linear", "blas")

    def test_standard_streams(self):
        def shell(script):
            return subprocess.run(["sh", "-c", script, PROGRAM, self.model], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60,
                                  check=False, preexec_fn=sane_signals)
        run = '"$0" run "$1" --prompt x --max-tokens 4'
        for command in (run, run + " --json", '"$0" --help', '"$0" --version', '"$0" inspect "$1"', '"$0" devices', '"$0" run --help', "echo '\"a\"' | \"$0\" tokenize \"$1\""):
            for target, expected in ((">/dev/full", b"binocle: cannot write to standard output: No space left on device\n"),
                                     (">&-", b"binocle: cannot write to standard output: Bad file descriptor\n")):
                done = shell(f"{command} {target}")
                self.assertEqual((1, b"", expected), (done.returncode, done.stdout, done.stderr), command + target)
                Wrong.checked += 1
            done = shell(f"( {command}; echo $? >&3 ) 3>&1 >&2 2>/dev/null | cat")
            self.assertEqual(b"0\n", done.stdout, command)
        # A reader that went away.
        for command in (run, '"$0" run --help', "yes '\"a\"' | \"$0\" tokenize \"$1\""):
            done = shell(f"( sleep 0.5; {command}; echo $? >&2 ) | true")
            self.assertEqual((b"", b"1\n"), (done.stdout, done.stderr), command)
            Wrong.checked += 1
        done = shell('"$0" tokenize "$1" <&-')
        self.assertEqual((1, b"binocle: cannot read standard input: Bad file descriptor\n"), (done.returncode, done.stderr))
        self.assertEqual(0, shell(f'"$0" encode "$1" {PHOTO} --stage dem -o closed.npy >&- 2>&- && rm closed.npy').returncode)

    @classmethod
    def tearDownClass(cls):
        print(f"{cls.checked} kinds of wrong input")
        assert cls.checked > 150, cls.checked


if __name__ == "__main__":
    main()
