# SPDX-License-Identifier: Apache-2.0
"""What the program is connected to: non-blocking streams, pipes in place of files, long names, outputs that are inputs, checkpoints that are
none, and machines without /proc or /sys."""
import fcntl
import json
import os
import shutil
import subprocess
import threading
import time
import unittest

from program_case import IMAGES, PHOTO, PROGRAM, ROOT, SHARD, ProgramCase, binocle, main, path, sane_signals

POCKET = os.path.join(ROOT, "quant", "pocket", "pocket.bnc")


def non_blocking(fd):
    fcntl.fcntl(fd, fcntl.F_SETFL, fcntl.fcntl(fd, fcntl.F_GETFL) | os.O_NONBLOCK)


class Streams(ProgramCase):
    def test_non_blocking_output(self):
        arguments = [PROGRAM, "inspect", POCKET, "--schedule", "--json"]
        expected = subprocess.run(arguments, capture_output=True, check=True).stdout
        self.assertGreater(len(expected), 2 * 65536, "more than a pipe holds")
        readable, writable = os.pipe()
        non_blocking(writable)
        process = subprocess.Popen(arguments, stdout=writable, stderr=subprocess.PIPE)
        os.close(writable)
        time.sleep(0.5)
        with os.fdopen(readable, "rb") as f:
            self.assertEqual(expected, f.read())
        self.assertEqual((b"", 0), (process.communicate()[1], process.returncode))

    def test_non_blocking_input(self):
        readable, writable = os.pipe()
        non_blocking(readable)

        def slowly():
            for line in ('"one"\n', '"tw', 'o"\n'):
                time.sleep(0.2)
                os.write(writable, line.encode())
            os.close(writable)

        writer = threading.Thread(target=slowly)
        writer.start()
        outcome = subprocess.run([PROGRAM, "tokenize", self.model], stdin=readable, capture_output=True, check=True)
        writer.join()
        os.close(readable)
        self.assertEqual([len("one"), len("two")], [len(json.loads(line)) for line in outcome.stdout.splitlines()])

    def test_pictures_through_pipes(self):
        with open(PHOTO, "rb") as f:
            photo = f.read()
        run = ["run", self.model, "--prompt", "x", "--max-tokens", "3", "--quiet", "--image"]
        expected = self.done(*run, PHOTO).out
        for name in ("-", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"):
            self.assertEqual(expected, self.done(*run, name, stdin=photo).out, name)
        with open(PHOTO, "rb") as f:
            self.assertEqual(expected, subprocess.run([PROGRAM, *run, "-"], stdin=f, capture_output=True, check=True).stdout)
        os.mkfifo(path("fifo"))
        writer = threading.Thread(target=lambda: open(path("fifo"), "wb").write(photo))
        writer.start()
        self.assertEqual(expected, self.done(*run, path("fifo")).out)
        writer.join()
        for wrong, says in ((photo[:9], "JPEG picture: "), (b"", "found an empty file"), (b"x" * ((256 << 20) + 1), "more than 268435456 bytes")):
            outcome = binocle(*run, "-", stdin=wrong)
            self.assertEqual((1, b""), (outcome.code, outcome.out))
            self.assertIn(says, self.says_one_line(outcome))
        outcome = binocle(*run, "-", "--image", "/dev/stdin", stdin=photo)
        self.assertIn("standard input, which holds one", self.says_one_line(outcome))

    def test_byte_order_marks(self):
        mark = b"\xef\xbb\xbf"
        chat = ["chat", self.model, "--max-tokens", "3", "--quiet"]
        script = f"/image {PHOTO}\nhello\n".encode()
        self.assertEqual(self.done(*chat, stdin=script).out, self.done(*chat, stdin=mark + script).out)
        self.assertEqual(self.done("tokenize", self.model, stdin=b'"a"\n').out, self.done("tokenize", self.model, stdin=mark + b'"a"\n').out)
        question = b'{"question": "a", "answer": "b"}\n'
        ask = ["eval", self.model, "-", "-o", "-", "--quiet", "--max-tokens", "3"]
        self.assertEqual(1, self.done(*ask, stdin=mark + question).out.count(b"\n"))

    def test_long_names(self):
        for name in ("x" * 251 + ".npy", "\u00e4" * 125 + "x.npy"):
            self.assertEqual(255, len(name.encode()))
            self.done("encode", self.model, PHOTO, "--stage", "pixels", "-o", path(name))
            os.remove(path(name))

    def test_output_is_an_input(self):
        shutil.copy(PHOTO, path("a.jpg"))
        os.symlink("a.jpg", path("link.jpg"))
        os.link(path("a.jpg"), path("hard.jpg"))
        config = os.path.join(self.checkpoint, "config.json")
        cases = [["encode", self.model, path("a.jpg"), "--stage", "pixels", "-o", path(n)] for n in ("a.jpg", "link.jpg", "hard.jpg", "../work/a.jpg")]
        cases += [["encode", self.model, "--image", path("a.jpg"), "--stage", "pixels", "-o", path("hard.jpg")],
                  ["encode", self.model, PHOTO, "--stage", "pixels", "-o", self.model], ["compile", self.checkpoint, "-o", config],
                  ["compile", self.checkpoint, "-o", path("new.bnc"), "--report", os.path.join(self.checkpoint, SHARD)],
                  ["inspect", self.model, "--memory-svg", self.model], ["profile", self.model, "--image", path("a.jpg"), "--trace", path("a.jpg")]]
        shutil.copy(self.model, path("own.bnc"))
        schema = path("own.json")
        with open(schema, "w", encoding="utf-8") as f:
            f.write('{"type": "integer"}')
        for ask in (["run", path("own.bnc"), "--prompt", "x"], ["chat", path("own.bnc")]):
            cases += [[*ask, "--save", path("own.bnc")], [*ask, "--image", path("a.jpg"), "--save", path("link.jpg")],
                      [*ask, "--json-schema", schema, "--save", schema]]
        for arguments in cases:
            outcome = binocle(*arguments)
            self.assertEqual((1, b""), (outcome.code, outcome.out), arguments)
            self.assertRegex(self.says_one_line(outcome), "is (the same file as|a part of) .*, expected another file to write")
        for options, lines in (([], f"/save {path('own.bnc')}"), (["--image", path("a.jpg")], f"/save {path('hard.jpg')}"),
                               ([], f"/image {path('a.jpg')}\n/save {path('link.jpg')}"), (["--save", path("link.jpg")], f"/image {path('a.jpg')}")):
            outcome = binocle("chat", path("own.bnc"), *options, "--quiet", stdin=lines.encode())
            self.assertEqual((1, b""), (outcome.code, outcome.out), lines)
            self.assertIn("is the same file as", self.says_one_line(outcome))
        for kept, copy in ((PHOTO, path("a.jpg")), (self.model, path("own.bnc"))):
            with open(kept, "rb") as a, open(copy, "rb") as b:
                self.assertEqual(a.read(), b.read())

    def test_a_conversation_takes_its_own_place(self):
        state = path("again.state")
        self.done("run", self.model, "--prompt", "x", "--max-tokens", "2", "--save", state)
        first = os.path.getsize(state)
        self.done("run", self.model, "--prompt", "x", "--max-tokens", "2", "--restore", state, "--save", state)
        self.done("chat", self.model, "--max-tokens", "2", "--restore", state, "--save", state, stdin=f"x\n/save {state}".encode())
        self.assertGreater(first, 0)


class Checkpoints(ProgramCase):
    def refused(self, expected, name):
        outcome = binocle("compile", name, "-o", path("none.bnc"), cwd=path())
        self.assertEqual((1, b""), (outcome.code, outcome.out))
        self.assertIn(expected, self.says_one_line(outcome))
        self.assertFalse(os.path.exists(path("none.bnc")))

    def test_what_is_none(self):
        pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"
        for name, content, expected in (("m.gguf", b"GGUF\3\0\0\0", "is it truncated?"), ("m.pth", b"PK\3\4", "a PyTorch file"), ("m.bin", b"\x80\2}", "a PyTorch file"),
                                        ("lfs.safetensors", pointer, "a Git LFS pointer"), ("x.txt", b"x", "found a file"), ("empty", b"", "found a file")):
            with open(path(name), "wb") as f:
                f.write(content)
            self.refused(expected, path(name))
        self.refused("a single safetensors file", os.path.join(self.checkpoint, SHARD))
        self.refused("a JSON file", os.path.join(self.checkpoint, "config.json"))
        self.refused("a model file", self.model)
        self.refused("Hugging Face Hub", "some-org/Some_Model.7B")
        self.refused("No such file", "./nowhere/at-all")
        shutil.copytree(self.checkpoint, path("pointers"))
        with open(path("pointers", SHARD), "wb") as f:
            f.write(pointer)
        self.refused("found a Git LFS pointer", path("pointers"))

    def test_one_file_goes_before_an_index(self):
        shutil.copytree(self.checkpoint, path("two"))
        os.rename(path("two", SHARD), path("two", "model.safetensors"))
        with open(path("two", "model.safetensors.index.json"), "w", encoding="utf-8") as f:
            f.write('{"weight_map": {"lm_head.weight": "gone.safetensors"}}')
        self.done("compile", path("two"), "-o", path("two.bnc"), "--quiet")

    def test_heads(self):
        shutil.copytree(self.checkpoint, path("heads"))
        config = path("heads", "config.json")
        with open(config, encoding="utf-8") as f:
            members = json.load(f)
        del members["vision_config"]
        with open(config, "w", encoding="utf-8") as f:
            json.dump(members, f)
        self.assertIn(b"warning: nothing says how many attention heads", self.done("compile", path("heads"), "-o", path("heads.bnc")).err)


class Machines(ProgramCase):
    def without(self, *folders):
        """What to put in front of a program that finds those folders empty."""
        hide = ["unshare", "-m", "sh", "-c", "".join(f"mount -t tmpfs none {folder} && " for folder in folders) + 'exec "$0" "$@"']
        if not shutil.which("unshare") or subprocess.run([*hide, "true"], capture_output=True, check=False).returncode:
            self.skipTest("needs the right to mount")
        return hide

    @unittest.skipIf(os.environ.get("BINOCLE_SANITIZE"), "sanitizers need /proc")
    def test_what_is_not_known_is_not_told(self):
        for command in (["profile", POCKET], ["profile", POCKET, "--json"], ["bench", POCKET, "--repeat", "1"], ["devices"]):
            outcome = subprocess.run([*self.without("/sys", "/proc"), PROGRAM, *command, "--quiet"], capture_output=True, text=True, check=False)
            self.assertEqual((0, ""), (outcome.returncode, outcome.stderr), command)
            self.assertNotRegex(outcome.stdout, r"\bnan\b|\b0 B resident", command)

    def test_without_proc_or_sys(self):
        with open(os.path.join(ROOT, "tests", "data", "pocket", "questions.jsonl"), encoding="utf-8") as f:
            question = json.loads(f.readline())
        picture = os.path.join(ROOT, "tests", "data", "pocket", question["image"])
        run = [PROGRAM, "run", POCKET, "--image", picture, "--prompt", question["question"], "--quiet"]
        expected = subprocess.run(run, capture_output=True, check=True).stdout
        for hidden in ("/sys", "/proc"):
            hide = self.without(hidden)
            outcome = subprocess.run([*hide, *run], capture_output=True, check=False, preexec_fn=sane_signals)
            if b"LeakSanitizer has encountered a fatal error" in outcome.stderr:  # it needs /proc itself, even to read that it is not wanted
                self.assertEqual(expected, outcome.stdout)
                continue
            if outcome.returncode == 0:
                self.assertEqual((expected, b""), (outcome.stdout, outcome.stderr), hidden)
            else:  # a level whose layers need XNNPACK, which needs /proc
                self.assertEqual(1, outcome.stderr.count(b"\n"), outcome)
                self.assertIn(b"/proc/cpuinfo", outcome.stderr)


if __name__ == "__main__":
    assert os.path.isdir(IMAGES)
    main()
