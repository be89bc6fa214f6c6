# SPDX-License-Identifier: Apache-2.0
"""What the tests of `binocle serve` share: a running server, a client, and models: the pocket model, which answers, and one of noise that talks as
long as it is told to."""
import base64
import contextlib
import http.client
import json
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import time
import unittest
import zlib

ROOT = os.environ["BINOCLE_ROOT"]
sys.path.insert(0, os.path.join(ROOT, "tests", "program"))
import program_case  # noqa: E402
from program_case import PROGRAM, main, path, sane_signals  # noqa: E402,F401

POCKET = os.path.join(ROOT, "quant", "pocket", "pocket.bnc")
SIGN = os.path.join(ROOT, "tests", "data", "pocket", "0000.webp")
CHAT = "/v1/chat/completions"
SLOW = 10 if os.environ.get("BINOCLE_SANITIZE") else 1  # how much longer things take


def data_url(file, kind="webp"):
    with open(file, "rb") as f:
        return f"data:image/{kind};base64," + base64.b64encode(f.read()).decode()


def blank_png(width, height):
    """The address of a black picture."""
    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
    pixels = zlib.compress(bytes(1 + 3 * width) * height, 1)
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    return "data:image/png;base64," + base64.b64encode(data).decode()


def user(text, *urls):
    return {"role": "user", "content": [{"type": "text", "text": text}, *({"type": "image_url", "image_url": {"url": url}} for url in urls)]}


class Reply:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def text(self):
        return self.json["choices"][0]["message"]["content"]

    @property
    def events(self):
        """The objects of a stream, which ends with [DONE]."""
        parts = [part for part in self.body.decode().split("\n\n") if part and not part.startswith(":")]
        assert parts[-1] == "data: [DONE]", self.body[-300:]
        return [json.loads(part.removeprefix("data: ")) for part in parts[:-1]]

    def __repr__(self):
        return f"{self.status} {self.body[:600]!r}"


class Server:
    def __init__(self, model, *options, listen="127.0.0.1:0", **settings):
        arguments = [PROGRAM, "serve", model, *(("--listen", listen) if listen else ()), *options]
        self.process = subprocess.Popen(arguments, stderr=subprocess.PIPE, stdout=subprocess.PIPE, preexec_fn=sane_signals, **settings)
        self.said = self.process.stderr.readline().decode()
        found = re.search(r"http://(.*):(\d+)/", self.said)
        self.host, self.port = (found[1].strip("[]"), int(found[2])) if found else (None, None)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self, number=signal.SIGTERM):
        """Exit code and what else was said."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            out, err = self.process.communicate(timeout=30 * SLOW)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()
            raise AssertionError("the server does not end") from None
        self.said += err.decode()
        return self.process.returncode, out

    def ask(self, method="GET", target="/health", body=None, headers=None, timeout=60 * SLOW):
        connection = http.client.HTTPConnection(self.host, self.port, timeout=timeout)
        with contextlib.closing(connection):
            connection.request(method, target, body, headers or {})
            reply = connection.getresponse()
            return Reply(reply.status, reply.headers, reply.read())

    def chat(self, *messages, headers=None, **members):
        body = json.dumps({"messages": [message if isinstance(message, dict) else user(message) for message in messages], **members})
        return self.ask("POST", CHAT, body, {"content-type": "application/json", **(headers or {})})

    def raw(self):
        return socket.create_connection((self.host, self.port), timeout=30 * SLOW)

    def metric(self, name):
        """The sum of a metric over its labels."""
        lines = self.ask(target="/metrics").body.decode().split("\n")
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if re.match(rf"binocle_{name}(\{{|$| )", line))

    def wait(self, name, value, seconds=20):
        end = time.monotonic() + seconds * SLOW
        while self.metric(name) != value:
            if time.monotonic() > end:
                raise AssertionError(f"{name} is {self.metric(name)} after {seconds} s, expected {value}")
            time.sleep(0.02)


def read_reply(connection):
    """All that comes until the other side closes."""
    received = b""
    with contextlib.suppress(ConnectionResetError):
        while part := connection.recv(65536):
            received += part
    return received


class ServeCase(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        """`talker`: a model of noise with a long context."""
        cls.talker = path("talker.bnc")
        if not os.path.exists(cls.talker):
            checkpoint = program_case.make_checkpoint("talker", {"tokenizer_model_max_length": 65536, "max_position_embeddings": 65536})
            program_case.compiled("talker.bnc", checkpoint, "--context", "65536")

    def refused(self, reply, status, *words):
        self.assertEqual(status, reply.status, reply)
        error = reply.json["error"]
        self.assertEqual({"message", "type", "param", "code"}, set(error))
        for word in words:
            self.assertIn(word, error["message"])
        return error
