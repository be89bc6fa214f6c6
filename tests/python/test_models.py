# SPDX-License-Identifier: Apache-2.0
"""Models: opening, describing, scoring, profiling, compiling as the program does; handles and memory; processes."""
import ctypes
import gc
import importlib.util
import inspect
import json
import logging
import multiprocessing
import os
import pickle
import re
import signal
import subprocess
import sys
import time
import unittest

import binocle
from binocle import compiling
from python_case import ANSWER, POCKET, QUESTION, ROOT, SIGN, PythonCase, program

CHECKPOINT = os.path.join(ROOT, "quant", "pocket", "checkpoint")


class Mallinfo2(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost".split()]


def held():
    """(bytes that malloc has handed out, Python's small objects, mappings): what is held, to the byte; pages come and go as the system likes."""
    gc.collect()
    libc = ctypes.CDLL(None)
    libc.mallinfo2.restype = Mallinfo2
    info = libc.mallinfo2()
    with open("/proc/self/maps", encoding="ascii") as maps:
        return info.uordblks + info.hblkhd, sys.getallocatedblocks(), len(maps.readlines())


def rounds(count, cache):
    """Opens, asks, closes; what is held afterwards."""
    for i in range(count):
        model = binocle.Model(POCKET, threads=1, cache_dir=cache)
        with model.session() as session:
            session.add_image(SIGN)
            assert session.ask(QUESTION, logprobs=True).text() == ANSWER
        assert model.ask(SIGN, QUESTION, progress=lambda stage, fraction: None).text() == ANSWER
        if i % 2:
            model.close()
    del model, session
    return held()


def in_a_child(model, queue):
    try:
        model.ask(SIGN, QUESTION).text()
    except RuntimeError as error:
        queue.put(str(error))
    own = pickle.loads(pickle.dumps(model))
    queue.put(own.ask(SIGN, QUESTION).text())


class Models(PythonCase):
    def test_version_and_info(self):
        self.assertEqual("binocle " + binocle.__version__, program("--version").strip())
        said = self.model.describe()
        self.assertEqual(json.loads(program("inspect", POCKET, "--json")), said)
        info = self.model.info
        self.assertEqual((said["model"]["vocabulary"], said["file_bytes"], True), (info.vocabulary, info.file_bytes, info.has_tokenizer))
        self.assertIn("<svg", self.model.describe("memory_svg"))
        self.assertIn("vision", self.model.describe("text"))

    def test_errors(self):
        for path, kind, text in (("absent.bnc", binocle.FileError, "absent.bnc"), (SIGN, binocle.FormatError, "0000.webp")):
            with self.assertRaises(kind) as caught:
                binocle.Model(path)
            self.assertIn(text, str(caught.exception))
            self.assertIsInstance(caught.exception, binocle.BinocleError)
        with self.assertRaises(OSError):
            binocle.Model("absent.bnc")
        with self.assertRaises(ValueError):
            binocle.Model("a\0b")
        for settings in ({"threads": -1}, {"threads": 2**32}, {"keep_pictures": -1}, {"linear": "fast"}, {"kv_cache": "int4"},
                         {"context": -1}):
            with self.assertRaises(ValueError):
                binocle.Model(POCKET, **settings)
        model = binocle.Model(POCKET, threads=1)
        session = model.session()
        model.close()
        model.close()
        for use in (lambda: model.ask(None, "x").text(), lambda: model.info, model.session, lambda: session.rows, lambda: session.add_image(SIGN)):
            with self.assertRaises(binocle.InvalidArgument):
                use()

    def test_verify(self):
        check = self.model.verify()
        self.assertEqual(0, check.damaged_blocks)
        self.assertEqual(64, len(check.content))
        damaged = os.path.join(self.work, "damaged.bnc")
        with open(POCKET, "rb") as file:
            data = bytearray(file.read())
        data[-100000] ^= 1
        with open(damaged, "wb") as file:
            file.write(data)
        with self.assertRaises(binocle.FormatError) as caught:
            binocle.Model(damaged, threads=1).verify()
        self.assertIn("damaged in 1 of 7 blocks", str(caught.exception))

    def test_tokens(self):
        text = "Which number is on the sign? ☺"
        ids = self.model.tokenize(text)
        self.assertEqual(json.dumps(ids).replace(" ", ""), self.said_of(text))
        self.assertEqual(text, self.model.detokenize(ids))
        self.assertEqual([], self.model.tokenize(""))

    @staticmethod
    def said_of(text):
        process = subprocess.run([os.environ["BINOCLE_PROGRAM"], "tokenize", POCKET], input=json.dumps(text) + "\n", capture_output=True, text=True,
                                 check=True)
        return process.stdout.strip().replace(" ", "")

    def test_score(self):
        ids, force = [binocle.IMAGE_TOKEN, *self.model.tokenize("Which number")], [3, 5, 7]
        for name, values in (("ids", ids), ("force", force)):
            with open(os.path.join(self.work, name + ".npy"), "wb") as file:
                header = f"{{'descr': '<i4', 'fortran_order': False, 'shape': ({len(values)},), }}".ljust(117) + "\n"
                file.write(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode())
                file.write(b"".join(v.to_bytes(4, "little", signed=True) for v in values))
        paths = [os.path.join(self.work, name) for name in ("ids.npy", "force.npy", "out.npy")]
        program("score", POCKET, "--ids", paths[0], "--force", paths[1], "--image", SIGN, "-o", paths[2], "--threads", "1")
        with open(paths[2], "rb") as file:
            raw = file.read()
        expected = raw[10 + int.from_bytes(raw[8:10], "little"):]
        rows = self.model.score(ids, SIGN, force)
        self.assertEqual((3, self.model.info.vocabulary), rows.shape)
        self.assertEqual(expected, rows.tobytes())
        self.assertEqual(expected[: 4 * rows.shape[1]], self.model.score(ids, self.sign).tobytes())
        for wrong in ([99999], [-1], [2**31 - 1]):
            with self.assertRaises(binocle.InvalidArgument):
                self.model.score(wrong)
        for wrong, kind in (([2**32 + 3], ValueError), ([2.5], TypeError), (["3"], TypeError)):
            with self.assertRaises(kind):
                self.model.score(wrong)
        with self.assertRaises(binocle.InvalidArgument):
            self.model.score(ids)

    def test_encode(self):
        with self.model.session() as session:
            info = self.model.info
            self.assertEqual((3, info.input_side, info.input_side), session.encode(SIGN, "pixels").shape)
            self.assertEqual((info.image_rows, info.hidden), session.encode(SIGN).shape)
            with self.assertRaises(ValueError):
                session.encode(SIGN, "logits")

    def test_profile(self):
        profile = self.model.profile(SIGN, QUESTION)
        self.assertEqual(ANSWER, profile.answer)
        self.assertEqual({"vision", "prefill", "decode"}, set(profile.programs))
        vision = profile.programs["vision"]
        self.assertEqual(sum(op.nanoseconds for op in vision.ops), sum(kind.nanoseconds for kind in vision.kinds))
        self.assertEqual(self.model.describe()["programs"]["vision"]["ops"], sum(op.calls for op in vision.ops))
        self.assertIn("traceEvents", json.loads(profile.trace))
        self.assertIn("</html>", profile.html)
        self.assertIn("vision", str(profile))
        self.assertGreater(len(profile.csv.splitlines()), len(vision.ops))
        self.assertGreaterEqual(profile.wall_nanoseconds, profile.nanoseconds)
        self.assertTrue(any(op.kernel and op.gops and op.roof for op in vision.ops))
        self.assertGreater(self.model.profile(SIGN, QUESTION, watts=5.0).programs["vision"].joules, 0)
        paths = [os.path.join(self.work, name) for name in ("a.json", "b.json")]
        for path in paths:
            with open(path, "w", encoding="utf-8") as file:
                file.write(program("profile", POCKET, "--image", SIGN, "--prompt", QUESTION, "--threads", "1", "--json"))
        self.assertTrue(binocle.compare_profiles(*paths))

    def test_compile(self):
        output, theirs = os.path.join(self.work, "mine.bnc"), os.path.join(self.work, "theirs.bnc")
        seen = []
        report = binocle.compile(CHECKPOINT, output, text_weights="int4", target="pi5", progress=lambda stage, fraction: seen.append(stage))
        program("compile", CHECKPOINT, "-o", theirs, "--text-weights", "int4", "--target", "pi5", "--quiet")
        with open(output, "rb") as mine, open(theirs, "rb") as other:
            self.assertEqual(other.read(), mine.read())
        self.assertEqual(os.path.getsize(output), report.file_bytes)
        self.assertTrue(report.report and seen)
        self.assertEqual(ANSWER, binocle.Model(output, threads=1).ask(SIGN, QUESTION).text())
        for settings in ({"text_weights": "int3"}, {"vision_weights": "int4"}, {"kv_cache": "int4"}, {"without_passes": ["none"]}, {"group": -32},
                         {"group": 33, "text_weights": "int4"}):
            with self.assertRaises(ValueError):
                binocle.compile(CHECKPOINT, output, **settings)
        with self.assertRaises(binocle.FileError):
            binocle.compile(os.path.join(self.work, "absent"), output)

        def stop(stage, fraction):
            raise KeyError(stage)
        os.remove(output)
        with self.assertRaises(KeyError):
            binocle.compile(CHECKPOINT, output, progress=stop)
        self.assertFalse(os.path.exists(output))
        self.assertIn("prune-rows", binocle.pass_names())

    def test_compile_has_the_flags_of_the_program(self):
        flags = set(re.findall(r"^  -{1,2}([a-z][a-z-]*) ", program("compile", "--help"), re.M)) - {"help"}
        arguments = set(inspect.signature(binocle.compile).parameters) - {"checkpoint"}
        self.assertGreater(len(flags), 20)
        self.assertEqual(arguments, {compiling.FLAGS.get(flag, flag.replace("-", "_")) for flag in flags - set(compiling.OTHER_FLAGS)})
        self.assertEqual(set(), set(compiling.OTHER_FLAGS) - flags)

    def test_compile_as_the_program_does(self):
        """The same bytes, for each argument that the program has a flag for."""
        text = os.path.join(self.work, "text.txt")
        with open(text, "w", encoding="utf-8") as file:
            file.write("the red sign says stop and a small dog sits near the blue car while two people read what is on the wall. " * 8)
        questions, int4 = os.path.join(os.path.dirname(SIGN), "questions.jsonl"), ("--text-weights", "int4")
        for settings, flags in (({"head_weights": "int4", "group": 16, "rotate": "on"}, ("--head-weights", "int4", "--group", "16", "--rotate", "on")),
                                ({"embedding_weights": "int4", "bits_per_weight": 5.5}, ("--embedding-weights", "int4", "--bits-per-weight", "5.5")),
                                ({"calibration": text, "kv_cache": "int8"}, ("--calibration", text, "--kv", "int8")),
                                ({"calibration": questions}, ("--calibration", questions))):
            binocle.compile(CHECKPOINT, os.path.join(self.work, "mine.bnc"), text_weights="int4", threads=1, **settings)
            program("compile", CHECKPOINT, "-o", os.path.join(self.work, "theirs.bnc"), *int4, *flags, "--threads", "1", "--quiet")
            with open(os.path.join(self.work, "mine.bnc"), "rb") as mine, open(os.path.join(self.work, "theirs.bnc"), "rb") as other:
                self.assertEqual(other.read(), mine.read(), settings)
        for wrong in ("{", '{"image": "a.png"}', "[]", ""):
            with open(os.path.join(self.work, "wrong.jsonl"), "w", encoding="utf-8") as file:
                file.write(wrong)
            with self.assertRaisesRegex(ValueError, "wrong.jsonl"):
                binocle.compile(CHECKPOINT, os.path.join(self.work, "mine.bnc"), calibration=os.path.join(self.work, "wrong.jsonl"))
        for settings in ({"head_weights": "f32"}, {"rotate": "no"}, {"embedding_weights": None}):
            with self.assertRaises(ValueError):
                binocle.compile(CHECKPOINT, os.path.join(self.work, "mine.bnc"), **settings)

    def test_energy_and_devices(self):
        with binocle.EnergyMeter() as meter:
            joules = meter.joules
        self.assertEqual(joules is None, meter.reason != "")
        self.assertEqual(meter.name == "", joules is None)
        self.assertIn("cpu", {key.split("_")[0] for key in binocle.devices()})

    def test_fit(self):
        self.assertIn("pi5", binocle.boards())
        self.assertEqual(json.loads(program("devices", POCKET, "--board", "pi5", "--json")), self.model.fit("pi5"))
        with self.assertRaises(binocle.InvalidArgument):
            self.model.fit("abacus")

    def test_kept_pictures(self):
        model = binocle.Model(POCKET, threads=1, keep_pictures=2, linear="own")
        with model, model.session() as session:
            for _ in range(3):
                session.add_image(SIGN)
            self.assertEqual((1, 2), (session.statistics.pictures, session.statistics.pictures_reused))
            self.assertEqual("own", session.statistics.linear)

    def test_memory_of_sessions(self):
        plain, small = binocle.Model(POCKET, threads=1), binocle.Model(POCKET, threads=1, kv_cache="int8", context=256)
        with plain, small, plain.session() as large, small.session() as session:
            self.assertLess(session.statistics.kv_bytes, large.statistics.kv_bytes / 8)
            self.assertEqual(ANSWER, session.ask(QUESTION, SIGN).text())
            with self.assertRaises(binocle.LimitExceeded):
                session.ask("word " * 200).text()
        with binocle.Model(POCKET, threads=1, memory_limit=1 << 20) as none, self.assertRaises(binocle.LimitExceeded):
            none.session()

    def test_limit_of_pixels(self):
        with binocle.Model(POCKET, threads=1, max_pixels=1000) as few, few.session() as session:
            with self.assertRaisesRegex(binocle.LimitExceeded, "expected at most 3000"):
                session.ask(QUESTION, SIGN).text()
        with binocle.Model(POCKET, threads=1, max_pixels=1 << 40) as many, self.assertRaises(binocle.InvalidArgument):
            many.session()

    def test_messages_go_to_logging(self):
        with self.assertLogs("binocle", logging.DEBUG) as logs:
            from binocle.models import _log
            _log(None, 1, b"a warning")
        self.assertEqual(["WARNING:binocle:a warning"], logs.output)

    def test_processes(self):
        """A fork leaves the model's threads behind: that is told, not waited for. A pickled model is opened anew."""
        queue = multiprocessing.get_context("fork").Queue()
        self.assertEqual(ANSWER, self.model.ask(SIGN, QUESTION).text())
        process = multiprocessing.get_context("fork").Process(target=in_a_child, args=(self.model, queue))
        process.start()
        self.assertIn("fork", queue.get(timeout=60))
        self.assertEqual(ANSWER, queue.get(timeout=60))
        process.join(60)
        self.assertEqual(0, process.exitcode)

    def test_camera_example(self):
        """A folder stands in for the camera."""
        script = os.path.join(ROOT, "runtime", "python", "examples", "camera.py")
        process = subprocess.run([sys.executable, "-B", script, POCKET, os.path.dirname(SIGN), QUESTION], capture_output=True, text=True, check=True)
        lines = process.stdout.splitlines()
        self.assertEqual(len([n for n in os.listdir(os.path.dirname(SIGN)) if n.endswith(".webp")]), len(lines))
        self.assertRegex(lines[0], r"^0000\.webp: 36   \(\d+\.\d\d s.*\)$")
        process = subprocess.run([sys.executable, "-B", script, "absent.bnc", "0"], capture_output=True, text=True, check=False)
        self.assertEqual((1, "camera.py: absent.bnc: No such file or directory\n"), (process.returncode, process.stderr))
        spec = importlib.util.spec_from_file_location("camera", script)
        camera = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(camera)
        seen = iter([self.sign, self.sign, None])
        frames = list(camera.newest_frames(lambda: time.sleep(0.01) or next(seen), "bgr8"))
        self.assertIn((self.sign, "bgr8"), frames)

    def test_ctrl_c_and_exit(self):
        """Ctrl-C ends an endless answer; leaving the program in the middle of one does not hang and does not crash."""
        code = (f"import binocle, sys\nmodel = binocle.Model({POCKET!r}, threads=1)\n"
                "answer = model.ask(None, 'Describe', temperature=5.0, ignore_stop=True, max_tokens=None)\nnext(answer)\nprint('began', flush=True)\n")
        for rest, kill, expected in (("while True: [p for p in model.ask(None, 'Describe', temperature=5.0, ignore_stop=True, max_tokens=None)]", True, (-signal.SIGINT, 130)),
                                     ("", False, (0,)), ("sys.exit(3)", False, (3,))):
            process = subprocess.Popen([sys.executable, "-c", code + rest], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                       preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler))
            self.assertEqual(b"began\n", process.stdout.readline())
            if kill:
                time.sleep(0.05)
                process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=60)
            self.assertIn(process.returncode, expected, err.decode())

    def test_memory(self):
        """200 rounds of open, ask and close: half of the models are closed, half are dropped."""
        cache = os.path.join(self.work, "cache")
        before = rounds(20, cache)
        after = rounds(int(os.environ.get("BINOCLE_ROUNDS", "200")), cache)
        for what, was, now, grows in zip(("bytes", "objects", "mappings"), before, after, (65536, 500, 16)):
            self.assertLess(now - was, grows, f"{what}: {was} after 20 rounds, {now} later")


if __name__ == "__main__":
    unittest.main()
