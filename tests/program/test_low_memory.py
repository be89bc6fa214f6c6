# SPDX-License-Identifier: Apache-2.0
"""Little memory: whatever the limit, the program answers as it always does or ends with one line. The trained model looks at a picture."""
import os
import re
import resource
import struct
import subprocess
import sys
import tempfile
import unittest
import zlib

from program_case import PROGRAM, ROOT, binocle, main, path, sane_signals

sys.path.insert(0, os.path.join(ROOT, "bench", "memory"))
import limits  # noqa: E402

POCKET = os.path.join(ROOT, "quant", "pocket", "pocket.bnc")
PICTURE = os.path.join(ROOT, "tests", "data", "pocket", "0000.webp")
ASK = ["run", POCKET, "--image", PICTURE, "--prompt", "What is on the sign?", "--threads", "1"]
MIB = 1 << 20


def limited(which, size):
    def limit():
        sane_signals()
        resource.setrlimit(which, (size, size))
    p = subprocess.run([PROGRAM, *ASK], capture_output=True, timeout=120, preexec_fn=limit, check=False)
    return p.returncode, p.stdout, p.stderr.decode()


def write_png(name, width, height):
    """Black, an image row at a time."""
    packer, row = zlib.compressobj(1), bytes(1 + 3 * width)
    data = b"".join([packer.compress(row) for _ in range(height)] + [packer.flush()])
    os.makedirs(os.path.dirname(name), exist_ok=True)
    with open(name, "wb") as f:
        f.write(b"\x89PNG\r\n\x1a\n")
        for kind, part in ((b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)), (b"IDAT", data), (b"IEND", b"")):
            f.write(struct.pack(">I", len(part)) + kind + part + struct.pack(">I", zlib.crc32(kind + part)))


def peak(*arguments):
    """(exit code, standard error), and the most bytes that were resident."""
    with tempfile.TemporaryFile() as err:
        p = subprocess.Popen([PROGRAM, *arguments], stdout=subprocess.DEVNULL, stderr=err)
        _, status, usage = os.wait4(p.pid, 0)
        p.returncode = os.waitstatus_to_exitcode(status)
        err.seek(0)
        return (p.returncode, err.read().decode()), usage.ru_maxrss * 1024


