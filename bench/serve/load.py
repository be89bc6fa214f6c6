# SPDX-License-Identifier: Apache-2.0
"""Many clients of `binocle serve` at once: is anything lost, is memory flat, how long is the queue.

    load.py [--clients 64] [--rounds 5] [--requests 10] [--model quant/pocket/pocket.bnc] [--sessions 1] [--build build/host] [-o FILE.csv]

Each client has a connection and asks one question after the other, whole answers and streams in turn, about pictures that the server does not keep.
All begin at once. Each answer is compared with the one that the same question got alone. A row is a round: `lost` are requests without an answer,
`wrong` those with another; seconds are of the wall, `queue` as the server tells it, `total` as the client sees it; memory is the server's, behind the round.
The last column is the memory over that behind the first round.
"""
import argparse
import base64
import csv
import http.client
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
COLUMNS = ("cpu", "model", "sessions", "clients", "requests", "lost", "wrong", "seconds", "answers_per_s", "queue_p50_s", "queue_p99_s", "queue_max_s",
           "total_p99_s", "resident_bytes", "resident_over_first")
QUESTIONS = ("What does the sign say?", "What number is on the red circle?", "How many signs are there?", "What colour is the triangle?")
PICTURES = ("0000.webp", "0001.webp", "0002.webp", "0003.webp", "0004.webp", "0005.webp")


def cpu_name():
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as f:
        found = re.search(r"model name\s*: (.*)", f.read())
    return f"{found[1] if found else platform.machine()}, {os.cpu_count()} CPUs"


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(share * len(values)))] if values else float("nan")


class Server:
    def __init__(self, options):
        program = os.path.join(options.build, "bin", "binocle")
        command = [program, "serve", options.model, "--listen", "127.0.0.1:0", "--sessions", str(options.sessions), "--keep-pictures", "0",
                   "--queue", str(2 * options.clients), "--connections", str(2 * options.clients)]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE)
        self.port = int(re.search(r":(\d+)/", self.process.stderr.readline().decode())[1])

    def connect(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=600)

    def resident(self):
        connection = self.connect()
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
        connection.close()
        return int(float(re.search(r"^binocle_resident_memory_bytes (.*)$", text, re.M)[1]))

    def stop(self):
        self.process.terminate()
        self.process.communicate(timeout=60)
        return self.process.returncode


def bodies(options):
    """(question, stream) -> body"""
    made = {}
    folder = os.path.join(ROOT, "tests", "data", "pocket")
    files = [os.path.join(folder, name) for name in PICTURES if os.path.exists(os.path.join(folder, name))]
    for file in files:
        with open(file, "rb") as f:
            url = "data:image/webp;base64," + base64.b64encode(f.read()).decode()
        for question in QUESTIONS:
            content = [{"type": "text", "text": question}, {"type": "image_url", "image_url": {"url": url}}]
            for stream in (False, True):
                made[(file, question, stream)] = json.dumps({"messages": [{"role": "user", "content": content}], "max_tokens": 32, "stream": stream,
                                                             **({"stream_options": {"include_usage": True}} if stream else {})})
    return made


def ask(connection, body, stream):
    """The answer and the seconds that it waited for its turn."""
    connection.request("POST", "/v1/chat/completions", body, {"content-type": "application/json"})
    reply = connection.getresponse()
    data = reply.read().decode()
    if reply.status != 200:
        raise ValueError(f"{reply.status} {data[:200]}")
    if not stream:
        told = json.loads(data)
        return told["choices"][0]["message"]["content"], told["usage"]["binocle"]["queue_s"]
    events = [json.loads(part[6:]) for part in data.split("\n\n") if part.startswith("data: {")]
    if not data.endswith("data: [DONE]\n\n"):
        raise ValueError("a stream without an end")
    text = "".join(event["choices"][0]["delta"].get("content", "") for event in events if event["choices"])
    return text, events[-1]["usage"]["binocle"]["queue_s"]


class Round:
    def __init__(self, server, options, requests, expected):
        self.server, self.options, self.requests, self.expected = server, options, requests, expected
        self.queues, self.totals, self.lost, self.wrong, self.lock = [], [], 0, 0, threading.Lock()
        self.begin = threading.Barrier(options.clients + 1)

    def client(self, number):
        connection = self.server.connect()
        connection.connect()
        keys = list(self.requests)
        self.begin.wait()
        for i in range(self.options.requests):
            key = keys[(number * 7 + i * 13) % len(keys)]
            started = time.monotonic()
            try:
                text, queue = ask(connection, self.requests[key], key[2])
            except (OSError, ValueError, http.client.HTTPException, KeyError) as problem:
                print(f"load: lost: {problem!r}", file=sys.stderr)
                with self.lock:
                    self.lost += 1
                connection.close()
                continue
            with self.lock:
                self.totals.append(time.monotonic() - started)
                self.queues.append(queue)
                self.wrong += text != self.expected[key[:2]]
        connection.close()

    def run(self):
        threads = [threading.Thread(target=self.client, args=(i,)) for i in range(self.options.clients)]
        for thread in threads:
            thread.start()
        self.begin.wait()
        started = time.monotonic()
        for thread in threads:
            thread.join()
        self.seconds = time.monotonic() - started


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--requests", type=int, default=10)
    parser.add_argument("--sessions", type=int, default=1)
    parser.add_argument("--model", default=os.path.join(ROOT, "quant", "pocket", "pocket.bnc"))
    parser.add_argument("--build", default=os.path.join(ROOT, "build", "host"))
    parser.add_argument("-o", dest="output")
    options = parser.parse_args()
    server, requests = Server(options), bodies(options)
    expected = {}
    connection = server.connect()
    for key, body in requests.items():
        text, _ = ask(connection, body, key[2])
        if expected.setdefault(key[:2], text) != text:
            raise SystemExit(f"load: a stream says {text!r}, a whole answer {expected[key[:2]]!r}")
    connection.close()
    rows, first = [], None
    for _ in range(options.rounds):
        one = Round(server, options, requests, expected)
        one.run()
        resident = server.resident()
        first = first or resident
        answered = len(one.totals)
        rows.append((cpu_name(), os.path.basename(options.model), options.sessions, options.clients, options.clients * options.requests, one.lost, one.wrong,
                     f"{one.seconds:.3f}", f"{answered / one.seconds:.1f}", *(f"{value:.4f}" for value in (statistics.median(one.queues), percentile(one.queues, 0.99),
                                                                                                    max(one.queues), percentile(one.totals, 0.99))), resident, f"{resident / first:.3f}"))
    code = server.stop()
    with open(options.output, "w", newline="", encoding="utf-8") if options.output else sys.stdout as f:
        writer = csv.writer(f, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(rows)
    return 0 if code == 0 and not any(row[5] or row[6] for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
