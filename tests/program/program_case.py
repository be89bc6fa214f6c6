# SPDX-License-Identifier: Apache-2.0
"""What the tests of the program share: small checkpoints, models compiled from them, .npy files, and a run with its outcome.

    BINOCLE_PROGRAM  the program        BINOCLE_ROOT  the source tree        the working directory is scratch
"""
import array
import ast
import json
import os
import shutil
import signal
import struct
import subprocess
import sys
import time
import unittest

PROGRAM = os.environ["BINOCLE_PROGRAM"]
ROOT = os.environ["BINOCLE_ROOT"]
WORK = os.path.join(os.getcwd(), "work")
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import random_checkpoint  # noqa: E402

IMAGES = os.path.join(ROOT, "tests", "data", "image")
PHOTO = os.path.join(IMAGES, "photo.jpg")
PHOTO2 = os.path.join(IMAGES, "photo.png")
CONTEXT = 288  # rows to which the small model cuts prompts
VOCABULARY = random_checkpoint.VOCABULARY + 1
IMAGE_ROWS = 16
SHARD = random_checkpoint.SHARD
# Small enough for sanitizers: 4 x 4 patches of 7 pixels, 3 x 3 tiles.
random_checkpoint.VISION.update(width=64, mlp=64, patch=7, grid=4)
random_checkpoint.TEXT.update(width=64, mlp=64, heads=2, kv_heads=1)

os.environ["BINOCLE_CACHE"] = os.path.join(WORK, "cache")
os.environ["XDG_STATE_HOME"] = os.path.join(WORK, "state")  # chat's history
os.environ["EDITRC"] = os.devnull
os.environ.pop("BINOCLE_CPU", None)
# One CPU, hence one thread where none are asked for: two that wait for each other on a busy machine take a hundred times longer.
if hasattr(os, "sched_setaffinity"):
    cpus = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cpus[os.getpid() % len(cpus)]})


def sane_signals():
    """A test that runs in the background of a shell inherits an ignored Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)


def catches_ctrl_c(process):
    """Waits until that program handles the signal; before, the signal's own way of ending it counts."""
    limit, caught = time.monotonic() + 30, 0
    while not caught >> (signal.SIGINT - 1) & 1:
        assert process.poll() is None and time.monotonic() < limit, "nobody handles Ctrl-C"
        time.sleep(0.001)
        with open(f"/proc/{process.pid}/status", encoding="ascii") as f:
            caught = int(next(line for line in f if line.startswith("SigCgt:")).split()[1], 16)


class Outcome:
    def __init__(self, process, out, err):
        self.code, self.out, self.err = process.returncode, out, err

    def __repr__(self):
        return f"exit code {self.code}\nstdout: {self.out!r}\nstderr: {self.err.decode('utf-8', 'replace')}"


def binocle(*arguments, stdin=b"", stdout=subprocess.PIPE, timeout=60, **settings):
    process = subprocess.Popen([PROGRAM, *arguments], stdin=subprocess.PIPE, stdout=stdout, stderr=subprocess.PIPE, preexec_fn=sane_signals, **settings)
    try:
        out, err = process.communicate(stdin, timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise AssertionError(f"still running after {timeout} s: binocle {' '.join(map(str, arguments))[:200]}") from None
    return Outcome(process, out, err)


def path(*parts):
    return os.path.join(WORK, *parts)


def make_checkpoint(name, change_config=None, vision=True, tokenizer=True):
    """A folder of that name in the working directory, made once."""
    folder = path(name)
    os.makedirs(folder)
    config = random_checkpoint.config()
    config["tokenizer_model_max_length"] = CONTEXT
    if not vision:
        config = {k: v for k, v in config.items() if not k.startswith("mm_")} | {"model_type": "llama"}
    config.update(change_config or {})
    random_checkpoint.write_json(folder, "config.json", config)
    if tokenizer:
        random_checkpoint.write_json(folder, "tokenizer.json", random_checkpoint.tokenizer())
    shapes = random_checkpoint.shapes
    if not vision:
        text = {n: s for n, s in shapes().items() if "spatial_embed" not in n and "mm_projector" not in n and "vision_tower" not in n}
        random_checkpoint.shapes = lambda: text
    random_checkpoint.write_weights(folder, 1)
    random_checkpoint.shapes = shapes
    silence_special_tokens(os.path.join(folder, SHARD))
    return folder


def silence_special_tokens(shard):
    """Rows of zeros in the head: a random model then never says a special token, so that answers are as long as they may be."""
    with open(shard, "r+b") as f:
        size = struct.unpack("<Q", f.read(8))[0]
        at = 8 + size + json.loads(f.read(size))["lm_head.weight"]["data_offsets"][0]
        row = 2 * random_checkpoint.TEXT["width"]
        f.seek(at + 256 * row)
        f.write(bytes((VOCABULARY - 256) * row))


def compiled(name, checkpoint, *options):
    model = path(name)
    done = binocle("compile", checkpoint, "-o", model, "--quiet", *options)
    assert done.code == 0 and not done.out and not done.err, done
    return model


def save_ids(name, ids, dtype="<i4"):
    header = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': ({len(ids)},), }}"
    header += " " * (-(len(header) + 11) % 64) + "\n"
    with open(path(name), "wb") as f:
        f.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode())
        f.write(array.array({"<i4": "i", "<i8": "q"}[dtype], ids).tobytes())
    return path(name)


def load_array(file):
    """Shape and float32 values of a .npy file."""
    with open(file, "rb") as f:
        raw = f.read()
    assert raw[:8] == b"\x93NUMPY\x01\x00", raw[:16]
    end = 10 + struct.unpack("<H", raw[8:10])[0]
    header = ast.literal_eval(raw[10:end].decode())
    assert header["descr"] == "<f4" and not header["fortran_order"], header
    return header["shape"], array.array("f", raw[end:])


class ProgramCase(unittest.TestCase):
    """Finds a `checkpoint` and the `model` that is compiled from it in the scratch folder."""
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.checkpoint, cls.model = path("checkpoint"), path("model.bnc")
        if not os.path.exists(cls.model):
            make_checkpoint("checkpoint")
            compiled("model.bnc", cls.checkpoint)

    def done(self, *arguments, **settings):
        outcome = binocle(*arguments, **settings)
        self.assertEqual(0, outcome.code, f"binocle {' '.join(arguments)}\n{outcome}")
        return outcome

    def done_json(self, *arguments, **settings):
        outcome = self.done(*arguments, **settings)
        self.assertEqual(b"", outcome.err)
        return json.loads(outcome.out)

    def says_one_line(self, outcome, what=""):
        lines = outcome.err.decode().split("\n")
        self.assertEqual(2, len(lines), f"{what}: expected one line on stderr\n{outcome}")
        self.assertTrue(lines[0].startswith("binocle: ") and len(lines[0]) > 20 and lines[1] == "", f"{what}\n{outcome}")
        self.assertTrue(lines[0].isprintable(), f"{what}\n{outcome}")
        return lines[0]


def main():
    shutil.rmtree(WORK, ignore_errors=True)
    os.makedirs(WORK)
    try:
        unittest.main(verbosity=1)
    finally:
        shutil.rmtree(WORK, ignore_errors=True)