class LowMemory(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        outcome = binocle(*ASK, "--quiet")
        assert outcome.code == 0, outcome
        cls.answer = outcome.out

    def one_line(self, text, pattern):
        self.assertRegex(text, r"\Abinocle: [^\n]*(" + pattern + r")[^\n]*\n\Z")

    @unittest.skipIf(os.environ.get("BINOCLE_SANITIZE"), "a sanitizer's shadow memory alone takes terabytes of addresses")
    def test_limits_of_the_process(self):
        for which in (resource.RLIMIT_AS, resource.RLIMIT_DATA):
            codes, size = set(), 256 * MIB
            while size > 64 << 10:
                code, out, err = limited(which, size)
                codes.add(code)
                if code == 127 or code < 0 and not out and "binocle" not in err:
                    break  # the loader, or even the kernel, cannot start it
                self.assertIn(code, (0, 1), (which, size, out, err))
                if code == 0:
                    self.assertEqual((self.answer, ""), (out, err), (which, size))
                else:
                    self.assertEqual(b"", out)
                    self.one_line(err, "memory|allocate|threads|too large")
                size = size * 7 // 8
            self.assertLessEqual({0, 1}, codes, which)

    def test_limits_of_a_synth_model(self):
        """A picture, a prompt and tokens, from 256 KiB to plenty; bench/baselines/memory-sweep.csv has finer steps."""
        model = path("sweep.bnc")
        os.makedirs(os.path.dirname(model), exist_ok=True)
        self.assertEqual(0, binocle("synth", "w128", "-o", model, "--text-weights", "int4", "--quiet").code)
        for kind in ("--memory-limit",) if os.environ.get("BINOCLE_SANITIZE") else limits.KINDS:
            counts, enough, wrong = limits.sweep(model, kind, 1, 1.3, 256 << 10, 512 * MIB)
            self.assertEqual([], wrong)
            self.assertTrue(counts["answered"] > 3 and counts["refused"] > 1 and enough, (kind, counts))

    def test_memory_limit(self):
        refused = binocle(*ASK, "--memory-limit", "1M")
        self.assertEqual((1, b""), (refused.code, refused.out))
        self.one_line(refused.err.decode(), r"the memory limit is 1\.0 MB, expected at least")
        least = float(re.search(r"at least ([0-9.]+) MB", refused.err.decode())[1]) + 0.1  # it is rounded
        for megabytes, code in ((least, 0), (least - 0.3, 1), (least + 0.5, 0), (least + 2, 0), (1000, 0)):
            outcome = binocle(*ASK, "--memory-limit", f"{megabytes:.2f}M")
            self.assertEqual(code, outcome.code, (megabytes, outcome))
            if code == 0:
                self.assertEqual(self.answer, outcome.out, megabytes)
        short = binocle(*ASK, "--memory-limit", f"{least:.2f}M").err.decode()
        self.assertRegex(short, r"a context of \d+ rows \(of 2304\), KV cache int8")
        self.assertEqual(b"", outcome.err)  # 1000 MB need no word

    @unittest.skipIf(os.environ.get("BINOCLE_SANITIZE"), "a sanitizer's shadow memory counts as well")
    def test_a_picture_counts(self):
        """Decoded whole, 36 million pixels would be 108 MB."""
        picture, larger = path("large.png"), path("larger.png")
        write_png(picture, 7200, 5000)
        write_png(larger, 14000, 14000)
        ask = ["run", POCKET, "--prompt", "hi", "--max-tokens", "2", "--threads", "1"]
        peaks = []
        for megabytes in (80, 1000):
            outcome, bytes_ = peak(*ask, "--image", picture, "--memory-limit", f"{megabytes}M")
            self.assertEqual(0, outcome[0], outcome)
            peaks.append(bytes_)
            self.assertEqual(megabytes < 1000, "MB for a picture: one of more than" in outcome[1], outcome)
        self.assertLess(peaks[0], 80e6)
        self.assertGreater(peaks[1], 108e6)
        outcome = binocle(*ask, "--image", larger, "--memory-limit", "80M")
        self.assertEqual(1, outcome.code, outcome)
        self.one_line(outcome.err.decode(), r"larger\.png: the picture is too large: .* expected at most \d+ under this memory limit")

    def test_every_command_that_answers(self):
        commands = (["chat", POCKET], ["bench", POCKET], ["eval", POCKET, os.path.join(os.path.dirname(PICTURE), "questions.jsonl"), "-o", "-"],
                    ["serve", POCKET, "--listen", "127.0.0.1:0"])
        for command in commands:
            outcome = binocle(*command, "--memory-limit", "1M")
            self.assertEqual(1, outcome.code, outcome)
            self.one_line(outcome.err.decode(), r"the memory limit is 1\.0 MB, expected at least")

    def test_sizes(self):
        for size in ("1G", "1Gi", "1.5G", "1000M", "1000000K", "1000000000", "0.001T"):
            self.assertEqual(0, binocle(*ASK, "--quiet", "--memory-limit", size).code, size)
        for size in ("0", "-1G", "1e9", "1.2.3G", "G", "1GB", "0x10G", "inf", " 1G", "1 G", "1i"):
            outcome = binocle(*ASK, "--memory-limit", size)
            self.assertEqual(2, outcome.code, size)
            self.one_line(outcome.err.decode(), r"--memory-limit is '[^']*', expected a size such as")

    def test_cache_types(self):
        for kind in ("f32", "f16", "int8", "default"):
            self.assertEqual(self.answer, binocle(*ASK, "--quiet", "--kv", kind).out, kind)
        state = path("low_memory.state")
        os.makedirs(os.path.dirname(state), exist_ok=True)
        self.assertEqual(0, binocle(*ASK, "--quiet", "--kv", "int8", "--save", state).code)
        again = ["run", POCKET, "--prompt", "And the colour?", "--restore", state]
        self.assertEqual(0, binocle(*again, "--kv", "int8", "--quiet").code)
        self.one_line(binocle(*again, "--kv", "f32").err.decode(), "a session with a KV cache of int8, but this one has f32")

    def machine(self, name, kilobytes):
        root = path(name)
        os.makedirs(os.path.join(root, "proc"), exist_ok=True)
        with open(os.path.join(root, "proc", "meminfo"), "w", encoding="ascii") as f:
            f.write(f"MemTotal: {kilobytes} kB\nMemAvailable: {kilobytes} kB\n")
        return {"env": dict(os.environ, BINOCLE_SYSFS=root)}

    def test_a_machine_with_less_than_the_model(self):
        """What must be resident fits, the weights do not: one warning, the same answer."""
        codes = []
        for kilobytes in range(8000, 3000, -500):
            outcome = binocle(*ASK, **self.machine(f"machine{kilobytes}", kilobytes))
            warnings = outcome.err.decode().count("warning: this machine leaves")
            codes.append((outcome.code, warnings))
            if outcome.code == 0:
                self.assertEqual(self.answer, outcome.out)
            else:
                self.one_line(outcome.err.decode(), "needs .* of memory, but this machine leaves")
        self.assertEqual(codes, sorted(codes))
        self.assertEqual({(0, 0), (0, 1), (1, 0)}, set(codes))


if __name__ == "__main__":
    main()
